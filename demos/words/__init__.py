"""Every text of the page in every language, and how a key and its values become a sentence.

A template has placeholders: `{name}` is text, a number as it is, or a sentence within; with a
form, `{share:percent}`, `{x:short}`, `{ratio:decibel}`, `{n:whole}`, `{n:plural:step|steps}` and,
of a sentence, `{reason:capital}`.
The browser does the same with the same tables: `assets/ui/js/words.js`.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from core.tapes import Say, number

FOLDER = Path(__file__).parent
LANGUAGES = ("en", *sorted({path.stem for path in FOLDER.glob("*.json")} - {"en", "glossary"}))
_CLOSED = re.compile("[\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]$")  # no space follows
_PLACE = re.compile(r"\{(\w+)(?::(\w+))?(?::([^{}|]*)\|([^{}|]*))?\}")


class Refusal(ValueError):
    """What was asked for cannot be had: one sentence, in any language."""

    def __init__(self, key: str, **values: Any) -> None:
        """The key of the sentence and its values."""
        self.say = said(key, **values)
        super().__init__(sentence(self.say))


def said(key: str, **values: Any) -> Say:
    """A sentence to be: its key and its values, of which infinite ones are text, as JSON needs."""
    return [key, {name: _sent(value) for name, value in values.items()}]


def _sent(value: Any) -> Any:
    return number(value) if isinstance(value, float) and not math.isfinite(value) else value


@cache
def table(language: str) -> dict[str, str]:
    """The templates of a language by key."""
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def word(event: str, name: str, kind: str) -> str:
    """The key of the label, the info or an option of a field: the event's own, or the general.

    `sample.steps.info` where the sampler has words of its own, `steps.info` elsewhere.
    """
    own = f"{event}.{name}.{kind}"
    return own if own in table("en") else f"{name}.{kind}"


def sentence(say: Say, language: str = "en") -> str:
    """Text in a language; KeyError for a key that its table does not have."""
    if isinstance(say, str):
        return say
    if len(say) == 2 and isinstance(say[0], str) and isinstance(say[1], dict):
        key, values = say
        return _PLACE.sub(lambda place: _filled(place, values, language), table(language)[key])
    text = ""
    for part in filter(None, (sentence(each, language) for each in say)):
        near = not text or _CLOSED.search(text) or part.startswith("（")
        text += part if near else f" {part}"
    return text


def capital(text: str, language: str = "en") -> str:
    """With a capital letter, unless a file or field is named first, and a full stop."""
    begins = text[:1] if {"/", "_"} & set(text.partition(" ")[0]) else text[:1].upper()
    if text.endswith((".", "!", "?", "。")):
        return begins + text[1:]
    return begins + text[1:] + ("." if text.isascii() else table(language)["sentence.stop"])


def percent(share: float, language: str = "en") -> str:
    """A share as a percentage that never says 0 or 100 without being it."""
    value = 100 * share
    if 0 < value < 1:
        return table(language)["player.percent.under"]
    if 99 < value < 100:
        return table(language)["player.percent.over"]
    return f"{value:.0f} %"


def short(value: float) -> str:
    """A number in three digits."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.3g}".replace("-", "−")


def decibel(ratio: float) -> str:
    """A PSNR with its unit."""
    return "∞ dB" if ratio == math.inf else f"{ratio:.1f} dB"


def _filled(place: re.Match, values: dict[str, Any], language: str) -> str:
    name, form, one, many = place.groups()
    value = values[name]
    if form is None:
        return sentence(value, language) if isinstance(value, str | list) else _plain(value)
    if form == "capital":
        return capital(sentence(value, language), language)
    value = float(value) if isinstance(value, str) else value  # JSON has no infinity
    if form == "plural":
        return one if value == 1 else many
    return percent(value, language) if form == "percent" else FORMS[form](value)


def _plain(value: float) -> str:
    """A number as it is: 4294967295, 0.5, 7.0 as 7."""
    return str(value) if isinstance(value, int) else f"{value:.12g}"


FORMS = {"short": short, "decibel": decibel, "whole": lambda n: f"{n:.0f}"}
