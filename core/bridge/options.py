"""The options of a scheduler that decide its levels, judged before diffusers sees them."""

from __future__ import annotations

import contextlib
import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.checks import said, whole

WHOLE = {"num_train_timesteps": (2, 10_000), "steps_offset": (0, 10_000)}
REAL = ("beta_start", "beta_end", "snr_shift_scale", "sigma_min", "sigma_max")
TRUTH = (
    "rescale_betas_zero_snr",
    "set_alpha_to_one",
    "use_beta_sigmas",
    "use_exponential_sigmas",
    "use_flow_sigmas",
    "use_karras_sigmas",
    "use_lu_lambdas",
)
TEXT = ("beta_schedule", "final_sigmas_type", "timestep_type")
OPTIONAL = ("sigma_min", "sigma_max", "trained_betas", "beta_schedule")  # may be null
LONGEST = WHOLE["num_train_timesteps"][1]


def judged(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as plain numbers, truths and text, `trained_betas` as an array in float64.

    ValueError, one sentence that begins with `name`, for one of another type or beyond its range.
    Options that decide no level pass as they are.
    """
    return {key: _judged(f"{name}: {key}", key, value) for key, value in given.items()}


def _judged(what: str, key: str, value: Any) -> Any:
    if value is None and key in OPTIONAL:
        return None
    if key in WHOLE:
        return whole(value, what, *WHOLE[key])
    if key in REAL:
        return _real(what, value)
    if key == "trained_betas":
        return _betas(what, value)
    if key in TRUTH and not isinstance(value, bool | np.bool_):
        raise ValueError(f"{what} must be true or false, got {said(value)}")
    if key in TEXT and not isinstance(value, str):
        raise ValueError(f"{what} must be text, got {said(value)}")
    return value


def _real(what: str, value: Any) -> float:
    number = math.nan
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # of an integer beyond 1e308
            number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{what} must be a finite number, got {said(value)}")
    return number


def _betas(what: str, value: Any) -> np.ndarray:
    betas = torch.empty(0)
    if isinstance(value, list | tuple | np.ndarray | Tensor):
        with contextlib.suppress(TypeError, ValueError, RuntimeError, OverflowError):
            betas = torch.as_tensor(value, dtype=torch.float64, device="cpu").detach()
    if betas.dim() != 1 or not 2 <= len(betas) <= LONGEST:
        raise ValueError(f"{what} must be a list of 2..{LONGEST} numbers, got {said(value)}")
    if not bool(((betas > 0) & (betas <= 1)).all()):
        raise ValueError(f"{what} must be above 0 and at most 1")
    return betas.numpy()
