# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Every scheduler class of diffusers: read as the object that it builds, or refused by name."""

import copy
import logging
import math
import random
import re
import warnings

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bridge import schedule_of
from core.bridge.classes import UNREADABLE, defaults_of
from core.schedules import SCHEDULES, Schedule
from tests.core.configs import SHORT, read, refusal
from tests.schedulers import CLASSES, DOCUMENT, LIBRARIES, is_there, kind_of, written

SIGMA_SCALE = ("Euler", "Heun", "KDPM2", "LMS", "DPMSolverSDE")  # x = x0 + sigma eps
GUESSING = ("DDPM", "UnCLIP", "CogVideoXDPM")  # draw noise: run with a constant guess of x0
CLEAN_LAST = ("EulerAncestral", "KDPM2Ancestral", "DPMSolverSDE")  # draw noise, in sigma's scale
BY_STRIDE = ("CogVideoX", "DDIM", "PNDM")  # step by T // N, whatever timesteps they were given
OWN_LAST_STEP = ("LCM", "TCD")  # do not go to the level that they call final
STEPS = 4


# ---- the object itself: where a run of it ends --------------------------------------------------


def precise(own):
    """The same scheduler with its levels in float64, as precise as a run needs them."""
    own = copy.deepcopy(own)
    alpha_bar = own.alphas_cumprod = own.alphas_cumprod.double()
    own.alphas = alpha_bar / torch.cat([torch.ones(1).double(), alpha_bar[:-1]])
    own.betas = 1 - own.alphas
    return own


def started(own, name, x0, eps):
    """The first x of a run: x0 and eps at its first level."""
    if name == "RePaintScheduler":
        own.set_timesteps(STEPS, jump_length=1, jump_n_sample=1)
    else:
        own.set_timesteps(STEPS)
    if hasattr(own, "set_begin_index"):  # or the place is sought by timesteps, rounded to equal
        own.set_begin_index(0)
    if hasattr(own, "sigmas"):
        own.sigmas = own.sigmas.double()
        sigma = float(own.sigmas[0])
        alpha = 1.0 if name.startswith(SIGMA_SCALE) else 1 / math.hypot(1, sigma)
        return alpha * (x0 + sigma * eps)
    alpha_bar = float(own.alphas_cumprod[own.timesteps[0]])
    return math.sqrt(alpha_bar) * x0 + math.sqrt(1 - alpha_bar) * eps


def stepped(own, name, output, t, x, after):
    """One step of a run; (x, guess of x0)."""
    if name == "CogVideoXDPMScheduler":
        return own.step(output, None, t, None, x, return_dict=False)
    if name == "RePaintScheduler":
        return own.step(output, t, x, x, torch.zeros_like(x), return_dict=False)
    if name == "UnCLIPScheduler":
        return own.step(output, t, x, prev_timestep=after, return_dict=False)
    return own.step(output, t, x, return_dict=False)


def last_of(own, name, x0, eps, output):
    """x and the last guess after a run in which the network always says `output`."""
    own = precise(own)
    full = torch.full((1, 1, 2, 2), 1.0, dtype=torch.float64)
    x, guess = started(own, name, x0 * full, eps * full), []
    torch.manual_seed(0)
    for t, after in zip(own.timesteps, [*own.timesteps[1:], None], strict=True):
        own.scale_model_input(x, t)
        x, *guess = stepped(own, name, output * full, t, x, after)
    return x.mean().item(), guess


def end_of_run(own, name):
    """alpha_bar of the level in which a run of this scheduler ends."""
    if name == "DDIMInverseScheduler":  # begins there: the guess from a clean picture is right
        own.set_timesteps(STEPS)
        alpha_bar = own.initial_alpha_cumprod.double()
        x = torch.full((1, 1, 2, 2), 0.5) * alpha_bar.sqrt() + (1 - alpha_bar).sqrt()
        _, guess = own.step(torch.ones(1, 1, 2, 2), own.timesteps[0], x, return_dict=False)
        torch.testing.assert_close(guess, torch.full_like(guess, 0.5), rtol=0, atol=1e-6)
        return float(alpha_bar)
    if name.startswith(OWN_LAST_STEP):
        return float(own.final_alpha_cumprod)
    if name.startswith(CLEAN_LAST):
        x, (guess, *_) = last_of(own, name, 0.0, 1.0, 0.5)
        assert x == pytest.approx(guess.mean().item(), abs=1e-9)
        return 1.0
    if name.startswith(GUESSING):
        (one, _), (zero, _) = (last_of(own, name, x0, 1.0, x0) for x0 in (1.0, 0.0))
        return (one - zero) ** 2
    (alpha, _), (sigma, _) = last_of(own, name, 1.0, 0.0, 0.0), last_of(own, name, 0.0, 1.0, 1.0)
    return alpha**2 / (alpha**2 + sigma**2)


