"""The schedulers of diffusers: found by the name in a config, built from it, and asked."""

from __future__ import annotations

import contextlib
import inspect
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from core.bridge.options import judged
from core.checks import said
from core.lazy import imported

SIGMAS = "runs on levels with alpha = 1 and labels them by sigma"
FLOW = "runs on flow levels, alpha = 1 - sigma, and labels them by sigma"
TIME = "runs in continuous time, without a grid of timesteps"
TOKENS = "noises tokens instead of numbers"
UNREADABLE: dict[str, str] = {
    "AmusedScheduler": TOKENS,
    "BlockRefinementScheduler": TOKENS,
    "CMStochasticIterativeScheduler": SIGMAS,
    "ConsistencyDecoderScheduler": "decodes latents in two fixed steps",
    "CosineDPMSolverMultistepScheduler": SIGMAS,
    "DDPMWuerstchenScheduler": TIME,
    "DPMSolverMultistepInverseScheduler": "runs from a picture to noise and has no clean end",
    "DiscreteDDIMScheduler": TOKENS,
    "EDMDPMSolverMultistepScheduler": SIGMAS,
    "EDMEulerScheduler": SIGMAS,
    "EntropyBoundScheduler": TOKENS,
    "FlowMapEulerDiscreteScheduler": FLOW,
    "FlowMatchEulerDiscreteScheduler": FLOW,
    "FlowMatchHeunDiscreteScheduler": FLOW,
    "FlowMatchLCMScheduler": FLOW,
    "HeliosDMDScheduler": FLOW,
    "HeliosScheduler": FLOW,
    "IPNDMScheduler": TIME,
    "KarrasVeScheduler": SIGMAS,
    "LTXEulerAncestralRFScheduler": FLOW,
    "MiniMaxH3Scheduler": FLOW,
    "PiflowScheduler": FLOW,
    "RFD4ProteinaScheduler": FLOW,
    "SCMScheduler": TIME,
    "ScoreSdeVeScheduler": SIGMAS,
    "ScoreSdeVpScheduler": TIME,
    "VQDiffusionScheduler": TOKENS,
}
# Of a run alone: other objects, which a run changes, and lengths of lists, which it allocates.
UNUSED = ("solver_p", "tau_func", "solver_order", "predictor_order", "corrector_order")
_lock = threading.Lock()


class Found(NamedTuple):
    """A class of diffusers, and what a config says of it.

    Attributes:
        kind: the class.
        given: the options that the config has and the class knows.
        options: the same, and the defaults of the class for the others.
        live: the scheduler that was asked for, None where it was a config.
    """

    kind: type
    given: dict[str, Any]
    options: dict[str, Any]
    live: Any

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.kind.__name__


def found(scheduler: Any) -> Found:
    """The class and the options of a scheduler, or of a config with a `_class_name`.

    Keys that the class does not have are dropped. ValueError, one sentence with the name of the
    class, for options of a wrong type and where a run does not obey a schedule of betas.
    """
    live = None if isinstance(scheduler, Mapping) else scheduler
    config = scheduler if live is None else getattr(live, "config", None)
    if not isinstance(config, Mapping):
        raise ValueError(
            f"a scheduler of diffusers is needed, or its config as a mapping, got "
            f"{said(scheduler)}"
        )
    name = config["_class_name"] if live is None else type(live).__name__
    if isinstance(name, str) and name in UNREADABLE:
        raise unreadable(f"{name} {UNREADABLE[name]}")
    kind = class_of(name) if live is None else type(live)
    defaults = defaults_of(kind)
    if "num_train_timesteps" not in defaults:
        raise unreadable(f"{name} has no num_train_timesteps")
    kept = [key for key in defaults if key in config and key not in UNUSED]
    given = judged(name, {key: config[key] for key in kept})
    options = {**defaults, **given}
    if options.get("use_flow_sigmas"):
        raise unreadable(f"{name} with use_flow_sigmas {FLOW}")
    by_sigma = options.get("timestep_type") == "continuous"
    if by_sigma and options.get("prediction_type") == "v_prediction":
        raise unreadable(f"{name} with timestep_type 'continuous' labels its levels by sigma")
    return Found(kind, given, options, live)


