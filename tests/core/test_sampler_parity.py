# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Samplers against those of diffusers, step by step."""

from itertools import pairwise

import diffusers
import pytest
import torch

from core.denoisers import Gaussian, Network
from core.schedules import SCHEDULES, from_betas, linear
from tests.core import (
    MEAN,
    STD,
    carried,
    curved,
    curved_denoiser,
    distance,
    ladder,
    normal,
    run,
    stream,
)

SD = SCHEDULES["scaled_linear"]()


def twin_loop(scheduler, steps, x, **options):
    """The plain loop of diffusers; step options that are functions are called every step."""
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        given = {key: value(x) if callable(value) else value for key, value in options.items()}
        x = scheduler.step(curved(x, float(t)), t, x, **given).prev_sample
    return x


PRECISIONS = pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-9)], ids=["float32", "float64"]
)


def in_float64(twin, schedule):
    """The twin with its levels in float64, which takes its rounding out of the comparison."""
    twin.alphas_cumprod = schedule.alpha_bar
    twin.one = twin.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    return twin


@PRECISIONS
@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "cosine"])
@pytest.mark.parametrize("steps", [1, 10, 50])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ddim_is_that_of_diffusers(eta, spacing, steps, schedule, dtype, tolerance):
    ours = SCHEDULES[schedule]()
    twin = diffusers.DDIMScheduler(
        trained_betas=ours.beta.tolist(), clip_sample=False, timestep_spacing=spacing
    )
    if dtype == torch.float64 or schedule == "cosine":  # alpha ends at 5e-5: too little for theirs
        twin = in_float64(twin, ours)
    x, levels = normal(2, 1, 4, 4, dtype=dtype), ours.levels(steps, spacing)
    result = run("ddim", curved_denoiser, x, levels, eta=eta, noise=stream())[-1].x_next
    expected = twin_loop(twin, steps, x, eta=eta, variance_noise=stream())
    assert distance(result, expected) < tolerance


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_ddim_ending_in_the_first_level_is_that_of_diffusers(eta):
    ours = from_betas(SD.beta, final=None, offset=1)
    twin = diffusers.DDIMScheduler(
        trained_betas=SD.beta.tolist(), clip_sample=False, set_alpha_to_one=False, steps_offset=1
    )
    x = normal(2, 1, 4, 4, dtype=torch.float32)
    levels = ours.levels(20, "leading")
    result = run("ddim", curved_denoiser, x, levels, eta=eta, noise=stream())[-1].x_next
    assert distance(result, twin_loop(twin, 20, x, eta=eta, variance_noise=stream())) < 1e-5


@PRECISIONS
@pytest.mark.parametrize("steps", [10, 50])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("kind, variance", [("fixed_small", "posterior"), ("fixed_large", "beta")])
def test_ddpm_is_that_of_diffusers(kind, variance, spacing, steps, dtype, tolerance):
    twin = diffusers.DDPMScheduler(clip_sample=False, timestep_spacing=spacing, variance_type=kind)
    if dtype == torch.float64:
        twin = in_float64(twin, linear())
    x, levels = normal(2, 1, 4, 4, dtype=dtype), linear().levels(steps, spacing)
    ours = run("ddpm", curved_denoiser, x, levels, variance=variance, noise=stream())
    twin.set_timesteps(steps)
    generator, compared = torch.Generator().manual_seed(0), 0
    for t, step in zip(twin.timesteps, ours, strict=True):
        x = twin.step(curved(x, float(t)), t, x, generator=generator).prev_sample
        if step.next_level.sigma > 0 or t == 0 or variance == "posterior":
            assert distance(step.x_next, x) < tolerance
            compared += 1
    # fixed_large adds sqrt(beta) of noise into the clean end, except from t = 0; ours does not
    assert compared == steps - (variance == "beta" and spacing == "trailing")


def ranged(x, t, condition=None):
    """A network that has learned its variance: of twice the channels, half are from -1 to 1."""
    return torch.cat([curved(x, t), torch.sin(3 * x + t / 100)], dim=1)


@PRECISIONS
@pytest.mark.parametrize("steps", [10, 50])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_learned_variances_are_those_of_diffusers(spacing, steps, dtype, tolerance):
    twin = diffusers.DDPMScheduler(
        clip_sample=False, timestep_spacing=spacing, variance_type="learned_range"
    )
    if dtype == torch.float64:
        twin = in_float64(twin, linear())
    x, levels = normal(2, 3, 4, 4, dtype=dtype), linear().levels(steps, spacing)
    ours = run("ddpm", Network(ranged), x, levels, variance="learned", noise=stream())
    twin.set_timesteps(steps)
    generator, compared = torch.Generator().manual_seed(0), 0
    for t, step in zip(twin.timesteps, ours, strict=True):
        x = twin.step(ranged(x, float(t)), t, x, generator=generator).prev_sample
        if step.next_level.sigma > 0 or t == 0:
            assert distance(step.x_next, x) < tolerance
            compared += 1
    assert compared == steps - (spacing == "trailing")  # ours adds no noise into the clean end


