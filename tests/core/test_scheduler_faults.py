# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Faults of scheduler configs, each kind by itself: read as their class does, or refused."""

import json
import math

import diffusers
import numpy as np
import pytest
import torch

from core.bridge import config_of, schedule_of
from core.schedules import CLEAN, SCHEDULES, Level
from tests.core.configs import SHORT, read, refusal
from tests.schedulers import DOCUMENT

SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def first(schedule):
    """The level of t = 0, as an end."""
    return Level(-1.0, float(schedule.alpha[0]), float(schedule.sigma[0]))


@pytest.mark.parametrize("name", [
    "EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete", "KDPM2Discrete",
    "KDPM2AncestralDiscrete", "DPMSolverMultistep", "DPMSolverSinglestep", "UniPCMultistep",
    "DDPM", "DDPMParallel", "UnCLIP", "RePaint",
])  # fmt: skip
def test_an_option_left_over_from_another_class_is_not_obeyed(name):
    assert read(name, **SHORT, set_alpha_to_one=False).final == CLEAN


@pytest.mark.parametrize("name", ["DDIM", "DDIMParallel", "LCM", "TCD", "CogVideoXDDIM", "DDPM"])
def test_nor_is_the_last_sigma_of_another_class(name):
    assert read(name, final_sigmas_type="sigma_min").final == CLEAN
    assert read(name, final_sigmas_type=["nonsense"], steps_offset=1).offset == 1


@pytest.mark.parametrize("name", ["DDIM", "DDIMParallel", "DDIMInverse", "PNDM", "LCM", "TCD"])
@pytest.mark.parametrize("one", [True, False])
def test_an_option_that_the_class_has_is_obeyed(name, one):
    schedule = read(name, set_alpha_to_one=one)
    assert schedule.final == (CLEAN if one else first(schedule))


def test_each_class_has_its_own_end():
    for name in ("PNDM", "DEISMultistep", "SASolver"):
        schedule = read(name, **SD, final_sigmas_type="zero")
        assert schedule.final == first(schedule)
        assert schedule.final.sigma == pytest.approx(0.00085**0.5, rel=1e-9)
    for name in ("EulerDiscrete", "UniPCMultistep", "DPMSolverSinglestep"):
        schedule = read(name, **SD, final_sigmas_type="sigma_min")
        assert schedule.final == first(schedule)


def test_a_missing_key_has_the_default_of_the_class():
    assert float(read("EulerDiscrete", beta_schedule="scaled_linear").alpha_bar[-1]) == (
        pytest.approx(0.000733, rel=1e-3)
    )
    diffusers_own = SCHEDULES["linear"](beta_start=0.00085, beta_end=0.012)
    for name in ("HeunDiscrete", "KDPM2Discrete", "KDPM2AncestralDiscrete"):
        assert torch.equal(read(name).alpha, diffusers_own.alpha)
    for name in ("LCM", "TCD"):
        assert torch.equal(read(name).alpha, SCHEDULES["scaled_linear"]().alpha)
        assert torch.equal(read(name, beta_schedule="linear").alpha, diffusers_own.alpha)
    for name in ("DDIM", "DDPM", "UniPCMultistep", "DEISMultistep", "EulerDiscrete"):
        assert torch.equal(read(name).alpha, SCHEDULES["linear"]().alpha)
    assert torch.equal(read("UnCLIP").alpha, SCHEDULES["cosine"]().alpha)


def test_a_shifted_snr():
    """snr / scale: alpha_bar / (scale + (1 - scale) alpha_bar)."""
    for name, scale in (("CogVideoXDDIM", 3.0), ("CogVideoXDPM", 1.5)):
        expected = SCHEDULES["scaled_linear"]().snr / scale
        schedule = read(name, snr_shift_scale=scale)
        torch.testing.assert_close(schedule.snr, expected, rtol=1e-6, atol=0)
    assert torch.equal(read("DDIM", snr_shift_scale=3.0).alpha, read("DDIM").alpha)


def test_levels_labelled_by_sigma_are_refused_and_the_option_is_named():
    said = refusal({"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": True})
    assert said == refusal(diffusers.UniPCMultistepScheduler(use_flow_sigmas=True))
    assert "UniPCMultistepScheduler with use_flow_sigmas runs on flow levels" in said
    video = {"timestep_type": "continuous", "prediction_type": "v_prediction"}
    said = refusal({"_class_name": "EulerDiscreteScheduler", **video})
    assert "EulerDiscreteScheduler with timestep_type 'continuous'" in said
    assert read("EulerAncestralDiscrete", **video, use_flow_sigmas=True).final == CLEAN
    assert read("EulerDiscrete", timestep_type="continuous").final == CLEAN


@pytest.mark.parametrize("sigmas", ["karras", "exponential", "lu"])
def test_sigmas_of_a_run_are_no_part_of_a_schedule(sigmas):
    key = "use_lu_lambdas" if sigmas == "lu" else f"use_{sigmas}_sigmas"
    plain, chosen = (read("DPMSolverMultistep", **SD, **{key: on}) for on in (False, True))
    assert torch.equal(plain.alpha, chosen.alpha) and plain.final == chosen.final


def test_an_end_between_levels():
    options = {"use_karras_sigmas": True, "sigma_min": 0.1, "final_sigmas_type": "sigma_min"}
    final = read("UniPCMultistep", **SD, **options).final
    assert final.sigma / final.alpha == pytest.approx(0.1, rel=1e-6) and final.t == -1


