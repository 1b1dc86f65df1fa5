# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Solvers of diffusers as samplers: parity, convergence, the interface."""

import math

import diffusers
import pytest
import torch

from core.bridge import BRIDGED, drive, schedule_of
from core.denoisers import Gaussian, Network
from core.samplers import SAMPLERS, seeded
from core.schedules import CLEAN, SCHEDULES, linear
from tests.core import MEAN, STD, carried, curved, curved_denoiser, distance, ladder, normal, run

# diffusers hands its tensors to numpy: in set_timesteps, and DEIS to np.log in every step
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:__array_wrap__ must accept:DeprecationWarning"),
]

SOLVERS = [name for name, sampler in BRIDGED.items() if sampler.run is drive]
EACH = pytest.mark.parametrize("name", SOLVERS)


def result(name, denoise, x, levels):
    return run(name, denoise, x, levels)[-1].x_next


# ---- solvers: parity ----------------------------------------------------------------------------

TWINS = {
    "unipc": (diffusers.UniPCMultistepScheduler, {}, ("zero", "sigma_min")),
    "deis": (diffusers.DEISMultistepScheduler, {}, ("sigma_min",)),
    "pndm": (diffusers.PNDMScheduler, {"skip_prk_steps": True}, ("zero", "sigma_min")),
    "dpmpp_3m": (
        diffusers.DPMSolverMultistepScheduler,
        {"solver_order": 3},
        ("zero", "sigma_min"),
    ),
}
CASES = [(name, end) for name, (_, _, ends) in TWINS.items() for end in ends]
# PNDM assumes the stride T // N, which linspace does not have
SPACED = [
    (name, end, spacing)
    for name, end in CASES
    for spacing in ("leading", "trailing", "linspace")
    if (name, spacing) != ("pndm", "linspace")
]


def ordinary(name, end, spacing, **options):
    """The scheduler as anybody would set it up, on the training grid of 1000 timesteps."""
    kind, config, _ = TWINS[name]
    config = {**config, **options, "timestep_spacing": spacing}
    if name == "pndm":
        config["set_alpha_to_one"] = end == "zero"
    elif name != "deis":
        config["final_sigmas_type"] = end
    return kind(**config)


def test_every_bridged_sampler_has_a_twin():
    assert [*TWINS] == SOLVERS and {*BRIDGED} - {*SOLVERS} == {"lcm"}


@pytest.mark.parametrize("exact", [True, False], ids=["gaussian", "network"])
@pytest.mark.parametrize("steps", [4, 10, 20])  # above and below 15, where DEIS and 3M differ
@pytest.mark.parametrize("name, end, spacing", SPACED)
def test_equal_to_the_ordinary_loop_of_diffusers(name, end, spacing, steps, exact):
    twin = ordinary(name, end, spacing)
    schedule = schedule_of(twin)
    twin.alphas_cumprod = schedule.alpha_bar  # 1 / alpha is 157: float32 is too little for 1e-5
    twin.set_timesteps(steps)
    timesteps = list(dict.fromkeys(twin.timesteps.tolist()))  # PNDM's second comes twice
    levels = [*(schedule.level(t) for t in timesteps), schedule.final]
    if spacing == "trailing":
        assert levels == schedule.levels(steps, "trailing")
    denoise = Gaussian(MEAN, STD) if exact else curved_denoiser
    x = start = normal(2, 1, 4, 4, dtype=torch.float32)
    asked, theirs = [], []
    for t in twin.timesteps:
        level = schedule.level(int(t))
        theirs.append(level)
        x = twin.step(denoise(x, level).eps, t, x).prev_sample

    def counted(x, level):
        asked.append(level)
        return denoise(x, level)

    counted.cost = 0
    ours = run(name, counted, start, levels)
    assert distance(ours[-1].x_next, x) < 1e-5
    assert asked == theirs and ours[-1].calls == len(theirs)


