"""Which scheduler classes of diffusers can be read: `python -m tests.schedulers` writes the table.

It stands in assets/models/SCHEDULERS.md, between markers, and is what `core.bridge.schedule_of`
says of every class that the installed diffusers has.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers.schedulers

from core.bridge import schedule_of
from core.bridge.classes import UNREADABLE, defaults_of
from core.schedules import CLEAN
from tests.benchmarks.quality import put, table

DOCUMENT = Path(__file__).parent.parent / "assets" / "models" / "SCHEDULERS.md"
CLASSES = sorted(name for name in dir(diffusers.schedulers) if name.endswith("Scheduler"))
LIBRARIES = {"DPMSolverSDEScheduler": "torchsde", "LMSDiscreteScheduler": "scipy"}
BETAS = ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace", "exp")
SHORT = 50  # timesteps: some classes take half a second to build with 1000
OTHER_ENDS: dict[str, Any] = {"set_alpha_to_one": False, "final_sigmas_type": "sigma_min"}


def kind_of(name: str) -> Any:
    """The class of this name."""
    return getattr(diffusers.schedulers, name)


def is_there(name: str) -> bool:
    """Whether the libraries that a class needs are installed."""
    return "_backends" not in vars(kind_of(name))


def end(name: str, **options: Any) -> str:
    """The level in which a class ends with these options, in words."""
    schedule = schedule_of({"_class_name": name, "num_train_timesteps": SHORT, **options})
    first = replace(schedule.level(0), t=CLEAN.t)
    return {CLEAN: "(1, 0)", first: "t = 0"}[schedule.final]


def ends(name: str) -> str:
    """The level in which a class ends, and what changes it."""
    defaults = defaults_of(kind_of(name))
    said = end(name)
    for option, other in OTHER_ENDS.items():
        if option not in defaults:
            continue
        for value in (other, "zero" if isinstance(other, str) else not other):
            if end(name, **{option: value}) != end(name):
                said += f"; {end(name, **{option: value})} where `{option}` is {value}"
    return said


def knows(name: str, betas: str) -> bool:
    """Whether a class has this beta schedule."""
    try:
        end(name, beta_schedule=betas)
    except ValueError:
        return False
    return True


def row(name: str) -> list[str]:
    """A class: whether it is read, where it ends, its beta schedules; or why it is refused."""
    if name in UNREADABLE:
        return [name, "refused", f"it {UNREADABLE[name]}", ""]
    if name in LIBRARIES:
        return [name, "read", "(1, 0)", f"where {LIBRARIES[name]} is installed"]
    return [name, "read", ends(name), ", ".join(each for each in BETAS if knows(name, each))]


def written() -> str:
    """The table of all classes."""
    head = ["class", "", "ends in, or why not", "beta schedules"]
    return table(head, [row(name) for name in CLASSES])


if __name__ == "__main__":
    put(DOCUMENT, "schedulers", written())
