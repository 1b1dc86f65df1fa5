# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Schedules from diffusers' schedulers and configs, and configs from schedules."""

import json
from dataclasses import replace

import diffusers
import pytest
import torch

from core.bridge import config_of, schedule_of
from core.denoisers import Network
from core.samplers import SAMPLERS
from core.schedules import CLEAN, SCHEDULES, Level, from_betas, linear
from tests.core import curved, distance, normal

PRESERVING = ("linear", "scaled_linear", "quadratic", "sigmoid", "cosine")
SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
CLASSES = [
    diffusers.DDIMScheduler,
    diffusers.DDPMScheduler,
    diffusers.PNDMScheduler,
    diffusers.DPMSolverMultistepScheduler,
    diffusers.UniPCMultistepScheduler,
    diffusers.DEISMultistepScheduler,
    diffusers.EulerDiscreteScheduler,
]


# ---- schedules ----------------------------------------------------------------------------------


@pytest.mark.parametrize("beta_schedule", ["linear", "scaled_linear", "squaredcos_cap_v2"])
@pytest.mark.parametrize("kind", CLASSES)
def test_the_schedule_of_a_scheduler_or_of_its_config(kind, beta_schedule):
    scheduler = kind(500, beta_schedule=beta_schedule, beta_start=0.001, beta_end=0.01)
    for schedule in (schedule_of(scheduler), schedule_of(dict(scheduler.config))):
        expected = scheduler.alphas_cumprod.double()
        torch.testing.assert_close(schedule.alpha_bar, expected, rtol=1e-4, atol=1e-9)
        assert schedule.alpha.dtype == schedule.sigma.dtype == torch.float64


def test_the_schedule_is_more_than_the_float32_numbers_of_the_scheduler():
    schedule = schedule_of(diffusers.DDIMScheduler(**SD))
    assert torch.equal(schedule.alpha, SCHEDULES["scaled_linear"]().alpha)


@pytest.mark.parametrize("name, options", [
    ("sigmoid", {"beta_schedule": "sigmoid"}),
    ("linear", {"rescale_betas_zero_snr": True}),
    ("scaled_linear", {**SD, "rescale_betas_zero_snr": True}),
])  # fmt: skip
def test_schedules_that_only_some_classes_know(name, options):
    zero = "rescale_betas_zero_snr" in options
    schedule = schedule_of(diffusers.DDPMScheduler(**options))
    ours = SCHEDULES[name](zero_terminal_snr=True) if zero else SCHEDULES[name]()
    assert torch.equal(schedule.alpha, ours.alpha)


def test_a_beta_schedule_unknown_here_is_read_from_the_scheduler():
    scheduler = diffusers.DDPMScheduler(beta_schedule="laplace")
    expected = scheduler.alphas_cumprod.double()
    assert torch.equal(schedule_of(scheduler).alpha, expected.sqrt())
    with pytest.raises(ValueError, match="got 'laplace'"):
        schedule_of(scheduler.config)


ENDS = [
    (diffusers.DDIMScheduler(set_alpha_to_one=True), True),
    (diffusers.DDIMScheduler(set_alpha_to_one=False), False),
    (diffusers.PNDMScheduler(), False),
    (diffusers.PNDMScheduler(set_alpha_to_one=True), True),
    (diffusers.DDPMScheduler(), True),
    (diffusers.UniPCMultistepScheduler(), True),
    (diffusers.UniPCMultistepScheduler(final_sigmas_type="sigma_min"), False),
    (diffusers.DEISMultistepScheduler(), False),
]


@pytest.mark.parametrize("scheduler, clean", ENDS)
def test_the_final_level_is_where_the_scheduler_ends(scheduler, clean):
    schedule = schedule_of(scheduler)
    first = replace(schedule.level(0), t=-1.0)
    assert schedule.final == (CLEAN if clean else first)
    if hasattr(scheduler, "final_alpha_cumprod"):
        assert schedule.final.alpha**2 == pytest.approx(float(scheduler.final_alpha_cumprod))


