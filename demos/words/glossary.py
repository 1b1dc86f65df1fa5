"""The glossary: every term and symbol of the page, in three depths and every language.

`glossary.json` holds one entry per term: its names, one line, one paragraph, a formula in LaTeX
and its source. What the browser gets has the formulas as MathML, which it draws by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

FILE = Path(__file__).with_name("glossary.json")
LANGUAGES = ("en", "zh")
FIELDS = {"id", "names", "line", "paragraph", "formula", "source", "where"}
OPTIONAL = {"formula", "where"}
SOURCE = {"authors": str, "year": int, "title": str, "url": str}
PAGE = {"title", "search", "close", "all", "source", "where", "formula", "found", "none"}
STATEMENTS = r", \quad "  # stands between two of a formula
PLACES = {  # where in a source, in Chinese
    "equation": "式 {}",
    "equations": "式 {}",
    "section": "第 {} 节",
    "algorithm": "算法 {}",
    "table": "表 {}",
    "appendix": "附录 {}",
    "unit": "第 {} 单元",
}


@cache
def glossary() -> dict[str, Any]:
    """Every entry in every language, as the browser wants it.

    Returns:
        {"page": the texts of the panel, "terms": entries}, an entry being {"id", "names", "line",
        "paragraph", "formula": MathML or "", "source": {"authors", "year", "title", "url",
        "where"}}. Texts are {language: text}, names {language: [name, ...]}; a name that begins
        with "=" stands for a text that consists of nothing else.

    Raises:
        ValueError: for an entry that is not complete, see `check`.
    """
    raw = json.loads(FILE.read_text(encoding="utf-8"))
    check(raw)
    terms = [_entry(term, raw["sources"]) for term in raw["terms"]]
    return {"page": raw["page"], "terms": terms}


def as_script() -> str:
    """The glossary as an element for the head of the page, where `glossary.js` looks for it."""
    text = json.dumps(glossary(), ensure_ascii=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c")  # nothing in it can end the element
    return f'<script type="application/json" id="stepwise-glossary">{text}</script>\n'


@cache
def mathml(latex: str) -> str:
    """A formula as MathML, one line per statement, see STATEMENTS.

    ValueError for a command that the converter does not know.
    """
    try:
        lines = [convert(line, display="block") for line in latex.split(STATEMENTS)]
    except Exception as error:
        raise ValueError(f"the formula {latex} cannot be read: {error!r}") from error
    text = "".join(lines)
    unknown = re.search(r"\\[a-zA-Z]+", text)
    if unknown:
        raise ValueError(f"the formula {latex} has a command that is not known: {unknown[0]}")
    return text


def place(where: str, language: str) -> str:
    """Where in a source, such as "equation 4", in a language; ValueError for another kind."""
    kind, _, number = where.partition(" ")
    if kind not in PLACES or not number:
        raise ValueError(f"{where!r} must be one of {', '.join(PLACES)}, and its number")
    return where if language == "en" else PLACES[kind].format(number)


def check(raw: Mapping[str, Any]) -> None:
    """ValueError, with the entry's id, for what is missing, unknown, empty or said twice."""
    if raw["page"].keys() != PAGE:
        raise _wrong("page", f"its texts are {sorted(PAGE)}, not {sorted(raw['page'])}")
    for key, text in raw["page"].items():
        _check_languages("page", key, text, str)
    for key, source in raw["sources"].items():
        _check_source(key, source)
    taken: dict[tuple[str, str], str] = {}
    for term in raw["terms"]:
        _check_entry(term, raw["sources"])
        for language in LANGUAGES:
            for name in {name.lower() for name in term["names"][language]}:
                other = taken.setdefault((language, name), term["id"])
                if other != term["id"]:
                    raise _wrong(term["id"], f"the name {name!r} ({language}) is {other}'s")
    ids = [term["id"] for term in raw["terms"]]
    for name in ids:
        if ids.count(name) > 1:
            raise _wrong(name, "two entries have this id")
    for key in raw["sources"].keys() - {term["source"] for term in raw["terms"]}:
        raise _wrong(key, "no entry has this source")


def _check_source(key: str, source: Mapping[str, Any]) -> None:
    if source.keys() != SOURCE.keys():
        raise _wrong(key, f"a source has {', '.join(SOURCE)}, not {', '.join(source)}")
    for name, kind in SOURCE.items():
        if not isinstance(source[name], kind) or not source[name]:
            raise _wrong(key, f"{name} must be {kind.__name__}, got {source[name]!r}")
    if not source["url"].startswith("https://"):
        raise _wrong(key, f"the address must begin with https://, got {source['url']}")


def _check_entry(term: Mapping[str, Any], sources: Mapping[str, Any]) -> None:
    name = str(term.get("id", term))
    missing, unknown = FIELDS - OPTIONAL - term.keys(), term.keys() - FIELDS
    if missing or unknown:
        raise _wrong(name, f"missing {sorted(missing)}, not known {sorted(unknown)}")
    for field, kind in (("names", list), ("line", str), ("paragraph", str)):
        _check_languages(name, field, term[field], kind)
    if term["source"] not in sources:
        raise _wrong(name, f"the source {term['source']!r} is not listed")
    try:
        mathml(term.get("formula", "x"))
        place(term.get("where", "equation 1"), "en")
    except ValueError as error:
        raise _wrong(name, str(error)) from error


def _check_languages(name: str, field: str, texts: Mapping[str, Any], kind: type) -> None:
    if tuple(texts) != LANGUAGES:
        raise _wrong(name, f"{field} must be in {', '.join(LANGUAGES)}")
    for language, value in texts.items():
        if not isinstance(value, kind) or not value or not all(value):
            raise _wrong(name, f"{field} ({language}) must be a {kind.__name__} with content")


def _wrong(name: str, what: str) -> ValueError:
    return ValueError(f"{FILE.name}: {name}: {what}")


def _entry(term: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, Any]:
    where = term.get("where")
    said = {language: place(where, language) if where else "" for language in LANGUAGES}
    return {
        **{field: term[field] for field in ("id", "names", "line", "paragraph")},
        "formula": mathml(term["formula"]) if "formula" in term else "",
        "source": {**sources[term["source"]], "where": said},
    }
