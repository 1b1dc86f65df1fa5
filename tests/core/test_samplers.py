# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Samplers: entries that are one formula, noise, eta, the interface."""

import math

import pytest
import torch

from core.denoisers import Clipped, Gaussian, Network
from core.samplers import SAMPLERS, ascending, seeded
from core.schedules import SCHEDULES, Level, linear
from tests.core import MEAN, STD, carried, curved, curved_denoiser, last, normal, run

EACH = pytest.mark.parametrize("name", SAMPLERS)
DETERMINISTIC = [name for name, sampler in SAMPLERS.items() if sampler.deterministic]
STOCHASTIC = [name for name in SAMPLERS if name not in DETERMINISTIC]


# ---- entries that are one formula ---------------------------------------------------------------


def same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.x_next, b.x_next) and torch.equal(a.prediction.x0, b.prediction.x0)
        assert (a.index, a.calls, a.level, a.next_level) == (
            b.index,
            b.calls,
            b.level,
            b.next_level,
        )


@pytest.mark.parametrize("schedule", ["linear", "geometric", "flow"])
def test_identical_entries_are_identical(schedule):
    levels = SCHEDULES[schedule]().levels(12)
    x = normal(2, 1, 3, 3) * levels[0].sigma

    def of(name, **options):
        return run(name, Gaussian(MEAN, STD), x, levels, noise=seeded(5, 2), **options)

    same(of("euler"), of("ddim", eta=0))
    same(of("naive"), of("ddim"))
    same(of("ddpm"), of("ddim", eta=1.0))
    same(of("euler_ancestral"), of("ddpm"))
    same(of("dpmpp_2m"), of("dpmpp_2m_sde", eta=0))
    same(of("ddpm", variance="beta"), of("ddim", variance="beta"))
    for name in ("ddpm", "euler", "euler_ancestral", "naive"):
        assert SAMPLERS[name].same_as


@pytest.mark.parametrize("n", [2, 5, 40])
def test_naive_is_the_loop_of_the_first_seed(n):
    """On flow levels, with a network that predicts the clean picture and hears no label."""

    def network(x, t=0, condition=None):
        return torch.tanh(x) + 0.2 * x.roll(1, -1)

    x = normal(2, 1, 4, 4)
    ours = run("naive", Network(network, kind="sample"), x, SCHEDULES["flow"](n).levels(n))
    for i in range(n):
        x = x + (network(x) - x) / (n - i)
        torch.testing.assert_close(ours[i].x_next, x)


# ---- noise --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variance", ["posterior", "beta"])
@pytest.mark.parametrize("name", STOCHASTIC)
def test_no_noise_enters_the_clean_end(name, variance):
    drawn = []

    def noise(like):
        drawn.append(like.shape)
        return 1e9 * torch.ones_like(like)

    options = {"variance": variance} if "dpmpp" not in name else {}
    (step,) = run(name, Gaussian(MEAN, STD), normal(2, 1, 2, 2), linear().levels(1), eta=1.0,
                  noise=noise, **options)  # fmt: skip
    assert not drawn
    torch.testing.assert_close(step.x_next, step.prediction.x0)


