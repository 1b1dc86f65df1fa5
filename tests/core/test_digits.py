"""The samplers with the trained digit model: parity with diffusers on a real network."""

import diffusers
import pytest
import torch

from core.bridge import config_of
from core.models import load
from core.samplers import SAMPLERS, seeded
from tests.core import distance

STEPS, BATCH = 10, 2


@pytest.fixture(scope="module")
def digits():
    return load("digits", device="cpu")


def loop(model, scheduler, x, **options):
    """The plain loop of diffusers over the same network; returns every x."""
    denoise, seen = model.denoiser("7", guidance=1.0), []
    for t in scheduler.timesteps:
        with torch.no_grad():
            eps = denoise(x, model.schedule.level(int(t))).eps
        given = {key: value(x) if callable(value) else value for key, value in options.items()}
        x = scheduler.step(eps, t, x, **given).prev_sample
        seen.append(x)
    return seen


def compare(model, name, scheduler, spacing, /, ours_eta, **options):
    scheduler.set_timesteps(STEPS)
    levels = model.schedule.levels(STEPS, spacing)
    assert [level.t for level in levels[:-1]] == scheduler.timesteps.tolist()
    x = model.start(seeded(3, BATCH), levels[0], BATCH)
    denoise = model.denoiser("7", guidance=1.0)
    ours = SAMPLERS[name](denoise, x, levels, eta=ours_eta, noise=seeded(9, BATCH))
    theirs = loop(model, scheduler, x, **options)
    for step, expected in zip(ours, theirs, strict=True):
        assert distance(step.x_next, expected) < 1e-5


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_ddim_is_that_of_diffusers(digits, spacing, eta):
    config = config_of(digits.schedule) | {"timestep_spacing": spacing}
    scheduler = diffusers.DDIMScheduler.from_config(config)
    noise = seeded(9, BATCH)
    compare(digits, "ddim", scheduler, spacing, eta, eta=eta, variance_noise=noise)


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_ddpm_is_that_of_diffusers(digits, spacing):
    config = config_of(digits.schedule) | {
        "timestep_spacing": spacing,
        "variance_type": "fixed_small",
    }
    scheduler = diffusers.DDPMScheduler.from_config(config)
    generators = seeded(9, BATCH).generators  # one a row, as ours
    compare(digits, "ddpm", scheduler, spacing, None, generator=generators)