def itself(name, config):
    """The object that diffusers builds: (alphas_cumprod, end of its run); None where it fails."""
    kind = kind_of(name)
    kept = {key: config[key] for key in defaults_of(kind) if key in config}
    plain = {"clip_sample": False, "skip_prk_steps": True, "tau_func": lambda t: 0}
    plain["prediction_type"] = "sample" if name.startswith(GUESSING) else "epsilon"
    if name.startswith(BY_STRIDE):
        plain |= {"timestep_spacing": "leading", "steps_offset": 1}
    if kept.get("trained_betas") is not None and name == "RePaintScheduler":
        kept["trained_betas"] = np.array(kept["trained_betas"])  # takes nothing else
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            kind(**kept)
            kept |= {key: plain[key] for key in plain if key in defaults_of(kind)}
            own = kind(**kept)
            return own.alphas_cumprod.double(), end_of_run(own, name)
        except (NotImplementedError, ValueError, ImportError):
            return None


# ---- every class, keys dropped and added at random ----------------------------------------------

flag = st.booleans()
OPTIONS = {
    "num_train_timesteps": st.sampled_from([12, 16, 24, 40]),
    "beta_start": st.floats(1e-4, 0.01),
    "beta_end": st.floats(0.01, 0.03),
    "beta_schedule": st.sampled_from(["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"]),
    "trained_betas": st.none() | st.lists(st.floats(1e-3, 0.3), min_size=24, max_size=24),
    "rescale_betas_zero_snr": flag,
    "set_alpha_to_one": flag,
    "final_sigmas_type": st.sampled_from(["zero", "sigma_min"]),
    "steps_offset": st.sampled_from([0, 1]),
    "timestep_spacing": st.sampled_from(["leading", "trailing", "linspace"]),
    "use_karras_sigmas": flag,
    "use_exponential_sigmas": flag,
    "use_flow_sigmas": st.sampled_from([False, False, True]),
    "use_dynamic_shifting": st.sampled_from([False, False, True]),
    "sigma_min": st.none() | st.floats(0.05, 0.2),
    "snr_shift_scale": st.floats(0.5, 4.0),
    "timestep_type": st.sampled_from(["discrete", "continuous"]),
    "prediction_type": st.sampled_from(["epsilon", "v_prediction"]),
    "algorithm_type": st.sampled_from(["dpmsolver++", "deis", "nonsense"]),
    "solver_order": st.sampled_from([1, 2]),
    "shift": st.floats(1.0, 3.0),
    "skip_prk_steps": flag,
    "something_of_a_later_version": st.none() | st.text(max_size=5),
}
configs = st.fixed_dictionaries({}, optional=OPTIONS)


def is_no_schedule(name, config):
    """Whether a run of this class with these options does not obey its betas."""
    kept = {**defaults_of(kind_of(name)), **config} if is_there(name) else config
    mine = {key: value for key, value in kept.items() if key in defaults_of(kind_of(name))}
    betas = mine.get("trained_betas")
    by_sigma = mine.get("timestep_type") == "continuous"
    return (
        mine.get("use_flow_sigmas")
        or (by_sigma and mine["prediction_type"] == "v_prediction")
        or (betas is not None and len(betas) != mine["num_train_timesteps"])
    )


@pytest.mark.parametrize("name", CLASSES)
@settings(max_examples=10, derandomize=True, database=None, deadline=None)
@given(config=configs)
def test_a_class_is_read_as_the_object_itself_or_refused_by_name(name, config):
    if name.startswith("KDPM2"):  # takes half a second to build with its default of 1000
        config = {"num_train_timesteps": 24, **config}
    named = {"_class_name": name, **config}
    if name in UNREADABLE or not is_there(name) or is_no_schedule(name, config):
        assert name in refusal(named)
        return
    expected = itself(name, config)
    if expected is None:
        assert name in refusal(named)
        return
    schedule, (alpha_bar, end) = schedule_of(named), expected
    torch.testing.assert_close(schedule.alpha_bar, alpha_bar, rtol=0, atol=1e-6)
    assert schedule.final.alpha**2 == pytest.approx(end, abs=1e-6)
    assert schedule.final.alpha**2 + schedule.final.sigma**2 == pytest.approx(1, abs=1e-12)
    offset = {**defaults_of(kind_of(name)), **config}.get("steps_offset", 0)
    assert schedule.offset == (offset if "steps_offset" in defaults_of(kind_of(name)) else 0)


