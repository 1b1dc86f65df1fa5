"""Every inversion method on exact denoisers, in float64: what is exact, and what must fail."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import diffusers
import pytest
import torch

from core.bridge import schedule_of
from core.denoisers import Gaussian, Guided, Network, Prediction, from_x0
from core.inversion import INVERSIONS, Inversion, difference_mask, finish, start_index
from core.inversion.base import carried
from core.inversion.edict import EDICT
from core.inversion.fixed_point import FixedPoint
from core.inversion.negative_prompt import Proximal
from core.metrics import rms
from core.schedules import linear
from tests.core import SD, Toy, gaussian, normal

EXACT = {"residual": 1e-13, "edit_friendly": 1e-13, "edict": 1e-12, "belm": 1e-11}
WAYS: Any = {"steps": 50, "spacing": "leading"}


class Mixture:
    """The exact denoiser of a mixture of Gaussians N(mean_k, 0.3^2) with equal weights."""

    cost = 0

    def __init__(self, means):
        self.means = means

    def __call__(self, x, level) -> Prediction:
        variance = level.alpha**2 * 0.09 + level.sigma**2
        away = x.flatten(1)[:, None] - level.alpha * self.means
        weights = (-away.square().sum(2) / (2 * variance)).softmax(1)[..., None]
        x0 = (weights * (self.means + level.alpha * 0.09 * away / variance)).sum(1)
        return from_x0(x, level, x0.view(x.shape))


MEANS = 0.7 * normal(6, 16, seed=1)
PARTS = {"": MEANS, "left": MEANS[:3], "right": MEANS[3:]}


def mixture():
    return Toy(lambda prompt: Mixture(PARTS[prompt]))


@pytest.fixture
def x0():
    """Draws of the mixture's left part."""
    return (MEANS[[0, 1, 2, 0]] + 0.3 * normal(4, 16, seed=2)).view(4, 1, 4, 4)


def round_trip(method, model, x0, prompt="", guidance=1.0, **ways):
    inversion = finish(method.invert(model, x0, prompt, guidance=guidance, **{**WAYS, **ways}))
    return rms(finish(method.edit(inversion, prompt)) - x0)


# ---- exactness ----------------------------------------------------------------------------------


@pytest.mark.parametrize("guidance", [1, 3, 7.5])
@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_are_exact(x0, name, guidance):
    error = round_trip(INVERSIONS[name], mixture(), x0, "left", guidance)
    assert error < EXACT[name]


@pytest.mark.parametrize("guidance", [1, 7.5])
@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_in_single_precision(x0, name, guidance):
    single = Toy(lambda prompt: Mixture(PARTS[prompt].float()))
    error = round_trip(INVERSIONS[name], single, x0.float(), "left", guidance)
    assert error < (1e-3 if name == "belm" else 1e-4)


@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_from_any_level(x0, name):
    inversion = finish(INVERSIONS[name].invert(mixture(), x0, "left", **WAYS))
    for strength in (0.02, 0.3, 0.5, 0.86):
        back = finish(INVERSIONS[name].edit(inversion, "left", strength=strength))
        assert rms(back - x0) < EXACT[name], strength


def test_ddim_is_not_exact_and_guidance_makes_it_worse(x0):
    errors = [round_trip(INVERSIONS["ddim"], mixture(), x0, "left", w) for w in (1, 3, 7.5)]
    assert errors[0] > 1e-3 and errors == sorted(errors)


# ---- negative controls: what published implementations get wrong --------------------------------


def test_without_the_last_residual_edit_friendly_is_not_exact(x0):
    method = INVERSIONS["edit_friendly"]
    inversion = finish(method.invert(mixture(), x0, "left", **WAYS))
    inversion.extra[1] = torch.zeros_like(x0)  # the noise map of the last step set to zero
    assert rms(finish(method.edit(inversion, "left")) - x0) > 1e-2