@pytest.mark.parametrize("schedule", ["linear", "geometric", "flow"])
@pytest.mark.parametrize("name, options", [
    ("ddpm", {}),
    ("ddpm", {"variance": "beta"}),
    ("ddim", {"eta": 0.5}),
    ("dpmpp_2m_sde", {}),
])  # fmt: skip
def test_samples_of_gaussian_data_have_its_mean_and_spread(name, options, schedule):
    """In 10,000 pixels the standard error of the mean is 0.005, that of the spread 0.0035."""
    levels = SCHEDULES[schedule]().levels(250)
    noise = seeded(0, 1)
    x = math.hypot(levels[0].alpha, levels[0].sigma) * noise(torch.empty(1, 1, 100, 100))
    pixels = last(SAMPLERS[name](Gaussian(MEAN, STD), x, levels, noise=noise, **options))
    assert float(pixels.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(pixels.std()) == pytest.approx(STD, abs=0.02)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_a_row_alone_is_the_row_in_the_batch(name):
    levels = linear().levels(8)

    def sample(seed, batch):
        noise = seeded(seed, batch)
        x = noise(torch.empty(batch, 1, 4, 4))
        return last(SAMPLERS[name](curved_denoiser, x, levels, noise=noise, eta=1.0))

    batch = sample(40, 3)
    for row in range(3):
        torch.testing.assert_close(sample(40 + row, 1)[0], batch[row], rtol=1e-6, atol=1e-6)
    assert (batch[0] - batch[1]).abs().max() > 0.1


def test_seeded_draws_are_normal_and_new_each_time():
    noise = seeded(1, 2)
    first, second = (noise(torch.empty(2, 1, 100, 100, dtype=torch.float64)) for _ in range(2))
    assert first.dtype == torch.float64 and not torch.equal(first, second)
    assert abs(float(first.mean())) < 0.03 and float(first.std()) == pytest.approx(1, abs=0.03)
    assert torch.equal(seeded(1, 2)(torch.empty(2, 1, 100, 100)), first.float())


@pytest.mark.parametrize("seed, batch", [(-1, 1), (2**32, 1), (math.nan, 1), (0, 0), (0, -3)])
def test_seeds_and_batches_out_of_range(seed, batch):
    with pytest.raises(
        ValueError, match=r"must be (a whole number in 0\.\.4294967295|at least 1), got"
    ):
        seeded(seed, batch)


def test_noise_for_another_batch_is_refused():
    with pytest.raises(ValueError, match="noise for 2 rows does not fit 3"):
        seeded(0, 2)(torch.empty(3, 1, 2, 2))


# ---- eta ----------------------------------------------------------------------------------------

X, DOWN = torch.zeros(1, 1, 2, 2), linear().levels(5)
BAD_ETA = [
    *((name, DOWN, {"eta": 0.5}, "deterministic: eta must be 0") for name in DETERMINISTIC),
    *((name, DOWN, {"eta": 1.5}, r"eta must be in 0\.\.1, got 1\.5") for name in STOCHASTIC),
    *((name, DOWN, {"eta": -0.1}, r"eta must be in 0\.\.1, got -0\.1") for name in STOCHASTIC),
    *((name, DOWN, {"eta": math.nan}, r"eta must be in 0\.\.1, got nan") for name in STOCHASTIC),
    *((name, DOWN[::-1], {"eta": 0.1}, "ascending levels") for name in STOCHASTIC),
    *((name, DOWN, {"eta": 1, "noise": None}, "pass noise=seeded") for name in STOCHASTIC),
    ("ddim", DOWN, {"variance": "large"}, "posterior, beta, learned, got 'large'"),
    ("ddim", DOWN[::-1], {"variance": "beta"}, "ascending levels"),
    ("ddpm", DOWN[::-1], {}, "ascending levels"),
    ("dpmpp_2m_sde", DOWN[::-1], {}, "ascending levels"),
]  # fmt: skip


@pytest.mark.parametrize("name, levels, options, message", BAD_ETA)
def test_refused_at_the_first_step_and_not_at_the_call(name, levels, options, message):
    steps = SAMPLERS[name](Gaussian(), X, levels, **{"noise": seeded(0, 1), **options})
    with pytest.raises(ValueError, match=message):
        next(steps)


@EACH
@pytest.mark.parametrize("zero", [False, True])
def test_eta_0_runs_upwards_to_finite_noise(name, zero):
    """Also out of sigma = 0 and into alpha = 0."""
    levels = linear(zero_terminal_snr=zero).levels(100)[::-1]
    assert ascending(levels) and not ascending(levels[::-1])
    x0 = torch.tensor([-0.5, 0.3, 1.0], dtype=torch.float64).view(3, 1, 1, 1)
    noise = last(SAMPLERS[name](Gaussian(MEAN, STD), x0, levels, eta=0))
    exact = carried(x0, levels[0], levels[-1], MEAN, STD)
    torch.testing.assert_close(noise, exact, rtol=0, atol=0.15)


# ---- the interface ------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("schedule", ["linear", "karras", "flow"])
def test_steps_chain(name, dtype, schedule):
    asked = []

    def counted(x, level):
        asked.append(level)
        return Clipped(Gaussian(MEAN, STD))(x, level)

    levels = SCHEDULES[schedule]().levels(6)
    x = normal(2, 1, 3, 3, dtype=dtype) * levels[0].sigma
    start, seen = x.clone(), 0
    for index, step in enumerate(SAMPLERS[name](counted, x, levels, noise=seeded(0, 2))):
        assert step.index == index
        assert (step.level, step.next_level) == (levels[index], levels[index + 1])
        assert torch.equal(step.x, x) and step.x.dtype == step.x_next.dtype == dtype
        assert step.calls == len(asked)
        assert asked[seen] == step.level
        parts = step.level.alpha * step.prediction.x0 + step.level.sigma * step.prediction.eps
        torch.testing.assert_close(parts, step.x)
        assert torch.equal(step.prediction.x0, counted(step.x, step.level).x0)
        asked.pop()
        x, seen = step.x_next, len(asked)
    assert index == 5
    torch.testing.assert_close(x, step.prediction.x0)  # into sigma = 0: the picture seen last
    assert len(asked) <= 6 * SAMPLERS[name].calls_per_step
    assert len(asked) >= 6 * SAMPLERS[name].calls_per_step - 2
    again = list(SAMPLERS[name](counted, start, levels, noise=seeded(0, 2)))
    assert torch.equal(again[-1].x_next, x)


@EACH
def test_gradients_are_off_inside_and_untouched_outside(name):
    weight = torch.ones(1, requires_grad=True)
    network = Network(lambda x, t, condition: weight * curved(x, t))
    steps = SAMPLERS[name](network, normal(1, 1, 2, 2), linear().levels(3), noise=seeded(0, 1))
    for step in steps:
        assert torch.is_grad_enabled()
        assert not step.x_next.requires_grad and not step.prediction.eps.requires_grad


@EACH
def test_levels_need_no_particular_grid(name):
    """A ladder made by hand, with uneven gaps and labels between the trained ones."""
    pairs = [(0.2, 4.0), (0.3, 1.0), (0.9, 0.8), (1.0, 0.1), (1.0, 0.0)]
    levels = [Level(9.5 - i, alpha, sigma) for i, (alpha, sigma) in enumerate(pairs)]
    x = normal(2, 1, 2, 2)
    result = last(SAMPLERS[name](Gaussian(MEAN, 1e-6), x, levels, noise=seeded(0, 2)))
    torch.testing.assert_close(result, torch.full_like(x, MEAN), rtol=0, atol=1e-4)


def test_every_card_is_filled_in():
    for sampler in SAMPLERS.values():
        assert sampler.order in (1, 2) and sampler.calls_per_step in (1, 2)
        assert "https://" in sampler.source
    assert set(DETERMINISTIC) == {"euler", "naive", "heun", "dpmpp_2m"}
