# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Samplers against their oracles: orders of convergence, diffusers, closed forms."""

import math
from itertools import pairwise

import diffusers
import pytest
import torch

from core.denoisers import Gaussian, Network, lookahead
from core.samplers import SAMPLERS
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

DETERMINISTIC = [name for name, sampler in SAMPLERS.items() if sampler.deterministic]
SD = SCHEDULES["scaled_linear"]()


def twin_loop(scheduler, steps, x, **options):
    """The plain loop of diffusers; step options that are functions are called every step."""
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        given = {key: value(x) if callable(value) else value for key, value in options.items()}
        x = scheduler.step(curved(x, float(t)), t, x, **given).prev_sample
    return x


# ---- orders of convergence ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["vp", "ve", "flow"])
@pytest.mark.parametrize(
    "name, order, slack",
    [
        ("ddim", 1, 0.05),
        ("euler", 1, 0.05),
        ("naive", 1, 0.05),
        ("heun", 2, 0.1),
        ("dpmpp_2m", 2, 0.1),
    ],
)
def test_order_of_convergence(name, order, slack, kind):
    """Error on the exact Gaussian flow, levels uniform in log(alpha / sigma) from -4 to 4."""
    assert SAMPLERS[name].order == order
    errors = []
    for steps in (128, 256):
        levels = ladder(steps, kind)
        x = normal(8, 1, 2, 2) * math.hypot(levels[0].alpha, levels[0].sigma)
        result = run(name, Gaussian(MEAN, STD), x, levels)[-1].x_next
        errors.append((result - carried(x, levels[0], levels[-1], MEAN, STD)).abs().max())
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=slack)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_scale_of_the_levels_does_not_matter_where_only_their_ratio_counts(name):
    """In y = x / alpha over sigma / alpha all three scalings are one equation."""
    results = []
    for kind in ("vp", "ve", "flow"):
        levels = ladder(16, kind)
        x = levels[0].alpha * 55 * normal(4, 1, 2, 2)
        result = run(name, Gaussian(MEAN, STD), x, levels)[-1].x_next
        results.append(result / levels[-1].alpha)
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=1e-11, atol=1e-11)


# ---- parity with diffusers ----------------------------------------------------------------------


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


# ---- closed forms, inversion.md section 5 -------------------------------------------------------

GAUSSIANS = pytest.mark.parametrize("mean, std", [(0.0, 1.0), (0.7, 0.5), (-0.4, 0.3)])
STEPS = pytest.mark.parametrize("steps", [10, 50])


def kappas(levels):
    return [level.sigma / level.alpha for level in levels]


@GAUSSIANS
@STEPS
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_ddim_of_gaussian_data_is_a_product(mean, std, steps, spacing):
    levels, x = SD.levels(steps, spacing), normal(4, 1, 2, 2)
    u, k = x / levels[0].alpha - mean, kappas(levels)
    for step, (here, after) in zip(run("ddim", Gaussian(mean, std), x, levels), pairwise(k),
                                   strict=True):  # fmt: skip
        u = u * (std**2 + here * after) / (std**2 + here**2)
        expected = step.next_level.alpha * (u + mean)
        torch.testing.assert_close(step.x_next, expected, rtol=1e-12, atol=1e-12)


@GAUSSIANS
@STEPS
def test_ddim_inversion_with_current_labels_is_a_product(mean, std, steps):
    levels, x = SD.levels(steps, "leading")[::-1], normal(4, 1, 2, 2)
    u = x / levels[0].alpha - mean
    for here, after in pairwise(kappas(levels)):
        u = u * (std**2 + here * after) / (std**2 + here**2)
    result = run("ddim", Gaussian(mean, std), x, levels)[-1].x_next
    expected = levels[-1].alpha * (u + mean)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)


@GAUSSIANS
@STEPS
def test_ddim_inversion_with_target_labels_is_a_recursion(mean, std, steps):
    levels, x = SD.levels(steps, "leading")[::-1], normal(4, 1, 2, 2)
    u = x / levels[0].alpha - mean
    for here, after in pairwise(levels):
        (k, k_after), ratio = kappas([here, after]), here.alpha / after.alpha
        change = (k_after - k) * k_after / (std**2 + k_after**2)
        u = u + change * (ratio * u + (ratio - 1) * mean)
    result = run("ddim", lookahead(Gaussian(mean, std), levels), x, levels)[-1].x_next
    expected = levels[-1].alpha * (u + mean)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)


@GAUSSIANS
@STEPS
def test_the_round_trip_shrinks_by_the_product_formula(mean, std, steps):
    levels, x0 = SD.levels(steps, "leading"), normal(4, 1, 2, 2)
    denoise, factor = Gaussian(mean, std), 1.0
    for k, k_before in pairwise(kappas(levels)):
        factor *= 1 - std**2 * (k - k_before) ** 2 / ((std**2 + k**2) * (std**2 + k_before**2))
    noise = run("ddim", denoise, x0, levels[::-1])[-1].x_next
    again = run("ddim", denoise, noise, levels)[-1].x_next
    torch.testing.assert_close(again - mean, factor * (x0 - mean), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("steps, loss", [(50, 5.2076e-2), (100, 2.6737e-2), (1000, 2.8627e-3)])
def test_the_round_trip_loses_the_published_share(steps, loss):
    """Acceptance bar 7.1.2 of inversion.md: Stable Diffusion's ladder, data N(0, 1)."""
    schedule = from_betas(SD.beta, final=None, offset=1 if steps < 1000 else 0)
    levels = schedule.levels(steps, "leading")
    x0 = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    noise = run("ddim", Gaussian(), x0, levels[::-1])[-1].x_next
    again = run("ddim", Gaussian(), noise, levels)[-1].x_next
    assert 1 - again.item() == pytest.approx(loss, rel=1e-4)


def test_one_pixel_of_the_sigma_hat_step():
    """Song et al. 2021, section 5: x_s = sqrt(a_s) x0 + sqrt(1 - a_s - s(1)^2) eps + s_hat z."""
    levels, x = linear().levels(20)[9:11], normal(1, 1, 2, 2)
    a, a_next = (level.alpha**2 for level in levels)
    variance = (1 - a_next) / (1 - a) * (1 - a / a_next)
    hat = math.sqrt(1 - a / a_next)
    prediction = Gaussian(MEAN, STD)(x, levels[0])
    mean = math.sqrt(a_next) * prediction.x0 + math.sqrt(1 - a_next - variance) * prediction.eps
    for eta in (None, 1.0):
        (step,) = run("ddim", Gaussian(MEAN, STD), x, levels, variance="beta", eta=eta,
                      noise=stream())  # fmt: skip
        torch.testing.assert_close(step.x_next, mean + hat * stream()(x))
