"""What the tests of `core` share: a ladder, the exact flow of Gaussian data, fixed functions."""

import math
from typing import Any

import pytest
import torch

from core.bridge import BRIDGED, schedule_of
from core.data.emoji import draw_scene
from core.denoisers import Gaussian, Guided, Network
from core.models import MODELS, PixelModel
from core.samplers import SAMPLERS
from core.schedules import Level

SCALES = {
    "vp": lambda kappa: 1 / math.hypot(1, kappa),
    "ve": lambda kappa: 1.0,
    "flow": lambda kappa: 1 / (1 + kappa),
}
LEVELS = [Level(1.0, scale(k), k * scale(k)) for scale in SCALES.values() for k in (0.02, 1, 40)]
EACH_LEVEL = pytest.mark.parametrize("level", LEVELS, ids=str)
MEAN, STD = 0.3, 0.5


def ladder(steps, kind="vp", low=-4.0, high=4.0):
    """Levels uniform in log(alpha / sigma), noisy to clean, with these scales."""
    kappas = [math.exp(-(low + (high - low) * i / steps)) for i in range(steps + 1)]
    alphas = [SCALES[kind](kappa) for kappa in kappas]
    pairs = zip(alphas, kappas, strict=True)
    return [Level(float(steps - i), a, a * kappa) for i, (a, kappa) in enumerate(pairs)]


def carried(x, level, after, mean, std):
    """The exact flow of N(mean, std^2): (x - alpha mean) / sqrt(v) is conserved."""
    v, v_after = (each.alpha**2 * std**2 + each.sigma**2 for each in (level, after))
    return after.alpha * mean + math.sqrt(v_after / v) * (x - level.alpha * mean)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def stream(seed=0):
    """Noise from one generator for the whole batch."""
    generator = torch.Generator().manual_seed(seed)
    return lambda like: torch.randn(like.shape, generator=generator, dtype=like.dtype)


def curved(x, t, condition=None):
    """A fixed function that stands for a network: nonlinear, mixes pixels, depends on t."""
    return 0.6 * x + 0.3 * torch.sin(2 * x + t / 300) + 0.1 * x.roll(1, -1)


curved_denoiser = Network(curved)


def last(steps):
    """x after the last of these steps."""
    *_, step = steps
    return step.x_next


def distance(a, b):
    """Largest difference, relative to the largest value where that is above 1."""
    return float((a - b).abs().max() / b.abs().max().clamp(min=1))


def many(count, held_out=False, seed=0):
    """Emoji scenes drawn from the grammar."""
    generator = torch.Generator().manual_seed(seed)
    return [draw_scene(generator, held_out) for _ in range(count)]


SD = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "set_alpha_to_one": False,
}


class Toy(PixelModel):
    """A model of exact denoisers: `made` turns a prompt into one."""

    def __init__(self, made, schedule=None):
        super().__init__(MODELS["exact"], schedule or schedule_of(SD), "cpu", torch.float64)
        self.made = made

    def denoiser(self, prompt: Any = "", negative: Any = "", guidance: float = 1.0) -> Any:
        yes = self.made(prompt)
        return yes if guidance == 1 else Guided(yes, self.made(negative), guidance)


def gaussian(mean=0.3, std=0.5, schedule=None):
    return Toy(lambda prompt: Gaussian(float(prompt or mean), std), schedule)


def run(name, denoise, x, levels, **options):
    """The steps of a sampler, ours or bridged, by its name."""
    return list({**SAMPLERS, **BRIDGED}[name](denoise, x, levels, **options))


def consistent(prediction, x, level, tolerance=1e-12):
    """Assert that a prediction splits x."""
    again = level.alpha * prediction.x0 + level.sigma * prediction.eps
    torch.testing.assert_close(again, x, rtol=tolerance, atol=tolerance)
