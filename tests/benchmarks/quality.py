"""How good the embedded models are: `python -m tests.benchmarks.quality [MODEL] [--only ...]`.

MODEL is digits (default), digits-variance, digits-early, emoji, emoji-vq or noisy-digits;
their modules say what the sections measure. Each result is written to figures.json beside the
weights when it is done, so an interrupted run goes on where it was; the file is tied to the
weights. Each finished section is printed as Markdown and written into the card of the model,
README.md. `--quick N` is a look at N pictures of each set, which stores nothing and leaves the
card as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ROOT = Path(__file__).parent.parent.parent
MODULES = {
    "digits": ("quality_digits",),
    "noisy-digits": ("quality_guidance",),
    "digits-variance": ("quality_variance",),
    "digits-early": ("quality_early",),
    "emoji-vq": ("quality_codebook",),
    "emoji": ("quality_emoji", "quality_clarity", "quality_inversion"),
}


class Figures:
    """Results in a file, tied to what was measured: those of anything else are forgotten.

    With `most`, the largest number of pictures in a set, nothing is read or written.
    """

    def __init__(self, path: Path, tie: Callable[[], str], most: int | None = None) -> None:
        """`tie` names what is measured, such as a digest of the weights."""
        self.path, self.tie, self.most = path, tie, most

    def count(self, wanted: int) -> int:
        """How many pictures a set has."""
        return min(wanted, self.most or wanted)

    def stored(self) -> dict[str, Any]:
        """The results so far."""
        store = json.loads(self.path.read_text()) if self.path.exists() else {}
        return store if store.get("weights") == self.tie() else {"weights": self.tie()}

    def remembered(self, key: str, measure: Callable[[], Any]) -> Any:
        """A result from the file, or measured and stored."""
        if self.most:
            return measure()
        if key not in self.stored():
            result = measure()
            self.path.write_text(json.dumps(self.stored() | {key: result}, indent=1))
            print(f"{key}: {str(result)[:200]}", flush=True)
        return self.stored()[key]


class Card(Figures):
    """The card of a model in assets/models, and the figures measured so far for its weights."""

    def __init__(self, name: str, *weights: str) -> None:
        """The weights name the files that the figures are tied to."""
        self.name, self.folder, self.weights = name, ROOT / "assets/models" / name, weights
        super().__init__(self.folder / "figures.json", self.digest)

    def digest(self) -> str:
        """Of the weights."""
        files = (path for name in self.weights for path in sorted(self.folder.glob(name)))
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]

    def write(self, name: str, text: str) -> None:
        """Put a section between its markers in the card."""
        if not self.most:
            put(self.folder / "README.md", name, text)


def put(path: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of a section in a Markdown file."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    before = path.read_text()
    start, stop = before.index(begin) + len(begin), before.index(end)
    path.write_text(before[:start] + text + before[stop:])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measure what is missing and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", choices=MODULES, default="digits")
    parser.add_argument("--only", nargs="+", default=[], help="these sections instead of all")
    parser.add_argument("--quick", type=int, help="at most so many pictures; the card stays")
    flags = parser.parse_args()
    modules = [
        importlib.import_module(f"tests.benchmarks.{name}") for name in MODULES[flags.model]
    ]
    sections = {name: section for each in modules for name, section in each.SECTIONS.items()}
    if not set(flags.only) <= set(sections):
        parser.error(f"the sections of {flags.model} are {', '.join(sections)}")
    modules[0].CARD.most = flags.quick
    for name, section in sections.items():
        if not flags.only or name in flags.only:
            text = section()
            print(f"\n{text}\n", flush=True)
            modules[0].CARD.write(name, text)


if __name__ == "__main__":
    main()