def test_a_variance_that_was_not_learned_is_refused():
    with pytest.raises(ValueError, match="has not learned"):
        run("ddpm", curved_denoiser, normal(1, 1, 2, 2), ladder(3), variance="learned",
            noise=stream())  # fmt: skip
    with pytest.raises(ValueError, match="one of posterior, beta, learned"):
        run("ddpm", curved_denoiser, normal(1, 1, 2, 2), ladder(3), variance="small")


STRIDES = [("linspace", 10), ("trailing", 30), ("trailing", 7), ("trailing", 300),
           ("linspace", 300), ("trailing", 700)]  # fmt: skip


@pytest.mark.parametrize("spacing, steps", STRIDES)
def test_where_the_stride_of_diffusers_is_wrong(spacing, steps):
    """DDIMScheduler steps to t - T // N, which is not the next timestep of these ladders.

    That leaves an error which does not fall with N. With few steps it can happen to cancel part
    of Euler's own error, so the solution is compared where N is large.
    """
    twin = diffusers.DDIMScheduler(clip_sample=False, timestep_spacing=spacing)
    twin.set_timesteps(steps)
    denoise, x = Gaussian(MEAN, STD), normal(8, 1, 2, 2)
    levels = linear().levels(steps, spacing)
    assert any(a.t - b.t != 1000 // steps for a, b in pairwise(levels[:-1]))
    ours = run("ddim", denoise, x, levels)[-1].x_next
    theirs = x
    for t, level in zip(twin.timesteps, levels, strict=False):
        theirs = twin.step(denoise(theirs, level).eps, t, theirs).prev_sample
    assert (ours - theirs).abs().max() > 1e-3
    if steps >= 300:
        exact = carried(x, levels[0], levels[-1], MEAN, STD)
        assert (ours - exact).abs().max() < (theirs - exact).abs().max() / 2


@pytest.mark.parametrize("steps", [5, 20, 50])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("name", ["dpmpp_2m", "dpmpp_2m_sde"])
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # numpy on diffusers' tensors
def test_dpmpp_is_that_of_diffusers_on_its_timesteps(name, spacing, steps):
    sde = name == "dpmpp_2m_sde"
    twin = diffusers.DPMSolverMultistepScheduler(
        algorithm_type="sde-dpmsolver++" if sde else "dpmsolver++", timestep_spacing=spacing
    )
    twin.set_timesteps(steps)
    schedule, x = linear(), normal(2, 1, 4, 4, dtype=torch.float32)
    levels = [*(schedule.level(int(t)) for t in twin.timesteps), schedule.final]
    ours = run(name, curved_denoiser, x, levels, noise=stream() if sde else None)[-1].x_next
    assert distance(ours, twin_loop(twin, steps, x, variance_noise=stream())) < 1e-5


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_euler_ancestral_is_that_of_diffusers():
    """Theirs walks x / alpha, the variance-exploding form of the same levels."""
    twin = diffusers.EulerAncestralDiscreteScheduler(timestep_spacing="trailing")
    twin.set_timesteps(20)
    levels, x = linear().levels(20), normal(2, 1, 4, 4, dtype=torch.float32)
    steps = run("euler_ancestral", curved_denoiser, x, levels, noise=stream())
    y, generator = x / levels[0].alpha, torch.Generator().manual_seed(0)
    for t, level, step in zip(twin.timesteps, levels, steps, strict=False):
        model_input = twin.scale_model_input(y, t)
        assert distance(model_input, step.x) < 1e-5
        y = twin.step(curved(model_input, level.t), t, y, generator=generator).prev_sample
    assert distance(steps[-1].x_next, y) < 1e-5


def test_euler_on_flow_levels_is_that_of_flow_matching():
    twin = diffusers.FlowMatchEulerDiscreteScheduler()
    levels = SCHEDULES["flow"]().levels(25)
    twin.set_timesteps(sigmas=[level.sigma for level in levels[:-1]])
    x = normal(2, 1, 4, 4, dtype=torch.float32)
    denoise = Network(curved, kind="flow")
    ours = run("euler", denoise, x, levels)[-1].x_next
    for t, level in zip(twin.timesteps, levels, strict=False):
        x = twin.step(curved(x, level.t), t, x).prev_sample
    assert distance(ours, x) < 1e-5