def test_belm_from_the_last_picture_alone_is_not_exact(x0):
    method = INVERSIONS["belm"]
    inversion = finish(method.invert(mixture(), x0, "left", **WAYS))
    top, below = inversion.levels[-1], inversion.levels[-2]
    eps = mixture().denoiser("left")(inversion.trajectory[-1], top).eps
    inversion.trajectory[-2] = carried(inversion.trajectory[-1], top, below, eps)
    assert rms(finish(method.edit(inversion, "left")) - x0) > 1e-3


def test_edict_far_from_its_mixing_drifts_apart(x0):
    far = EDICT(mixing=0.5)
    inversion = finish(far.invert(mixture(), x0, "left", **WAYS))
    apart = rms(inversion.trajectory[-1] - inversion.extra[-1])
    assert not apart < 1e3
    near = finish(INVERSIONS["edict"].invert(mixture(), x0, "left", **WAYS))
    assert rms(near.trajectory[-1] - near.extra[-1]) < 10


def test_edict_changes_places_by_the_level_and_not_by_the_step(x0):
    """A parity that counts from the start of an edit is exact for even starts only."""
    method = INVERSIONS["edict"]
    inversion = finish(method.invert(mixture(), x0, "left", **WAYS))
    errors = [
        rms(finish(method.edit(inversion, "left", strength=k / 50)) - x0) for k in (24, 25, 39, 40)
    ]
    assert max(errors) < 1e-12


def test_the_inverse_step_of_diffusers_has_another_fixed_point_for_v():
    """x' cos + v sin against (x' + v sin) / cos: only the second is undone by a step down."""
    kinds: Any = diffusers
    inverse = kinds.DDIMInverseScheduler(**SD, prediction_type="v_prediction", clip_sample=False)
    inverse.set_timesteps(50)
    model, x0 = gaussian(0.0, 1.0), normal(4, 1, 4, 4)
    denoise, levels = model.denoiser(), model.schedule.levels(50, "leading")[::-1]

    def v(y, level):
        seen = denoise(y, level)
        return level.alpha * seen.eps - level.sigma * seen.x0

    x = x0
    for level in levels[1:]:
        y = x
        for _ in range(60):
            y = inverse.step(v(y, level), int(level.t), x).prev_sample
        x = y
    back = finish(
        INVERSIONS["ddim"].edit(Inversion(model, "ddim", "", 1, levels, [x] * 51, 0), "")
    )
    ours = FixedPoint(name="", title="", source="", iterations=60, tolerance=1e-15)
    assert rms(back - x0) > 1e-2
    assert round_trip(ours, model, x0) < 1e-13


# ---- fixed points -------------------------------------------------------------------------------


@pytest.mark.parametrize("steps, most", [(50, 13), (10, 30)])
def test_picard_solves_every_level_of_a_gaussian(steps, most):
    solver = FixedPoint(name="", title="", source="", iterations=40, tolerance=1e-14)
    x0 = normal(4, 1, 4, 4)
    inversion = finish(solver.invert(gaussian(0.0, 1.0), x0, steps=steps, spacing="leading"))
    assert rms(finish(solver.edit(inversion, "")) - x0) < 1e-11
    assert inversion.calls <= steps * (most + 1)


def test_anderson_goes_on_where_picard_is_no_contraction(x0):
    errors = {
        (name, w): round_trip(INVERSIONS[name], mixture(), x0, "left", w)
        for name in ("ddim", "fixed_point", "anderson")
        for w in (1, 3.5)
    }
    assert errors["fixed_point", 1] < errors["ddim", 1] / 1000
    assert errors["anderson", 1] < 1e-6
    assert errors["anderson", 3.5] < errors["fixed_point", 3.5] / 10


# ---- closed forms of edits ----------------------------------------------------------------------


