"""The code of a run as a Jupyter notebook: format 4.5, written by hand.

https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from demos.exports.code import Code, imported
from demos.words import Say, said, sentence

PATH = 'import sys\n\nsys.path.insert(0, ".")  # the folder of Stepwise'
SHOWN = """\
scale = max(1, 280 // picture.width)
picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.NEAREST)"""
MARKS = str.maketrans({mark: "\\" + mark for mark in r"\`*_{}[]<>()#!|$~"})


def notebook(code: Code, title: Say, settings: Mapping[str, Any], language: str) -> str:
    """The notebook as JSON text, its sentences in a language.

    Cells: title and settings, imports, the code with a sentence each, the picture larger, and all
    steps.
    """

    def said_so(say: Say) -> str:
        return sentence(say, language)

    name = sentence(title, language)
    values = json.dumps(dict(settings), ensure_ascii=False, indent=1)
    parts = [f"# {escaped(said_so(said('code.title.notebook', title=name)))}"]
    parts += [escaped(said_so(note)) for note in code.notes]
    parts += [said_so(said("code.text.settings")), indented(values)]
    imports = [*(each.imports for each in code.cells), code.strip_imports, {"PIL": ["Image"]}]
    cells = [markdown("\n\n".join(parts)), markdown(said_so(said("code.text.imports")))]
    cells.append(python(f"{PATH}\n\n{imported(imports)}"))
    for each in code.cells:
        cells += [markdown(escaped(said_so(each.say))), python(each.source)]
    cells += [markdown(said_so(said("code.text.shown"))), python(SHOWN)]
    cells += [markdown(said_so(said("code.text.strip"))), python(f"{code.strip}\nstrip")]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def markdown(source: str) -> dict[str, Any]:
    """A cell of text."""
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def python(source: str) -> dict[str, Any]:
    """A cell of code that was not run yet."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in one line: a prompt may hold its marks."""
    return " ".join(text.translate(MARKS).split())


def indented(text: str) -> str:
    """A block of Markdown that is shown as it is."""
    return "\n".join(f"    {line}" for line in text.splitlines())