@EACH
def test_the_last_step_of_a_clean_ladder_is_a_step(name):
    """DEIS in diffusers ends in its first training level: on a grid of the run it stops short."""
    data = Gaussian(MEAN, 1e-9)
    for steps in (1, 2, 5, 20):
        levels = linear().levels(steps)
        x = normal(2, 1, 4, 4)
        ours = run(name, data, x, levels)
        assert ours[-1].next_level == CLEAN
        torch.testing.assert_close(ours[-1].x_next, torch.full_like(x, MEAN), rtol=0, atol=1e-6)


# ---- solvers: convergence -----------------------------------------------------------------------

# measured orders (levels of the issue, N 128 to 256): unipc 3.2, deis 1.99, pndm 2.00, 3m 1.97;
# the 3M formula is of third order, but its first step is Euler's
ORDERS = {"unipc": (3.2, 0.3), "deis": (2, 0.1), "pndm": (2, 0.1), "dpmpp_3m": (2, 0.1)}


@EACH
def test_order_of_convergence(name):
    errors = []
    for steps in (64, 128, 256):
        levels = ladder(steps)
        x = normal(4, 1, 2, 2) * math.hypot(levels[0].alpha, levels[0].sigma)
        error = result(name, Gaussian(MEAN, STD), x, levels)
        error = error - carried(x, levels[0], levels[-1], MEAN, STD)
        errors.append(float(error.abs().max()))
    assert errors == sorted(errors, reverse=True)
    order, slack = ORDERS[name]
    assert math.log2(errors[-2] / errors[-1]) == pytest.approx(order, abs=slack)
    assert BRIDGED[name].order == math.floor(order)


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@EACH
def test_more_steps_come_nearer_to_the_exact_flow(name, schedule, spacing):
    errors = []
    for steps in (50, 250):
        levels = SCHEDULES[schedule]().levels(steps, spacing)
        x = normal(4, 1, 2, 2)
        error = result(name, Gaussian(MEAN, STD), x, levels)
        error = error - carried(x, levels[0], levels[-1], MEAN, STD)
        errors.append(float(error.square().mean().sqrt()))
    assert errors[1] < errors[0] and errors[1] < 0.006