def test_the_offset_moves_leading_timesteps():
    scheduler = diffusers.DDIMScheduler(steps_offset=1, timestep_spacing="leading")
    scheduler.set_timesteps(30)
    assert schedule_of(scheduler).timesteps(30, "leading") == scheduler.timesteps.tolist()


@pytest.mark.parametrize("bad, message", [
    (diffusers.FlowMatchEulerDiscreteScheduler(), "needs trained_betas or a beta_schedule"),
    (diffusers.EDMEulerScheduler(), "needs trained_betas or a beta_schedule"),
    (diffusers.UniPCMultistepScheduler(use_flow_sigmas=True), "needs trained_betas"),
    ({}, "got None"),
    ({"beta_schedule": "linear", "beta_start": 2.0}, "beta_start must be in"),
    ({"trained_betas": [0.1, 1.2]}, "trained_betas must be above 0 and at most 1"),
])  # fmt: skip
def test_no_schedule_without_betas(bad, message):
    with pytest.raises(ValueError, match=message):
        schedule_of(bad)


# ---- configs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESERVING)
@pytest.mark.parametrize("end", ["clean", "first"])
@pytest.mark.parametrize("kind", CLASSES[:5])
def test_a_config_carries_the_schedule_there_and_back(kind, end, name):
    schedule = from_betas(
        SCHEDULES[name](300).beta, final=CLEAN if end == "clean" else None, offset=1
    )
    config = json.loads(json.dumps(config_of(schedule)))
    twin = kind.from_config(config)
    expected = twin.alphas_cumprod.double()
    torch.testing.assert_close(schedule.alpha_bar, expected, rtol=1e-4, atol=1e-9)
    for again in (schedule_of(config), schedule_of(twin)):
        torch.testing.assert_close(again.alpha, schedule.alpha, rtol=1e-9, atol=1e-12)
        assert again.offset == 1
        if kind is not diffusers.DDPMScheduler:  # which always ends in (1, 0)
            assert again.final.alpha == pytest.approx(schedule.final.alpha, rel=1e-12)


@pytest.mark.parametrize("prediction_type, key", [
    ("epsilon", "epsilon"), ("sample", "sample"), ("v_prediction", "v_prediction"),
])  # fmt: skip
def test_a_scheduler_made_from_a_config_samples_as_we_do(prediction_type, key):
    schedule = SCHEDULES["quadratic"]()  # diffusers has no name for it
    twin = diffusers.DDIMScheduler.from_config(config_of(schedule, prediction_type))
    twin.set_timesteps(20)
    x = 3 * normal(2, 1, 4, 4, dtype=torch.float32)
    steps = SAMPLERS["ddim"](Network(curved, key), x, schedule.levels(20, "leading"))
    for t, step in zip(twin.timesteps, steps, strict=True):
        x = twin.step(curved(x, float(t)), t, x).prev_sample
        assert distance(step.x_next, x) < 1e-5


def test_zero_terminal_snr_survives_the_config():
    schedule = linear(zero_terminal_snr=True)
    assert schedule_of(config_of(schedule, "v_prediction")).alpha[-1] == 0
    twin = diffusers.DDIMScheduler.from_config(config_of(schedule, "v_prediction"))
    assert twin.alphas_cumprod[-1] == 0


@pytest.mark.parametrize("schedule, options, message", [
    *((SCHEDULES[name](), (), "must be 1") for name in ("geometric", "karras", "flow")),
    (replace(linear(), final=Level(-1.0, 0.5, 0.1)), (), r"ends in \(1, 0\) or in t = 0"),
    (linear(), ("flow",), "epsilon, sample, v_prediction, got 'flow'"),
])  # fmt: skip
def test_what_no_config_can_say(schedule, options, message):
    with pytest.raises(ValueError, match=message):
        config_of(schedule, *options)