def class_of(name: Any) -> type:
    """The scheduler class of this name; ValueError where there is none or it cannot be loaded."""
    kind = None
    if isinstance(name, str):
        with contextlib.suppress(AttributeError, ImportError, RuntimeError):
            kind = imported("diffusers.schedulers", name)
    if isinstance(kind, type) and "_backends" in vars(kind):  # what stands for a missing library
        needed = " and ".join(each for each in vars(kind)["_backends"] if each != "torch")
        raise ValueError(f"{name} needs {needed}, which is not installed here")
    if not isinstance(kind, type) or not issubclass(kind, imported("diffusers", "SchedulerMixin")):
        raise ValueError(
            f"_class_name must be a scheduler of diffusers such as DDIMScheduler, got {said(name)}"
        )
    return kind


def defaults_of(kind: type) -> dict[str, Any]:
    """The options of a class with their defaults, those included that it only understands."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = [*inspect.signature(kind.__init__).parameters.values()][1:]
    known = {each.name: each.default for each in parameters if each.kind in named}
    return {**dict.fromkeys(getattr(kind, "_deprecated_kwargs", ())), **known}


def unreadable(what: str) -> ValueError:
    """The refusal of a scheduler whose runs do not visit a grid of betas."""
    return ValueError(
        f"{what}: a diffusers schedule needs trained_betas or a beta_schedule that a run obeys"
    )


def asked(scheduler: Found) -> tuple[Tensor, float]:
    """`alphas_cumprod` in float64, shape (T,), and that of the level in which the class ends.

    ValueError, with the name of the class, where it cannot be built from its options.
    """
    name, live = scheduler.name, scheduler.live
    with _theirs(scheduler):
        own: Any = scheduler.kind(**scheduler.given)
    for array in ("alphas_cumprod", "final_alpha_cumprod"):
        if live is not None and hasattr(live, array):  # it may have been set by hand
            setattr(own, array, getattr(live, array))
    alpha_bar = getattr(own, "alphas_cumprod", None)
    if not isinstance(alpha_bar, Tensor):
        raise unreadable(f"{name} holds no alphas_cumprod")
    total = scheduler.options["num_train_timesteps"]
    if alpha_bar.shape != (total,):
        raise ValueError(
            f"{name}: alphas_cumprod must have an entry for each of {total} timesteps, got the "
            f"shape {tuple(alpha_bar.shape)}"
        )
    with _theirs(scheduler):
        return alpha_bar.cpu().double(), _end(own)


def _end(own: Any) -> float:
    """alpha_bar of the last level: where a class has no constant for it, that of a short run."""
    for constant in ("final_alpha_cumprod", "initial_alpha_cumprod", "one"):
        if hasattr(own, constant):
            return float(getattr(own, constant))
    own.set_timesteps(2)
    return 1 / (1 + float(own.sigmas[-1]) ** 2)


@contextlib.contextmanager
def _theirs(scheduler: Found) -> Iterator[None]:
    """Code of diffusers: without warnings and log lines, and every exception is a refusal."""
    logger = logging.getLogger("diffusers")
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        except Exception as error:  # foreign values meet foreign code: any kind can come
            raise ValueError(_refused(scheduler, str(error))) from error
        finally:
            logger.setLevel(level)


def _refused(scheduler: Found, error: str) -> str:
    """The first sentence of an error, with the option whose value it begins with."""
    what = "this config"
    for key, value in scheduler.given.items():
        if isinstance(value, str | None) and error.startswith(f"{value} "):
            what = f"{key} {said(value)}"
    sentence = " ".join(error.split()).partition(". ")[0][:200]
    return f"{scheduler.name} refuses {what}: {sentence}"
