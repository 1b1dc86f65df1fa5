"""Whole numbers as arguments, whoever made them: Python, numpy or torch."""

from __future__ import annotations

import operator
import reprlib
from typing import Any

import torch


def integer(value: Any) -> int | None:
    """The value as an int where it has `__index__`; None otherwise, and for a bool."""
    if isinstance(value, bool) or getattr(value, "dtype", None) is torch.bool:
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def whole(value: Any, name: str, low: int, high: int | None = None) -> int:
    """The value as an int in low..high, without an upper bound where that is None.

    ValueError for what is no whole number or lies outside.
    """
    number = integer(value)
    if number is None or number < low or (high is not None and number > high):
        allowed = f"a whole number in {low}..{high}"
        if high is None:
            allowed = "a whole number" if number is None else f"at least {low}"
        raise ValueError(f"{name} must be {allowed}, got {said(value)}")
    return number


def said(value: Any) -> str:
    """The value in a sentence: its representation, shortened where it is long."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        return "a huge number"
