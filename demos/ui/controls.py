"""Fields as controls: a widget for each kind, its words by the name of the field."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import gradio as gr

from demos.runs.fields import ChoiceField, RealField, TextField, TruthField, WholeField
from demos.runs.requests import Request
from demos.ui.errors import language, shown
from demos.words import LANGUAGES, Refusal, sentence, table, word

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
i18n = gr.I18n(**{each: table(each) for each in LANGUAGES})


class Raw:
    """Hands the value on as it came: the field judges it, in one clear sentence."""

    def preprocess(self, payload: Any) -> Any:
        """The value as it was sent."""
        return payload


class Slider(Raw, gr.Slider):
    """A slider whose value is judged by its field."""


class Dropdown(Raw, gr.Dropdown):
    """A menu whose value is judged by its field."""


class Radio(Raw, gr.Radio):
    """A radio group whose value is judged by its field."""


class Checkbox(Raw, gr.Checkbox):
    """A checkbox whose value is judged by its field."""


class Textbox(Raw, gr.Textbox):
    """A text field whose value is judged by its field."""


class Number(Raw, gr.Number):
    """A number field whose value is judged by its field."""


def unseen(name: str) -> gr.Button:
    """A button that only the scripts of the page press, by its name there."""
    return gr.Button(elem_id=name, elem_classes=["out-of-sight"])


def text(key: str) -> Any:
    """A text of the page, which follows its language; None for a key without one."""
    return i18n(key) if key in table("en") else None


def options(request: type[Request], name: str, values: Iterable[Any]) -> list[tuple[Any, Any]]:
    """(words, value) of the options of a choice; a name without words is its own word."""
    return [
        (text(word(request.event, name, f"option.{value}")) or str(value), value)
        for value in values
    ]


def control(request: type[Request], name: str, **more: Any) -> Any:
    """The widget of a field, with its words, range and default."""
    field = request.controls()[name]
    given: dict[str, Any] = {
        "label": text(word(request.event, name, "label")),
        "info": text(word(request.event, name, "info")),
        "value": "" if field.default is None else field.default,
        "visible": request.read().asked(name),
        "elem_classes": ["control", f"control-{name}"],
        **more,
    }
    if isinstance(field, ChoiceField):
        kind = Dropdown if field.look == "menu" else Radio
        allowed = request.read().allowed(name) or field.names()
        chosen = None if field.default is None else given["value"]
        given["value"] = chosen
        return kind(options(request, name, allowed), **given)
    if isinstance(field, TruthField):
        return Checkbox(**given)
    if isinstance(field, TextField):
        return Textbox(max_length=field.most, max_lines=1, **given)
    if isinstance(field, RealField) and field.offered:
        return Radio(options(request, name, field.offered), **given)
    if isinstance(field, WholeField | RealField):
        return _number(field, given)
    raise TypeError(f"the field {name} has no widget of its own: the page makes it")


def _number(field: WholeField | RealField, given: dict[str, Any]) -> Any:
    whole = isinstance(field, WholeField)
    if field.slider is None:
        return Number(precision=0 if whole else None, **given)
    return Slider(*field.slider, step=1 if whole else field.step, **given)


def dice() -> int:
    """A random seed in 0..99999."""
    return random.randrange(100_000)


def interlock(request: type[Request], controls: dict[str, Any], causes: Sequence[str]) -> None:
    """What cannot be asked for beside the others is greyed out, with the reason, or hidden.

    By the rules of the request alone: `needs` of its fields, and `refusals`.
    """
    names = [name for name in request.controls() if name in controls]
    bound = [name for name in request.bound(causes) if name in controls]

    def follow(*values: Any) -> list[dict[str, Any]]:
        asked = request.read(**dict(zip(names, values, strict=True)))
        closed = asked.closed()
        return [update(asked, name, closed.get(name), away(controls[name])) for name in bound]

    gr.on(
        [controls[name].change for name in causes],
        shown(follow),
        [controls[name] for name in names],
        [controls[name] for name in bound],
        trigger_mode="always_last",
        **QUIET,
    )


def away(control: Any) -> bool | Literal["hidden"]:
    """How a control that is not asked for is `visible`: a pad stays on the page, out of sight.

    Gradio 6.31 never shows a pad again that was taken off before it had finished to appear.
    """
    return "hidden" if isinstance(control, gr.ImageEditor) else False


def update(
    asked: Request, name: str, refusal: Refusal | None, unasked: bool | Literal["hidden"] = False
) -> dict[str, Any]:
    """A control as the other settings allow it: `unasked`, greyed out, or with fewer options."""
    field, value = asked.controls()[name], getattr(asked, name)
    if not asked.asked(name):
        return gr.update(visible=unasked)
    if refusal is not None:
        reason, rest = sentence(refusal.say, language()), field.rest
        rest = "" if rest is None else rest
        return gr.update(visible=True, interactive=False, info=reason, value=rest)
    info = text(word(asked.event, name, "info"))
    changed: dict[str, Any] = {"visible": True, "interactive": True, "info": info}
    if isinstance(field, ChoiceField):
        allowed = asked.allowed(name)
        changed["choices"] = options(type(asked), name, allowed)
        if value not in allowed:
            changed["value"] = field.rest if field.rest in allowed else allowed[0]
    return gr.update(**changed)