# ---- objects ------------------------------------------------------------------------------------


def test_what_was_set_on_an_object_by_hand_counts():
    scheduler = diffusers.DDIMScheduler(set_alpha_to_one=False)
    alpha_bar = SCHEDULES["cosine"]().alpha_bar
    scheduler.alphas_cumprod = alpha_bar
    scheduler.final_alpha_cumprod = torch.tensor(0.9)
    schedule = schedule_of(scheduler)
    torch.testing.assert_close(schedule.alpha_bar, alpha_bar, rtol=0, atol=1e-12)
    assert schedule.final.alpha**2 == pytest.approx(0.9, abs=1e-7)
    for bad in (alpha_bar[:500], alpha_bar[0], alpha_bar - 1, None):
        scheduler.alphas_cumprod = bad
        assert "DDIMScheduler" in refusal(scheduler)


def test_an_object_in_the_middle_of_a_run_is_not_touched():
    helper = diffusers.UniPCMultistepScheduler()
    scheduler = diffusers.UniPCMultistepScheduler(solver_p=helper, solver_order=3)
    scheduler.set_timesteps(7)
    schedule_of(scheduler)
    for each in (scheduler, helper):
        assert len(each.timesteps) == 7 and each.num_inference_steps == 7
    own = diffusers.SASolverScheduler(tau_func=lambda t: 0)
    assert torch.equal(schedule_of(own).alpha, SCHEDULES["linear"]().alpha)


# ---- nothing but a ValueError, and nothing said -------------------------------------------------


def test_diffusers_says_nothing_meanwhile(capfd, caplog):
    """Neither the deprecation of an algorithm nor a change of its options reaches anybody."""
    level = logging.getLogger("diffusers").level
    old = {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "unknown": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in CLASSES:
            if name not in UNREADABLE and is_there(name):
                read(name.removesuffix("Scheduler"), **SHORT, unknown=1)
        read("DPMSolverMultistep", **old)
        read("DPMSolverSinglestep", **old)
        kind = "DEISMultistepScheduler"
        assert "nonsense" in refusal({"_class_name": kind, "solver_type": "nonsense"})
    assert capfd.readouterr() == ("", "") and not caplog.records
    assert logging.getLogger("diffusers").level == level


ODD = [
    None, True, False, 0, 1, -1, 2, 7.5, 10**12, -(10**12), 10**400, math.nan, math.inf, -math.inf,
    1e-320, "", "nonsense", "linear", "\ud800", [], [1], [[]], [None], {}, {"a": 1}, [0.1] * 50,
]  # fmt: skip


def mutated(draw):
    """A config of a class, with keys dropped, types changed and values made extreme."""
    name = draw.choice([*CLASSES, *(each for each in CLASSES if each not in UNREADABLE)])
    defaults = defaults_of(kind_of(name)) if is_there(name) else {}
    config = {"_class_name": name, **defaults, **SHORT}
    for _ in range(draw.randint(1, 4)):
        key = draw.choice([*config, *OPTIONS])
        if draw.random() < 0.25:
            config.pop(key, None)
        else:
            config[key] = draw.choice(ODD)
    return config


def test_nothing_but_a_refusal_comes_of_700_mutated_configs():
    draw, seen = random.Random(14), {"read": 0, "refused": 0}
    for _ in range(700):
        config = mutated(draw)
        try:
            schedule = schedule_of(config)
        except ValueError as error:
            seen["refused"] += 1
            assert "\n" not in str(error) and len(str(error)) < 400, config
            continue
        seen["read"] += 1
        assert isinstance(schedule, Schedule) and 2 <= len(schedule) <= 10_000, config
        assert torch.isfinite(schedule.alpha).all() and (schedule.sigma > 0).all(), config
        assert 0 < schedule.final.alpha <= 1 and schedule.offset >= 0, config
    assert min(seen.values()) > 150


# ---- the table ----------------------------------------------------------------------------------


def test_every_class_has_its_row_and_every_refused_one_its_reason():
    assert len(CLASSES) > 45 and {*UNREADABLE, *LIBRARIES} <= {*CLASSES}
    text = DOCUMENT.read_text("utf-8")
    assert f"<!-- schedulers -->\n{written()}\n<!-- /schedulers -->" in text
    assert [*re.findall(r"^\| (\w+Scheduler) \|", text, re.MULTILINE)] == CLASSES