@pytest.mark.parametrize("k", [50, 40, 25, 10])
@pytest.mark.parametrize("name", ["fixed_point", "residual"])
def test_an_edit_between_gaussians_is_a_shift(name, k):
    """x0 + (mu' - mu) (1 - prod g_i), g_i = (s^2 + k_i k_(i-1)) / (s^2 + k_i^2)."""
    method = INVERSIONS[name]
    if name == "fixed_point":
        method = replace(method, iterations=60, tolerance=1e-15)
    model, x0 = gaussian(), 0.3 + 0.5 * normal(4, 1, 4, 4)
    inversion = finish(method.invert(model, x0, "0.3", **WAYS))
    moved = finish(method.edit(inversion, "-0.8", strength=k / 50)) - x0
    kappas = [level.sigma / level.alpha for level in inversion.levels]
    gain = math.prod(
        (0.25 + low * high) / (0.25 + high**2) for low, high in list(pairwise(kappas))[:k]
    )
    expected = model.schedule.final.alpha * (-1.1) * (1 - gain)
    assert (moved - expected).abs().max() < 1e-10
    published = {50: -1.059525, 40: -0.988174, 25: -0.770507, 10: -0.370149}
    assert expected == pytest.approx(published[k], abs=2e-6)


@pytest.mark.parametrize("k, published", [(50, -1.497181), (30, -1.421164)])
def test_an_edit_friendly_edit_between_gaussians_is_a_shift(k, published):
    model, x0 = gaussian(0.7), 0.7 + 0.5 * normal(4, 1, 4, 4)
    inversion = finish(INVERSIONS["edit_friendly"].invert(model, x0, "0.7", **WAYS))
    moved = finish(INVERSIONS["edit_friendly"].edit(inversion, "-0.8", strength=k / 50)) - x0
    assert moved.std() < 1e-12
    assert moved.mean().item() == pytest.approx(published, abs=2e-6)


class Factors:
    """Two independent halves: content, which no prompt mentions, and a class."""

    cost = 0

    def __init__(self, mean):
        self.parts = Gaussian(0.1, 0.6), Gaussian(mean, 0.4)

    def __call__(self, x, level) -> Prediction:
        halves = zip(self.parts, x.chunk(2, dim=-1), strict=True)
        seen = [part(half, level) for part, half in halves]
        x0, eps = (torch.cat([getattr(s, part) for s in seen], dim=-1) for part in ("x0", "eps"))
        return Prediction(x0, eps)


@pytest.mark.parametrize("guidance", [1, 5])
@pytest.mark.parametrize("name", ["residual", "edit_friendly", "belm"])
def test_exact_methods_keep_what_the_prompt_does_not_mention(name, guidance):
    model = Toy(lambda prompt: Factors(float(prompt or 0)))
    x0 = normal(4, 1, 4, 8)
    method = INVERSIONS[name]
    inversion = finish(method.invert(model, x0, "1", guidance=guidance, **WAYS))
    edited = finish(method.edit(inversion, "-1", strength=0.8))
    kept, changed = (edited - x0).abs().chunk(2, dim=-1)
    assert kept.max() < (1e-10 if name == "belm" else 1e-12)
    assert changed.min() > 0.1


@pytest.mark.parametrize("label, std, ratio", [("ddim_current", 1, 2), ("ddim", 1, 4)])
def test_orders_of_the_round_trip(label, std, ratio):
    """Euler's rule errs by O(1/N), the target label by O(1/N^2) on data of unit spread."""
    x0 = normal(4, 1, 4, 4)
    errors = [
        round_trip(INVERSIONS[label], gaussian(0.0, std), x0, steps=steps) for steps in (100, 200)
    ]
    assert errors[0] / errors[1] == pytest.approx(ratio, abs=0.3)


# ---- masks --------------------------------------------------------------------------------------


def test_the_mask_covers_what_the_prompts_disagree_on():
    model = Toy(lambda prompt: Factors(float(prompt or 0)))
    mask = difference_mask(model, normal(2, 1, 4, 8), "1", "-1", limit=0.5)
    assert mask.shape == (2, 1, 4, 8)
    kept, changed = mask.chunk(2, dim=-1)
    assert kept.max() == 0 and changed.min() == 1
    assert difference_mask(model, normal(2, 1, 4, 8), "1", "1").max() == 0


@pytest.mark.parametrize("ways", [{"maps": 0}, {"limit": 0}, {"strength": 2}])
def test_masks_that_cannot_be(ways):
    with pytest.raises(ValueError, match="must be"):
        difference_mask(gaussian(), normal(1, 1, 4, 4), "1", "0", **ways)


