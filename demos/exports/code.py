"""A run as Python: cells of a few lines with a sentence each, which make a script or a notebook.

Values stand in the code as `repr` writes them, so nothing that a learner typed can become code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from demos.runs.requests import Request
from demos.words import Refusal, Say, said

BREAK = "\n\n\n"  # two blank lines, around functions
END = 'picture.save("picture.png")'
Imports = Mapping[str, Iterable[str]]  # module -> names; no names: the module itself


@dataclass(frozen=True)
class Cell:
    """A few lines that belong together, what they do in a sentence, and what they import."""

    say: Say
    source: str
    imports: Imports


@dataclass(frozen=True)
class Code:
    """The code of a run, which ends with its `picture`.

    Attributes:
        cells: in their order.
        strip: the lines that make `strip`, the PIL image of all steps, and what they import.
        notes: what a reader has to know before.
    """

    cells: tuple[Cell, ...]
    strip: str
    strip_imports: Imports
    notes: tuple[Say, ...] = ()

    def script(self) -> str:
        """The whole as the text of a file."""
        text = imported(each.imports for each in self.cells)
        for cell in self.cells:
            defines = "\ndef " in f"\n{text[text.rfind(BREAK) :]}\n{cell.source}"
            text += (BREAK if defines else "\n\n") + cell.source
        return f"{text}\n{END}\n"


@dataclass(frozen=True)
class Writer:
    """How the runs of one event become code.

    Attributes:
        read: the request of the settings of a run; Refusal for what cannot be run.
        core: its code with `core`.
        diffusers: its code with diffusers alone; Refusal where that would be another picture.
    """

    read: Callable[[Mapping[str, Any]], Any]
    core: Callable[[Any], Code]
    diffusers: Callable[[Any], Code]


def start_cell(seed: int, batch: int = 1) -> Cell:
    """The noise, one generator per picture, and the first x at levels[0]."""
    more = "" if batch == 1 else f", batch={batch}"
    lines = [
        called("noise = seeded(", seed=seed, batch=batch),
        f"x = model.start(noise, levels[0]{more})",
    ]
    return Cell(said("code.cell.start"), "\n".join(lines), {"core.samplers": ["seeded"]})


def imported(imports: Iterable[Imports]) -> str:
    """The import statements: the standard library's, then others', then those of `core`."""
    names: dict[str, set[str]] = {}
    for each in imports:
        for module, found in each.items():
            names.setdefault(module, set()).update(found)
    groups: dict[int, list[str]] = {}
    for module in sorted(names, key=lambda module: (bool(names[module]), module.lower())):
        line = f"import {module}"
        if names[module]:
            line = f"from {module} import {', '.join(sorted(names[module], key=_order))}"
        root = module.partition(".")[0]
        group = 2 if root == "core" else int(root not in sys.stdlib_module_names)
        groups.setdefault(group, []).append(line)
    return "\n\n".join("\n".join(groups[group]) for group in sorted(groups))


def _order(name: str) -> tuple[bool, bool, str]:
    """CONSTANTS, Classes, functions."""
    return not name.isupper(), name[0].islower(), name


def called(begin: str, *values: Any, **named: Any) -> str:
    """A call, which begins so, with these values as literals; named ones that are None are out."""
    given = [literal(value) for value in values]
    given += [f"{name}={literal(value)}" for name, value in named.items() if value is not None]
    return f"{begin}{', '.join(given)})"


def literal(value: Any) -> str:
    """A value as Python: `repr`, with double quotes where text needs no others."""
    written = repr(value)
    plain = isinstance(value, str) and "'" not in value and '"' not in value
    return f'"{written[1:-1]}"' if plain else written


def asked(settings: Mapping[str, Any], request: type[Request]) -> dict[str, Any]:
    """The settings that a request has a field for; Refusal where there are others."""
    strange = [name for name in settings if name not in request.controls()]
    if strange:
        raise Refusal("code.refused.settings", name=str(strange[0])[:40])
    return dict(settings)
