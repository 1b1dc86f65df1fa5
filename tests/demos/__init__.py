"""Tests of the tabs, without a browser."""

from collections.abc import Callable
from typing import Any

from demos.runs.stream import completed


def refused(function: Callable, *values: Any, **named: Any) -> str:
    """The sentence with which a function, or a generator run to its end, refuses."""
    try:
        result = function(*values, **named)
        if hasattr(result, "__next__"):
            list(result)
    except ValueError as error:
        return str(error)
    raise AssertionError("nothing was refused")


def last(run):
    """What a run yields last."""
    *_, final = run
    return final


def finished(run):
    """What a run returns at its end, its frames on its tape."""
    return completed(run)
