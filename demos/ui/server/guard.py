"""Every event of the page judges what it gets, and answers what goes wrong with a sentence."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction

from demos.ui.errors import shown

NUMBERS = (gr.Slider, gr.Number)
CHOICES = (gr.Dropdown, gr.Radio)
TEXTS = (gr.Textbox, gr.Markdown)
UPLOADS = (gr.Image, gr.ImageEditor, gr.File, gr.UploadButton)
JUDGED_LATER = (gr.State, *UPLOADS, gr.JSON)  # by the function that gets them


def guard(functions: Sequence[BlockFunction]) -> None:
    """Put the checks in front of the functions of a page.

    Public events name what is wrong with each value themselves; of the private ones, which the
    page alone calls, the kind of each value is checked here.
    """
    for each in functions:
        if each.fn is not None and each.api_visibility == "private":
            each.fn = shown(judged(each.fn, list(each.inputs)))
        elif each.fn is not None:
            each.fn = shown(each.fn)


def judged(function: Callable, inputs: list[Any]) -> Callable:
    """A function, or a generator, that is called only with values its controls can hold."""

    @functools.wraps(function)
    def call(*values: Any, **named: Any) -> Any:
        _check(inputs, values)
        return function(*values, **named)

    @functools.wraps(function)
    def generate(*values: Any, **named: Any) -> Iterator[Any]:
        _check(inputs, values)
        yield from function(*values, **named)

    return generate if inspect.isgeneratorfunction(function) else call


def _check(inputs: list[Any], values: Sequence[Any]) -> None:
    for component, value in zip(inputs, values, strict=False):
        if not holds(component, value):
            label = getattr(component, "label", None) or "a hidden field of the page"
            raise ValueError(f"{label} cannot be {str(value)[:40]!r}; reload the page")


def holds(component: Any, value: Any) -> bool:
    """Whether a control of this kind can have this value; whether it is offered is not asked."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or isinstance(component, JUDGED_LATER):
        return True
    if isinstance(component, NUMBERS):
        return number
    if isinstance(component, gr.Checkbox):
        return isinstance(value, bool)
    if isinstance(component, CHOICES):
        return number or isinstance(value, str)
    if isinstance(component, gr.CheckboxGroup):
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(component, TEXTS) and isinstance(value, str)