@EACH
def test_the_scale_of_the_levels_does_not_matter(name):
    results = []
    for kind in ("vp", "ve", "flow"):
        levels = ladder(20, kind)
        x = levels[0].alpha * 55 * normal(4, 1, 2, 2)
        results.append(result(name, Gaussian(MEAN, STD), x, levels) / levels[-1].alpha)
    for each in results[1:]:
        torch.testing.assert_close(each, results[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("schedule", [linear(zero_terminal_snr=True), SCHEDULES["flow"]()])
@EACH
def test_a_start_without_signal_is_left_by_eulers_rule(name, schedule):
    levels = schedule.levels(40)
    assert levels[0].alpha == 0
    x = normal(4, 1, 2, 2)
    (euler, *_), (first, *_) = SAMPLERS["euler"](Gaussian(MEAN, STD), x, levels), run(
        name, Gaussian(MEAN, STD), x, levels
    )  # fmt: skip
    assert torch.equal(first.x_next, euler.x_next)
    rest = result(name, Gaussian(MEAN, STD), first.x_next, levels[1:])
    assert torch.equal(result(name, Gaussian(MEAN, STD), x, levels), rest)
    assert float(rest.mean()) == pytest.approx(MEAN, abs=0.3)


@EACH
def test_a_ladder_that_ends_where_it_already_is(name):
    """Leading spacing visits t = 0 and then the final level, which is that of t = 0."""
    schedule = schedule_of(diffusers.DDIMScheduler(set_alpha_to_one=False))
    levels = schedule.levels(20, "leading")
    ours = run(name, Gaussian(MEAN, STD), normal(2, 1, 4, 4), levels)
    assert len(ours) == 20
    torch.testing.assert_close(ours[-1].x_next, ours[-1].x, rtol=1e-12, atol=1e-12)


# ---- solvers: the interface ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@EACH
def test_steps_chain(name, dtype):
    asked = []

    def counted(x, level):
        asked.append(level)
        return curved_denoiser(x, level)

    levels, start = linear().levels(9), normal(2, 1, 4, 4, dtype=dtype)
    x = start
    for index, step in enumerate(BRIDGED[name](counted, x, levels)):
        assert (step.index, step.calls) == (index, len(asked))
        assert (step.level, step.next_level) == (levels[index], levels[index + 1])
        assert torch.equal(step.x, x) and step.x_next.dtype == dtype
        assert torch.equal(step.prediction.eps, curved_denoiser(x, step.level).eps)
        x = step.x_next
    assert index == 8 and len(asked) == (10 if name == "pndm" else 9)  # PNDM begins with Heun
    assert torch.equal(result(name, curved_denoiser, start, levels), x)


@EACH
def test_two_runs_in_turns_do_not_mix(name):
    levels, x, y = linear().levels(6), normal(1, 1, 4, 4), normal(1, 1, 4, 4, seed=1)
    first, second = (BRIDGED[name](curved_denoiser, start, levels) for start in (x, y))
    *_, (a, b) = zip(first, second, strict=True)
    assert torch.equal(a.x_next, result(name, curved_denoiser, x, levels))
    assert torch.equal(b.x_next, result(name, curved_denoiser, y, levels))


@EACH
def test_gradients_are_off_inside_and_untouched_outside(name):
    weight = torch.ones(1, requires_grad=True)
    network = Network(lambda x, t, condition: weight * curved(x, t))
    for step in BRIDGED[name](network, normal(1, 1, 2, 2), linear().levels(4)):
        assert torch.is_grad_enabled() and not step.x_next.requires_grad


DOWN = linear().levels(5)
REFUSED = [
    (DOWN, {"eta": 0.5, "noise": seeded(0, 1)}, "deterministic: eta must be 0 or None"),
    (DOWN[::-1], {}, "levels that descend from noisy to clean"),
    ([DOWN[0], DOWN[2], DOWN[1], DOWN[5]], {}, "levels that descend"),
    ([DOWN[0], DOWN[1], DOWN[1], DOWN[5]], {}, "levels that descend"),
]


@pytest.mark.parametrize("levels, options, message", REFUSED)
@EACH
def test_refused_at_the_first_step_and_not_at_the_call(name, levels, options, message):
    steps = BRIDGED[name](Gaussian(), torch.zeros(1, 1, 2, 2), levels, **options)
    with pytest.raises(ValueError, match=message):
        next(steps)


@EACH
def test_a_ladder_without_steps_yields_nothing(name):
    for levels in ([], DOWN[:1], DOWN[-1:]):
        assert run(name, Gaussian(), torch.zeros(1, 1, 2, 2), levels) == []


def test_options_reach_the_solver():
    """UniPC and DEIS of order 1 are DDIM, UniPC without its corrector."""
    x, levels = normal(2, 1, 4, 4), linear().levels(10)
    expected = list(SAMPLERS["ddim"](curved_denoiser, x, levels))[-1].x_next
    lone = {"solver_order": 1, "disable_corrector": list(range(10))}
    for name, options in [("unipc", lone), ("deis", {"solver_order": 1})]:
        ours = run(name, curved_denoiser, x, levels, **options)[-1].x_next
        torch.testing.assert_close(ours, expected, rtol=1e-7, atol=1e-7)


def test_every_card_is_filled_in():
    for name in SOLVERS:
        sampler = BRIDGED[name]
        assert sampler.deterministic and sampler.calls_per_step == 1
        assert hasattr(diffusers, sampler.fixed["scheduler"]) and "https://" in sampler.source
        assert name not in SAMPLERS