BETAS = [0.01, 0.02, 0.03]
WRONG = [
    ("num_train_timesteps", [0, 1, -5, 10_001, 10**12, 10**5000, 1e3, "1000", None, True, [9]]),
    ("steps_offset", [-1, 10**12, 0.5, "1", None, False, {}]),
    ("beta_start", ["0.1", None, True, [0.1], math.nan, math.inf, -1, 0, 2, 10**400]),
    ("beta_end", ["0.1", None, math.nan, -math.inf, 1.0, 1e-5, {}]),
    ("beta_schedule", ["nonsense", None, 7, ["linear"], {}, ""]),
    ("trained_betas", ["linear", 7, {}, [], [0.1], [0.1, None], [[0.1, 0.2]], ["0.1", "0.2"]]),
    ("trained_betas", [[0.1, math.nan], [0.1, -0.1], [0.1, 1.5], [0.1, 10**400], [0.1] * 10_001]),
    ("trained_betas", [BETAS]),  # for 1000 timesteps
    ("rescale_betas_zero_snr", ["yes", 1, None, []]),
    ("set_alpha_to_one", ["false", 0, None, {}]),
]


@pytest.mark.parametrize("key, value", [
    pytest.param(key, value, id=f"{key}-{index}")  # pytest cannot write integers of 5000 digits
    for key, values in WRONG
    for index, value in enumerate(values)
])  # fmt: skip
def test_what_is_of_the_wrong_type_or_out_of_range(key, value):
    said = refusal({"_class_name": "DDIMScheduler", key: value})
    assert said.startswith("DDIMScheduler") and key.split("_")[0] in said
    assert len(said) < 250 and "\n" not in said


@pytest.mark.parametrize("key, value", [
    ("final_sigmas_type", "nonsense"), ("final_sigmas_type", None), ("timestep_type", 7),
    ("use_karras_sigmas", None), ("sigma_min", "0.1"), ("timestep_spacing", "nonsense"),
    ("interpolation_type", "cubic"),
])  # fmt: skip
def test_what_a_run_of_the_class_would_refuse(key, value):
    said = refusal({"_class_name": "EulerDiscreteScheduler", key: value})
    assert said.startswith("EulerDiscreteScheduler") and (key in said or str(value) in said)


@pytest.mark.parametrize("name", [
    "NoScheduler", "UNet2DModel", "KarrasDiffusionSchedulers", "SchedulerMixin", "__dict__", "",
    "StableDiffusionPipeline", "\ud800", None, 7, True, ["DDIMScheduler"], {"name": "DDIM"},
])  # fmt: skip
def test_a_class_that_is_no_scheduler(name):
    said = refusal({"_class_name": name, **SD})
    assert "_class_name" in said or str(name) in said


@pytest.mark.parametrize("config", [None, [], ["DDIMScheduler"], "DDIMScheduler", 7, object()])
def test_what_is_no_config(config):
    assert "its config as a mapping, got" in refusal(config)


def test_a_class_whose_library_is_missing_or_that_is_new(monkeypatch):
    class Needing:
        _backends = ("torch", "scipy")

    class NewScheduler(diffusers.SchedulerMixin):
        def __init__(self, num_train_timesteps=1000):
            self.betas = None

    for name, kind in (("Needing", Needing), ("NewScheduler", NewScheduler)):
        monkeypatch.setattr(diffusers.schedulers, name, kind, raising=False)
    assert "Needing needs scipy, which is not installed" in refusal({"_class_name": "Needing"})
    assert "NewScheduler holds no alphas_cumprod" in refusal({"_class_name": "NewScheduler"})


def test_a_config_without_a_class_says_its_betas_itself():
    assert torch.equal(schedule_of(SD).alpha, SCHEDULES["scaled_linear"]().alpha)
    assert schedule_of({**SD, "steps_offset": np.int64(1)}).offset == 1
    for end in ({"set_alpha_to_one": False}, {"final_sigmas_type": "sigma_min"}):
        schedule = schedule_of({**SD, **end})
        assert schedule.final == first(schedule)
    both = {"set_alpha_to_one": False, "final_sigmas_type": "zero"}
    assert "two ends" in refusal({**SD, **both})
    assert "must say its beta_start and beta_end" in refusal({"beta_schedule": "linear"})
    assert "snr_shift_scale" in refusal({**SD, "snr_shift_scale": 3.0})
    assert "use_flow_sigmas" in refusal({**SD, "use_flow_sigmas": True})
    assert "must be the number of trained_betas, 3, got 9" in refusal(
        {"trained_betas": BETAS, "num_train_timesteps": 9}
    )
    assert len(schedule_of({"trained_betas": BETAS})) == 3


@pytest.mark.parametrize("model", ["digits", "emoji"])
def test_our_own_configs_are_read(model):
    file = DOCUMENT.parent / model / "scheduler" / "scheduler_config.json"
    schedule = schedule_of(json.loads(file.read_text("utf-8")))
    assert torch.equal(schedule.alpha, SCHEDULES["linear"]().alpha) and schedule.final == CLEAN
    again = schedule_of(json.loads(json.dumps(config_of(schedule))))
    torch.testing.assert_close(again.alpha, schedule.alpha, rtol=1e-9, atol=0)
