"""Inversion methods in float64: what is exact, to which bar, and what must fail."""

from typing import Any

import diffusers
import pytest

from core.inversion import INVERSIONS, Inversion, finish
from core.inversion.base import carried
from core.inversion.edict import EDICT
from core.inversion.fixed_point import FixedPoint
from core.metrics import rms
from tests.core import SD, Toy, gaussian, normal
from tests.core.mixtures import PARTS, WAYS, Mixture, draws, mixture, round_trip

EXACT = {"residual": 1e-13, "edit_friendly": 1e-13, "edict": 1e-12, "belm": 1e-11}


@pytest.mark.parametrize("guidance", [1, 3, 7.5])
@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_are_exact(name, guidance):
    x0 = draws()
    error = round_trip(INVERSIONS[name], mixture(), x0, "left", guidance)
    assert error < EXACT[name]


@pytest.mark.parametrize("guidance", [1, 7.5])
@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_in_single_precision(name, guidance):
    x0 = draws()
    single = Toy(lambda prompt: Mixture(PARTS[prompt].float()))
    error = round_trip(INVERSIONS[name], single, x0.float(), "left", guidance)
    assert error < (1e-3 if name == "belm" else 1e-4)


@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_from_any_level(name):
    x0 = draws()
    inversion = finish(INVERSIONS[name].invert(mixture(), x0, "left", **WAYS))
    for strength in (0.02, 0.3, 0.5, 0.86):
        back = finish(INVERSIONS[name].edit(inversion, "left", strength=strength))
        assert rms(back - x0) < EXACT[name], strength


def test_ddim_is_not_exact_and_guidance_makes_it_worse():
    x0 = draws()
    errors = [round_trip(INVERSIONS["ddim"], mixture(), x0, "left", w) for w in (1, 3, 7.5)]
    assert errors[0] > 1e-3 and errors == sorted(errors)


# ---- negative controls: what published implementations get wrong --------------------------------


def test_without_the_last_residual_edit_friendly_is_not_exact():
    x0 = draws()
    method = INVERSIONS["edit_friendly"]
    inversion = finish(method.invert(mixture(), x0, "left", **WAYS))
    inversion.extra[1] = x0  # the last step leads to its mean alone: no noise map
    assert rms(finish(method.edit(inversion, "left")) - x0) > 1e-2


def test_belm_from_the_last_picture_alone_is_not_exact():
    x0 = draws()
    method = INVERSIONS["belm"]
    inversion = finish(method.invert(mixture(), x0, "left", **WAYS))
    top, below = inversion.levels[-1], inversion.levels[-2]
    eps = mixture().denoiser("left")(inversion.trajectory[-1], top).eps
    inversion.trajectory[-2] = carried(inversion.trajectory[-1], top, below, eps)
    assert rms(finish(method.edit(inversion, "left")) - x0) > 1e-3


def test_edict_far_from_its_mixing_drifts_apart():
    x0 = draws()
    far = EDICT(mixing=0.5)
    inversion = finish(far.invert(mixture(), x0, "left", **WAYS))
    apart = rms(inversion.trajectory[-1] - inversion.extra[-1])
    assert not apart < 1e3
    near = finish(INVERSIONS["edict"].invert(mixture(), x0, "left", **WAYS))
    assert rms(near.trajectory[-1] - near.extra[-1]) < 10


def test_edict_changes_places_by_the_level_and_not_by_the_step():
    x0 = draws()
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


def test_anderson_goes_on_where_picard_is_no_contraction():
    x0 = draws()
    errors = {
        (name, w): round_trip(INVERSIONS[name], mixture(), x0, "left", w)
        for name in ("ddim", "fixed_point", "anderson")
        for w in (1, 3.5)
    }
    assert errors["fixed_point", 1] < errors["ddim", 1] / 1000
    assert errors["anderson", 1] < 1e-6
    assert errors["anderson", 3.5] < errors["fixed_point", 3.5] / 10
