"""What `core` refuses, in every language.

`core` knows no page: it raises ValueError with one English sentence. The tables hold templates of
these sentences under `reason.`, by which a sentence is recognised, with the values in it.
"""

from __future__ import annotations

import re
from functools import cache

from core.tapes import Say
from demos.words import said, table

BEGIN = "reason."
NESTED = {"accepted", "name", "reason", "stay", "what"}  # values that may be sentences, too
_PLACE = re.compile(r"\{(\w+)\}")


def reason(error: ValueError) -> Say:
    """What an error says: in any language where that is known, else its own text."""
    return getattr(error, "say", None) or recognised(str(error))


def alone(error: ValueError) -> Say:
    """The same as a sentence that stands by itself: with a capital letter and a full stop."""
    own = getattr(error, "say", None)
    return own or said("refused.reason", reason=recognised(str(error)))


def recognised(text: str) -> Say:
    """The key and the values of an English sentence of `core`; another text as it is."""
    for key, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found is None:
            continue
        values: dict[str, Say] = {
            name: recognised(value) if name in NESTED else value
            for name, value in found.groupdict().items()
        }
        if not isinstance(values.get("reason", []), str):  # a frame around what is not known
            return [key, values]
    return text


@cache
def _patterns() -> list[tuple[str, re.Pattern]]:
    """The templates as patterns, the most literal ones first."""
    of_core = {key: text for key, text in table("en").items() if key.startswith(BEGIN)}
    wordiest = sorted(of_core, key=lambda key: -len(_PLACE.sub("", of_core[key])))
    return [(key, _pattern(of_core[key])) for key in wordiest]


def _pattern(template: str) -> re.Pattern:
    parts = _PLACE.split(template)  # text and names in turn
    places = [f"(?P<{part}>.*?)" if k % 2 else re.escape(part) for k, part in enumerate(parts)]
    return re.compile("".join(places), re.DOTALL)
