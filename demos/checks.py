"""Judging what was sent: every value in one clear sentence, whoever sent it."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from core.models import MODELS, ModelCard

FAULT = (
    "this did not work, and not because of your settings: the program has a fault here, which is "
    "written down in the log of the server; what was shown before stays"
)


def whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number in low..high, from whatever was sent; ValueError otherwise."""
    number = _number(value)
    if not low <= number <= high or number != int(number):
        raise ValueError(f"{name} must be a whole number in {low}..{high}, got {_said(value)}.")
    return int(number)


def real(value: Any, name: str, low: float, high: float) -> float:
    """A finite number in low..high, from whatever was sent; ValueError otherwise."""
    number = _number(value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be a number in {low:g}..{high:g}, got {_said(value)}.")
    return number


def choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """One of the choices; ValueError otherwise. None counts as the empty string, 7 as "7"."""
    value = "" if value is None else value
    value = str(value) if type(value) is int and 0 <= value < 10 else value
    if not isinstance(value, str) or value not in choices:
        offered = ", ".join(each or "(empty)" for each in choices)
        raise ValueError(f"{name} must be one of {offered}; got {_said(value)}.")
    return value


def card(model: Any) -> ModelCard:
    """The card of a chosen model; ValueError otherwise."""
    return MODELS[choice(model, "Model", list(MODELS))]


def text(value: Any, name: str, limit: int = 500) -> str:
    """A text of at most `limit` characters, in one line; ValueError otherwise."""
    value = "" if value is None else value
    if not isinstance(value, str) or len(value) > limit:
        raise ValueError(f"{name} must be text of at most {limit} characters.")
    return " ".join(value.split())


def truth(value: Any, name: str) -> bool:
    """True or False; ValueError otherwise."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {_said(value)}.")
    return value


def shown(run: Callable) -> Callable:
    """Turn the ValueError of a function or generator into the sentence that the page shows.

    What was shown before stays, and the log keeps no traceback of a learner's typing error.
    """

    @functools.wraps(run)
    def function(*values: Any, **named: Any) -> Any:
        with _errors():
            return run(*values, **named)

    @functools.wraps(run)
    def generator(*values: Any, **named: Any) -> Iterator[Any]:
        with _errors():
            yield from run(*values, **named)

    return generator if inspect.isgeneratorfunction(run) else function


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (gr.Error, GeneratorExit):  # said already; Gradio's error is a ValueError, too
        raise
    except ValueError as error:
        said = sentence(str(error))
        raise gr.Error(said, title="Please check", print_exception=False) from error
    except Exception as error:
        traceback.print_exc()
        raise gr.Error(sentence(FAULT), title="Fault", print_exception=False) from error


def sentence(text: str) -> str:
    """With a capital letter, unless it begins with the name of a file, and a full stop."""
    begins = text[:1] if "/" in text.partition(" ")[0] else text[:1].upper()
    return begins + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _number(value: Any) -> float:
    """The value as a number; NaN, which lies in no range, for anything else."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _said(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    return "a huge number" if isinstance(value, int) and abs(value) > 10**40 else str(value)[:40]