@pytest.mark.parametrize("name", [n for n in INVERSIONS if n != "null_text"])
def test_outside_of_the_mask_the_picture_stays(name):
    method, x0 = INVERSIONS[name], normal(2, 1, 4, 4)
    mask = torch.zeros(1, 1, 4, 4).double()
    mask[..., 2:] = 1
    inversion = finish(method.invert(gaussian(), x0, "0.3", **WAYS))
    edited = finish(method.edit(inversion, "-0.8", strength=0.8, mask=mask))
    kept, changed = (edited - x0).abs().chunk(2, dim=-1)
    assert kept.max() == 0 and changed.min() > 0.01


# ---- negative prompts ---------------------------------------------------------------------------


@pytest.mark.parametrize("guidance", [0, 1, 5])
def test_a_negative_prompt_like_the_target_takes_guidance_out(x0, guidance):
    ddim, ours = INVERSIONS["ddim"], INVERSIONS["negative_prompt"]
    plain = finish(ddim.edit(finish(ddim.invert(mixture(), x0, "left", **WAYS)), "left"))
    inversion = finish(ours.invert(mixture(), x0, "left", guidance=guidance, **WAYS))
    assert rms(finish(ours.edit(inversion, "left")) - plain) < 1e-12


@pytest.mark.parametrize("kind", ["l1", "l0"])
def test_the_proximal_difference(kind):
    yes, no = (Network(lambda x, t, c, v=v: v * x) for v in (1.0, 0.5))
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, -5.0]).view(1, 1, 1, 5)
    level = linear().level(500)
    seen = Proximal(Guided(yes, no, 2.0), kind, 0.5)(x, level)
    # differences 0.5 x, their sizes 0.5 .. 2.5, the quantile 1.5
    left = {"l1": [0, 0, 0, 0.5, -1.0], "l0": [0, 0, 0, 2.0, -2.5]}[kind]
    expected = 0.5 * x + 2 * torch.tensor(left).view(x.shape)
    torch.testing.assert_close(seen.eps, expected)
    torch.testing.assert_close(level.alpha * seen.x0 + level.sigma * seen.eps, x)


# ---- null-text ----------------------------------------------------------------------------------


def embedded():
    """The exact denoiser of a Gaussian whose mean is the embedding of its prompt."""

    def forward(x, t, mean):
        level = schedule_of(SD).level(int(t))
        return Gaussian(mean[:, :, None, None], 0.5)(x, level).eps

    def made(prompt):
        return Network(forward, condition=torch.full((1, 1), float(prompt or 0)).double())

    return Toy(made)


def test_null_text_keeps_guidance_on_the_path():
    x0 = 0.3 + 0.5 * normal(2, 1, 4, 4)
    ddim = INVERSIONS["ddim"]
    pivot = finish(ddim.invert(embedded(), x0, "0.3", **WAYS))
    guided = rms(finish(ddim.edit(pivot, "0.3", guidance=7.5)) - x0)
    fitted = round_trip(INVERSIONS["null_text"], embedded(), x0, "0.3", 7.5)
    assert fitted < guided / 4
    assert round_trip(INVERSIONS["null_text"], embedded(), x0, "0.3", 1.0) == pytest.approx(
        rms(finish(ddim.edit(pivot, "0.3")) - x0)
    )


def test_null_text_in_more_than_a_hundred_steps_keeps_a_positive_rate():
    """A rate that falls by a hundredth per step turns negative after 100 of them."""
    x0 = 0.3 + 0.5 * normal(1, 1, 4, 4)
    inversion = finish(
        INVERSIONS["null_text"].invert(embedded(), x0, "0.3", guidance=7.5, steps=125)
    )
    back = finish(INVERSIONS["null_text"].edit(inversion, "0.3"))
    assert rms(back - x0) < 0.1


def test_null_text_needs_an_embedding():
    with pytest.raises(ValueError, match="fits the embedding of the empty prompt"):
        next(INVERSIONS["null_text"].invert(gaussian(), normal(1, 1, 4, 4), "1", guidance=3))


