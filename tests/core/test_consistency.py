"""The sampler of latent consistency models, against diffusers' LCMScheduler."""

from itertools import pairwise
from typing import Any

import diffusers
import pytest
import torch

from core.bridge import BRIDGED, schedule_of
from core.denoisers import Gaussian
from core.samplers import seeded
from core.schedules import CLEAN, linear
from tests.core import curved_denoiser, normal, run, stream

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 8, 50])
def test_equal_to_the_loop_of_diffusers(steps, monkeypatch):
    twin: Any = diffusers.LCMScheduler(**SD, steps_offset=1)
    schedule = schedule_of(twin)
    twin.alphas_cumprod = schedule.alpha_bar
    twin.set_timesteps(steps)
    levels = [*(schedule.level(int(t)) for t in twin.timesteps), schedule.final]
    if 50 % steps == 0:
        assert levels == schedule.levels(steps)
    x = start = normal(2, 4, 4, 4)
    noise = stream(3)
    monkeypatch.setattr(
        "diffusers.schedulers.scheduling_lcm.randn_tensor", lambda *shape, **named: noise(x)
    )
    for t in twin.timesteps:
        prediction = curved_denoiser(x, schedule.level(int(t)))
        x = twin.step(prediction.eps, t, x, return_dict=False)[0]
    ours = run("lcm", curved_denoiser, start, levels, noise=stream(3))
    assert len(ours) == steps and ours[-1].calls == steps
    torch.testing.assert_close(ours[-1].x_next, x, rtol=1e-5, atol=1e-5)


def test_steps_chain_and_end_in_the_guess():
    levels, noise = linear().levels(4), seeded(0, 1)
    data = Gaussian(0.3, 1e-9)
    steps = run("lcm", data, noise(torch.empty(1, 1, 2, 2)), levels, noise=noise)
    for before, after in pairwise(steps):
        assert torch.equal(before.x_next, after.x)
    assert steps[-1].next_level == CLEAN
    torch.testing.assert_close(steps[-1].x_next, torch.full((1, 1, 2, 2), 0.3), atol=1e-3, rtol=0)


def test_a_step_lands_on_the_noise_of_its_level():
    levels = linear().levels(2)
    x = normal(1, 1, 64, 64)
    first = run("lcm", Gaussian(0.0, 1e-9), x, levels, noise=stream(1))[0]
    assert first.x_next.std().item() == pytest.approx(levels[1].sigma, rel=0.05)


@pytest.mark.parametrize(
    ("levels", "options", "said"),
    [
        (linear().levels(3), {"eta": 0.5, "noise": stream()}, "eta must be 1 or None, got 0.5"),
        (linear().levels(3), {"eta": 0.0, "noise": stream()}, "eta must be 1 or None, got 0"),
        (linear().levels(3)[::-1], {"noise": stream()}, "its levels must descend"),
        (linear().levels(3), {}, "lcm adds noise: pass noise"),
    ],
)
def test_refused_at_the_first_step(levels, options, said):
    steps = BRIDGED["lcm"](Gaussian(), torch.zeros(1, 1, 2, 2), levels, **options)
    with pytest.raises(ValueError, match=said):
        next(steps)
