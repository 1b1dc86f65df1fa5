"""Mistakes of published inversion notebooks, one test each: they are not made here."""

import inspect
from pathlib import Path

import pytest
import torch

import core
from core.bridge import schedule_of
from core.inversion import INVERSIONS, finish
from core.schedules import linear
from tests.core import SD, gaussian, normal
from tests.core.mixtures import ANY_MODEL

DDIM = INVERSIONS["ddim"]


@pytest.fixture
def inversion():
    """50 steps on Stable Diffusion's ladder: t = 1, 21, ..., 981."""
    return finish(DDIM.invert(gaussian(), normal(2, 1, 4, 4), steps=50, spacing="leading"))


def steps_of(run):
    steps = []
    while True:
        try:
            steps.append(next(run))
        except StopIteration:
            return steps


def test_the_first_step_is_not_skipped(inversion):
    """The picture lies at the clean level, not at the first timestep."""
    assert inversion.levels[0] == schedule_of(SD).final and inversion.levels[1].t == 1
    assert not torch.equal(inversion.trajectory[1], inversion.trajectory[0])


def test_the_last_step_is_not_skipped(inversion):
    assert inversion.levels[-1].t == 981 and len(inversion.trajectory) == 51


def test_sampling_starts_at_the_level_of_its_latents(inversion):
    first = steps_of(DDIM.edit(inversion, ""))[0]
    assert first.level.t == 981 and first.x is inversion.trajectory[-1]


@pytest.mark.parametrize("k", [1, 10, 25, 49])
def test_a_start_in_the_middle_is_not_one_level_off(inversion, k):
    steps = steps_of(DDIM.edit(inversion, "", strength=k / 50))
    first, last = steps[0], steps[-1]
    assert first.level is inversion.levels[k] and first.x is inversion.trajectory[k]
    assert first.level.t == 20 * (k - 1) + 1 and last.next_level is inversion.levels[0]


def test_the_last_sampling_step_is_no_empty_step(inversion):
    """It ends at the level where the inversion began, and leaves no other noise behind."""
    last = steps_of(DDIM.edit(inversion, ""))[-1]
    assert last.level.t == 1 and last.next_level == inversion.levels[0]
    assert (last.x_next - last.x).abs().max() > 1e-4


@pytest.mark.parametrize("name", ANY_MODEL)
def test_no_number_of_stable_diffusion_is_built_in(name):
    """200 timesteps instead of 1000, another shape."""
    model, x0 = gaussian(schedule=linear(timesteps=200)), normal(1, 3, 5, 7)
    found = finish(INVERSIONS[name].invert(model, x0, steps=10))
    assert found.levels[-1].t == 199 and found.trajectory[-1].shape == x0.shape
    assert finish(INVERSIONS[name].edit(found, "", strength=0.8)).shape == x0.shape


def test_a_picture_is_encoded_to_the_mean_and_not_to_a_draw():
    from core.data.captions import parse
    from core.models import load

    model = load("emoji", device="cpu")
    picture = parse("dog face").picture()
    assert torch.equal(model.encode([picture]), model.encode([picture]))


@pytest.mark.parametrize("method", INVERSIONS.values(), ids=INVERSIONS)
def test_inversion_is_without_guidance_unless_asked(method):
    assert inspect.signature(method.invert).parameters["guidance"].default == 1.0


def test_nothing_deprecated_is_called():
    source = "".join(
        path.read_text("utf-8") for path in Path(str(core.__file__)).parent.rglob("*.py")
    )
    for name in ("_encode_prompt", "decode_latents", "numpy_to_pil"):
        assert f".{name}(" not in source


@pytest.mark.parametrize("name", ANY_MODEL)
def test_a_batch_is_not_mixed_with_time(name):
    x0 = normal(3, 1, 4, 4)
    together = finish(INVERSIONS[name].invert(gaussian(), x0, steps=6, seed=4))
    assert all(x.shape == x0.shape for x in together.trajectory)
    for row in range(3):
        alone = finish(
            INVERSIONS[name].invert(gaussian(), x0[row : row + 1], steps=6, seed=4 + row)
        )
        for one, both in zip(alone.trajectory, together.trajectory, strict=True):
            torch.testing.assert_close(one[0], both[row], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in ANY_MODEL if n not in ("sdedit",)])
def test_latents_beyond_one_are_not_clipped(name):
    x0 = 4 * normal(2, 1, 4, 4)
    inversion = finish(INVERSIONS[name].invert(gaussian(0.0, 4.0), x0, steps=50))
    back = finish(INVERSIONS[name].edit(inversion, ""))
    assert x0.abs().max() > 6 and (back - x0).abs().max() < 1