# ---- any prediction, any schedule ---------------------------------------------------------------


def as_network(kind):
    """The exact denoiser of a Gaussian, as a network that predicts v or x0."""

    def made(prompt):
        exact, levels = Gaussian(float(prompt or 0.3), 0.5), {}
        schedule = schedule_of(SD)

        def forward(x, t, condition):
            level = levels.setdefault(t, schedule.level(int(t)))
            seen = exact(x, level)
            if kind == "sample":
                return seen.x0
            return level.alpha * seen.eps - level.sigma * seen.x0

        return Network(forward, kind)

    return Toy(made)


@pytest.mark.parametrize("name", [n for n in INVERSIONS if n != "null_text"])
def test_what_the_network_predicts_does_not_matter(name):
    method, x0 = INVERSIONS[name], normal(2, 1, 4, 4)
    results = []
    for model in (gaussian(), as_network("v_prediction"), as_network("sample")):
        inversion = finish(method.invert(model, x0, "0.3", steps=20, spacing="trailing"))
        results.append(finish(method.edit(inversion, "-0.8", strength=0.5)))
    for other in results[1:]:
        assert rms(other - results[0]) < 1e-10


@pytest.mark.parametrize("name", [n for n in INVERSIONS if n not in ("null_text", "belm")])
def test_a_schedule_without_signal_at_its_end(name):
    zero = linear(zero_terminal_snr=True)
    method, x0 = INVERSIONS[name], normal(2, 1, 4, 4)
    inversion = finish(method.invert(gaussian(schedule=zero), x0, steps=10))
    back = finish(method.edit(inversion, "", strength=0.8))
    assert torch.isfinite(inversion.trajectory[-1]).all() and torch.isfinite(back).all()


def test_belm_refuses_a_schedule_without_signal_at_its_end():
    zero = gaussian(schedule=linear(zero_terminal_snr=True))
    with pytest.raises(ValueError, match="O-BELM divides by alpha"):
        next(INVERSIONS["belm"].invert(zero, normal(1, 1, 4, 4), steps=10))


# ---- the interface ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in INVERSIONS if n != "null_text"])
def test_calls_are_counted_and_steps_chain(name):
    counted = []

    def made(prompt):
        exact = Gaussian(float(prompt or 0.3), 0.5)

        def denoise(x, level):
            counted.append(level)
            return exact(x, level)

        denoise.cost = 1
        return denoise

    method, x0 = INVERSIONS[name], normal(2, 1, 4, 4)
    up: list = []
    run = method.invert(Toy(made), x0, "0.3", steps=7)
    inversion = finish(noted(run, up))
    assert inversion.calls == len(counted) and inversion.method == name
    assert inversion.calls <= 7 * method.calls_up
    assert len(up) == 7 and len(inversion.trajectory) == len(inversion.levels) == 8
    assert [step.index for step in up] == list(range(7))
    for step, x in zip(up, inversion.trajectory[1:], strict=True):
        assert torch.equal(step.x_next, x)
    counted.clear()
    down: list = []
    edited = finish(noted(method.edit(inversion, "-0.8", strength=0.6), down))
    assert len(down) == start_index(0.6, 7) and down[-1].calls == len(counted)
    assert down[-1].calls <= len(down) * method.calls_down
    assert torch.equal(down[-1].x_next, edited)
    for one, other in pairwise(down):
        assert torch.equal(one.x_next, other.x) and one.next_level == other.level


def noted(run, steps):
    """Pass a run on, and note its steps."""
    while True:
        try:
            step = next(run)
        except StopIteration as stop:
            return stop.value
        steps.append(step)
        yield step


@pytest.mark.parametrize("method", INVERSIONS.values(), ids=INVERSIONS)
def test_every_card_is_filled_in(method):
    assert "https://" in method.source and method.exact
    assert INVERSIONS[method.name] is method and 0 < method.strength <= 1
    assert len({each.title for each in INVERSIONS.values()}) == len(INVERSIONS)
