"""Schedules of diffusers as ours, and ours as configs of diffusers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from core.bridge.classes import FLOW, asked, found, unreadable
from core.bridge.options import judged
from core.checks import said
from core.schedules import CLEAN, SCHEDULES, Level, Schedule, from_betas

BETA_SCHEDULES = {
    "linear": "linear",
    "scaled_linear": "scaled_linear",
    "sigmoid": "sigmoid",
    "squaredcos_cap_v2": "cosine",
}
PREDICTION_TYPES = ("epsilon", "sample", "v_prediction")
UNNAMED = "a scheduler config without _class_name"
TOLERANCE = 1e-6  # of alpha_bar, in which float32 agrees with float64


def schedule_of(scheduler: Any) -> Schedule:
    """The schedule of a diffusers scheduler, or of its config.

    A config is read as the class in its `_class_name` reads it, which is built from it: keys that
    the class does not have are dropped, and missing ones are its defaults. alpha_bar is that of
    its `alphas_cumprod`, in float64 where our own formulas agree with it: prod (1 - beta) from
    `trained_betas`, or from `beta_schedule`, `beta_start` and `beta_end`, rescaled where
    `rescale_betas_zero_snr`. The end is the class's `final_alpha_cumprod`, or the level in which
    its runs end; the offset is `steps_offset`. What only says which timesteps a run visits
    (`timestep_spacing`, sigmas after Karras, exponential or beta, `lambda_min_clipped`) is no
    part of a schedule. Which classes can be read: assets/models/SCHEDULERS.md.

    A config without `_class_name`, such as that of `config_of`, is read by our formulas and has
    to say its betas in full. It ends in the level of t = 0 where `set_alpha_to_one` is False or
    `final_sigmas_type` is "sigma_min", else in (1, 0).
    https://huggingface.co/docs/diffusers/api/schedulers/overview

    ValueError, one sentence that names the class, where its runs do not obey a schedule of betas
    (flow matching, EDM, tokens), where it refuses the config, and for an option that decides
    levels and has a wrong type or lies outside its range.
    """
    if isinstance(scheduler, Mapping) and "_class_name" not in scheduler:
        return _unnamed(scheduler)
    theirs = found(scheduler)
    ours = _recomputed(theirs.name, theirs.options)
    alpha_bar, end = asked(theirs)
    offset = theirs.options.get("steps_offset", 0)
    schedule = Schedule(alpha_bar.sqrt(), (1 - alpha_bar).sqrt(), offset=offset)
    if ours is not None and bool(((ours.alpha_bar - alpha_bar).abs() <= TOLERANCE).all()):
        schedule = replace(ours, offset=offset)
    return _ended(theirs.name, schedule, end)


def _unnamed(config: Mapping[str, Any]) -> Schedule:
    """By our formulas alone: what a missing key means, only a class could say."""
    options = judged(UNNAMED, config)
    if options.get("use_flow_sigmas"):
        raise unreadable(f"{UNNAMED} and with use_flow_sigmas {FLOW}")
    for key, value in (("snr_shift_scale", ...), ("timestep_type", "continuous")):
        if key in options and value in (..., options[key]):
            raise ValueError(f"{UNNAMED} cannot say what {key} means: add the name of its class")
    kind, betas = options.get("beta_schedule"), options.get("trained_betas")
    total = 1000 if betas is None else len(betas)
    schedule = _recomputed(UNNAMED, {"num_train_timesteps": total, **options})
    if schedule is None:
        raise ValueError(
            f"{UNNAMED} needs trained_betas or a beta_schedule among "
            f"{', '.join(BETA_SCHEDULES)}, got {said(kind)}"
        )
    missing = [key for key in ("beta_start", "beta_end") if key not in options]
    if betas is None and kind != "squaredcos_cap_v2" and missing:
        raise ValueError(f"{UNNAMED} must say its {' and '.join(missing)}, or name its class")
    schedule = replace(schedule, offset=options.get("steps_offset", 0))
    clean = _ends_clean(options)
    return _ended(UNNAMED, schedule, 1.0 if clean else float(schedule.alpha_bar[0]))


def _ends_clean(options: Mapping[str, Any]) -> bool:
    """Whether a config without a class ends in (1, 0): by default, and where it says so."""
    one, last = options.get("set_alpha_to_one"), options.get("final_sigmas_type")
    if last not in (None, "zero", "sigma_min"):
        raise ValueError(
            f"{UNNAMED}: final_sigmas_type must be zero or sigma_min, got {said(last)}"
        )
    if one is not None and last is not None and one != (last == "zero"):
        raise ValueError(f"{UNNAMED} says two ends: leave set_alpha_to_one or final_sigmas_type")
    return one is not False and last != "sigma_min"


def _recomputed(name: str, options: Mapping[str, Any]) -> Schedule | None:
    """By our own formulas, in float64; None for a beta schedule that is unknown here."""
    zero, total = options.get("rescale_betas_zero_snr", False), options["num_train_timesteps"]
    betas = options.get("trained_betas")
    if betas is not None:
        if len(betas) != total:
            raise ValueError(
                f"{name}: num_train_timesteps must be the number of trained_betas, "
                f"{len(betas)}, got {total}"
            )
        return from_betas(torch.as_tensor(betas), zero_terminal_snr=zero)
    kind = BETA_SCHEDULES.get(options.get("beta_schedule") or "")
    if kind is None:
        return None
    keys = () if kind == "cosine" else ("beta_start", "beta_end")
    given = {key: options[key] for key in keys if key in options}
    try:
        return SCHEDULES[kind](total, zero_terminal_snr=zero, **given)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _ended(name: str, schedule: Schedule, end: float) -> Schedule:
    """The schedule with the level at alpha_bar = `end` as its last; ValueError for none."""
    alpha_bar = schedule.alpha_bar
    if not (
        bool(((alpha_bar >= 0) & (alpha_bar < 1)).all()) and alpha_bar[0] > 0 and 0 < end <= 1
    ):
        raise ValueError(f"{name}: these options lead to no levels with 0 < alpha < 1")
    if end == 1:
        return replace(schedule, final=CLEAN)
    if abs(end - float(alpha_bar[0])) <= TOLERANCE:
        return replace(schedule, final=_first(schedule))
    return replace(schedule, final=Level(-1.0, end**0.5, (1 - end) ** 0.5))


def _first(schedule: Schedule) -> Level:
    return Level(-1.0, float(schedule.alpha[0]), float(schedule.sigma[0]))


def config_of(schedule: Schedule, prediction_type: str = "epsilon") -> dict[str, Any]:
    """A diffusers config of this schedule: `DDIMScheduler.from_config(config_of(schedule))`.

    `trained_betas` carries the schedule; nothing is clipped or thresholded. ValueError for a
    schedule that is not variance preserving or ends neither in (1, 0) nor in the level of t = 0,
    and for a `prediction_type` other than epsilon, sample and v_prediction.
    """
    if prediction_type not in PREDICTION_TYPES:
        raise ValueError(
            f"prediction_type must be one of {', '.join(PREDICTION_TYPES)}, "
            f"got {prediction_type!r}"
        )
    if not torch.allclose(schedule.alpha**2 + schedule.sigma**2, schedule.alpha.new_tensor(1.0)):
        raise ValueError(
            "diffusers holds a schedule as betas: alpha^2 + sigma^2 must be 1, "
            "so variance-exploding and flow schedules have no config"
        )
    ends = {CLEAN: True, _first(schedule): False}
    if schedule.final not in ends:
        raise ValueError(f"a diffusers run ends in (1, 0) or in t = 0, not in {schedule.final}")
    clean = ends[schedule.final]
    return {
        "num_train_timesteps": len(schedule),
        "trained_betas": schedule.beta.tolist(),
        "set_alpha_to_one": clean,
        "final_sigmas_type": "zero" if clean else "sigma_min",
        "steps_offset": schedule.offset,
        "prediction_type": prediction_type,
        "clip_sample": False,
        "thresholding": False,
    }
