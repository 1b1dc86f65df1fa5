"""The edit benchmark: `python -m tests.benchmarks.edits [--methods M ...] [--over WHAT ...]`.

Ten kinds of edits, `--count` each (10), drawn from the caption grammar with fixed seeds, in 50
steps at guidance 3 from start level 0.8; results go into README. `--over level` takes five start
levels, `--over level guidance` all pairs of these with four guidances. Results are kept in
checkpoints: a stopped run goes on. `--pie FOLDER --model NAME` edits PIE-Bench instead.

    kept        PSNR in dB over the pixels that must not change, against D(E(x))
    structure   1000 times the mean square of the change of the cosine self-similarity of the VAE
                encoder's features (after Tumanyan et al. 2022, https://arxiv.org/abs/2201.00424)
    read        share of the edits in which the judge reads all that changes as meant
    margin      share in which the denoiser finds the target caption likelier than the source
                (Li et al. 2023, https://arxiv.org/abs/2303.16203): 32 fixed levels and noises
    over SDEdit difference of kept to SDEdit's in dB over the same pictures at the same start level
                and guidance, with the 95 % interval of a paired bootstrap
    matched     the same against that of SDEdit's settings which keeps most, of those that are read
                as meant as often, give or take 5 points
    calls       denoiser evaluations of one edit, its inversion included
    seconds     of the processor for one edit
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from core.classifiers import read_scenes
from core.data.emoji import labels_of
from core.images import to_pil
from core.inversion import INVERSIONS, finish
from core.models import load
from core.samplers import seeded
from tests.benchmarks.edit_pairs import KINDS, Edit, composed, pie_bench
from tests.benchmarks.quality import ROOT, Figures, put, table
from tests.benchmarks.quality_emoji import CARD

STEPS, STRENGTH, GUIDANCE, BATCH, COUNT = 50, 0.8, 3.0, 10, 10
STRENGTHS, GUIDANCES = (0.2, 0.4, 0.6, 0.8, 1.0), (1.5, 3.0, 5.0, 7.5)
METHODS = [name for name in INVERSIONS if name != "ddim_current"]
FIGURES = ("kept", "structure", "read", "margin")


def kept(after: Tensor, before: Tensor, keep: Tensor) -> list[float | None]:
    """PSNR over the pixels (B, H, W) that must not change; None where all may."""
    many = keep.sum((1, 2))
    error = ((after - before).square().mean(1) * keep).sum((1, 2)) / many.clamp(min=1)
    ratios = -10 * error.clamp(min=1e-8).log10()
    return [r if count else None for r, count in zip(ratios.tolist(), many.tolist(), strict=True)]


@torch.no_grad()
def self_similarity(model: Any, pixels: Tensor) -> Tensor:
    """Cosines between the encoder's features at all pairs of places, (B, N, N)."""
    seen: list[Tensor] = []
    hook = model.vae.encoder.mid_block.register_forward_hook(lambda *way: seen.append(way[2]))
    try:
        model.encode(to_pil(pixels))
    finally:
        hook.remove()
    features = F.normalize(seen[0].float().flatten(2), dim=1)
    return features.mT @ features


@torch.no_grad()
def margins(model: Any, x0: Tensor, old: list[str], new: list[str]) -> list[float]:
    """E |eps - eps(x, old)|^2 - |eps - eps(x, new)|^2 per row: positive where new fits better."""
    levels = model.schedule.levels(40)[4:-5]
    noise, total = seeded(99, len(x0)), torch.zeros(len(x0), dtype=torch.float64)
    before, after = model.denoiser(old), model.denoiser(new)
    for level in levels:
        eps = noise(x0)
        x = level.alpha * x0 + level.sigma * eps
        errors = [(eps - d(x, level).eps).square().flatten(1).mean(1) for d in (before, after)]
        total += (errors[0] - errors[1]).double().cpu()
    return (total / len(levels)).tolist()


def read_as_meant(pixels: Tensor, made: list[Edit]) -> list[bool | None]:
    """Whether the judge reads everything that changes as meant; None for other than scenes."""
    if any(edit.scenes is None for edit in made):
        return [None] * len(made)
    scores = read_scenes(2 * pixels - 1).values()
    guesses = torch.stack([each.argmax(1) for each in scores], dim=1).tolist()
    result: list[bool | None] = []
    for guess, edit in zip(guesses, made, strict=True):
        old, new = (labels_of(scene) for scene in edit.scenes or ())
        changed = [k for k in range(len(new)) if old[k] != new[k]] or range(len(new))
        result.append(all(guess[k] == new[k] for k in changed))
    return result


def run(model: Any, name: str, made: list[Edit], strength: float, guidance: float) -> list[dict]:
    """Edit a batch with one method; a row of figures for each."""
    old, new = [edit.source for edit in made], [edit.target for edit in made]
    x0 = model.encode(to_pil(torch.stack([edit.picture for edit in made])))
    method, begun = INVERSIONS[name], time.process_time()
    up = guidance if method.needs_gradients else 1.0
    inversion = finish(method.invert(model, x0, old, steps=STEPS, guidance=up))
    x, calls = x0, inversion.calls
    for step in method.edit(inversion, new, guidance=guidance, strength=strength):
        x, calls = step.x_next, inversion.calls + step.calls
    spent = {"calls": calls, "seconds": (time.process_time() - begun) / len(made)}
    after, before = model.pixels(x).cpu(), model.pixels(x0).cpu()
    changes = self_similarity(model, after) - self_similarity(model, before)
    rows = zip(
        kept(after, before, torch.stack([edit.keep for edit in made])),
        (1000 * changes.square().mean((1, 2))).tolist(),
        read_as_meant(after, made),
        margins(model, x, old, new),
        strict=True,
    )
    kinds = [{"kind": edit.kind} for edit in made]
    return [
        kind | dict(zip(FIGURES, row, strict=True)) | spent
        for kind, row in zip(kinds, rows, strict=True)
    ]


def mean(rows: list[dict], key: str) -> float:
    """The mean of a figure, of the rows that have it."""
    values = [float(row[key]) for row in rows if row[key] is not None]
    return sum(values) / len(values) if values else float("nan")


def over(rows: list[dict], base: list[dict], draws: int = 2000) -> tuple[float, float, float]:
    """Mean difference of `kept` between paired rows, and the 95 % interval of a bootstrap."""
    both = [(a["kept"], b["kept"]) for a, b in zip(rows, base, strict=True)]
    values = torch.tensor([a - b for a, b in both if a is not None], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randint(len(values), (draws, len(values)), generator=generator)
    ends = torch.tensor([0.025, 0.975], dtype=torch.float64)
    low, high = values[chosen].mean(1).quantile(ends).tolist()
    return values.mean().item(), low, high


def changing(results: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """The results without the edits that change nothing."""
    return {key: [r for r in rows if r["kind"] != "nothing"] for key, rows in results.items()}


def summary(results: dict[str, list[dict]], shown: Sequence[str] = ()) -> str:
    """One line per setting, or for those that are `shown`."""
    edited = changing(results)
    bases = {key: rows for key, rows in edited.items() if key.startswith("sdedit ")}
    lines = []
    for key in shown or results:
        rows = edited[key]
        read = mean(rows, "read")
        better = sum(row["margin"] > 0 for row in rows) / len(rows)
        same = bases.get(f"sdedit {key.partition(' ')[2]}")
        lines.append(
            [
                *key.split(),
                f"{mean(rows, 'kept'):.1f} dB",
                f"{mean(rows, 'structure'):.0f}",
                f"{read:.0%}",
                f"{better:.0%}",
                difference(rows, same),
                difference(rows, matched(rows, [*bases.values()])),
                f"{mean(rows, 'calls'):.0f}",
                f"{mean(rows, 'seconds'):.2f}",
            ]
        )
    head = ["method", "level", "guidance", *FIGURES, "over SDEdit", "matched", "calls", "seconds"]
    return table(head, lines)


def matched(rows: list[dict], bases: list[list[dict]]) -> list[dict] | None:
    """What keeps most of the settings that are read as meant as often, give or take 5 points."""
    alike = [b for b in bases if abs(mean(b, "read") - mean(rows, "read")) <= 0.05]
    return max(alike, key=lambda base: mean(base, "kept"), default=None)


def difference(rows: list[dict], base: list[dict] | None) -> str:
    """`over` in words; a dash without anything to compare with, and for the same rows."""
    if base is None or rows is base:
        return "–"
    return "{:+.1f} dB ({:+.1f} to {:+.1f})".format(*over(rows, base))


def settings(what: Sequence[str]) -> list[tuple[float, float]]:
    """The start levels and guidances of a run over "level", "guidance", both or neither."""
    strengths = STRENGTHS if "level" in what else (STRENGTH,)
    guidances = GUIDANCES if "guidance" in what else (GUIDANCE,)
    return [(strength, guidance) for strength in strengths for guidance in guidances]


def curves(results: dict[str, list[dict]], path: Path) -> None:
    """What is kept over what succeeds, along the start levels, as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for name in METHODS:
        settings = ((f"{name} {strength:g} {GUIDANCE:g}", strength) for strength in STRENGTHS)
        found = [(results[key], strength) for key, strength in settings if key in results]
        if len(found) < 2:
            continue
        points = [(100 * mean(rows, "read"), mean(rows, "kept")) for rows, _ in found]
        axes.plot(*zip(*points, strict=True), marker="o", label=INVERSIONS[name].title)
        for point, (_, strength) in zip(points, found, strict=True):
            axes.annotate(f"{strength:g}", point, (4, 4), textcoords="offset points", fontsize=8)
    axes.set_xlabel("edits read as meant [%]")
    axes.set_ylabel("PSNR of what must not change [dB]")
    axes.set_title(f"Start levels 0.2 to 1 at guidance {GUIDANCE:g}; right and up is better")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def publish(results: dict[str, list[dict]]) -> None:
    """Put every method's row and the curves into README."""
    rows = [key for key in results if key.endswith(f" {STRENGTH:g} {GUIDANCE:g}")]
    put(ROOT / "README.md", "edits", summary(results, sorted(rows, key=place)))
    curves(changing(results), ROOT / "assets/images/edits.png")


def place(key: str) -> int:
    """Where a setting's method stands in the registry."""
    return METHODS.index(key.split()[0])


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--count", type=int, default=COUNT, help="edits of each of the ten kinds")
    parser.add_argument("--over", nargs="+", choices=("level", "guidance"), default=[])
    parser.add_argument("--model", default="emoji")
    parser.add_argument("--pie", type=Path, help="a folder in the format of PIE-Bench")
    flags = parser.parse_args()
    model: Any = load(flags.model)
    made = (
        pie_bench(flags.pie) if flags.pie else [e for k in KINDS for e in composed(k, flags.count)]
    )
    about = f"{flags.model} {flags.pie or CARD.digest()} {len(made)}"
    name = hashlib.sha256(about.encode()).hexdigest()[:8]
    store = Figures(ROOT / "checkpoints" / f"edits-{name}.json", lambda: about)
    store.path.parent.mkdir(exist_ok=True)
    results = {
        f"{name} {strength:g} {guidance:g}": store.remembered(
            f"{name} {strength:g} {guidance:g}",
            lambda n=name, s=strength, g=guidance: [
                row
                for i in range(0, len(made), BATCH)
                for row in run(model, n, made[i : i + BATCH], s, g)
            ],
        )
        for name in flags.methods
        for strength, guidance in settings(flags.over)
    }
    print(f"\n{summary(results)}")
    if flags.pie is None and flags.model == "emoji" and flags.count == COUNT:
        publish({key: rows for key, rows in store.stored().items() if key != "weights"})


if __name__ == "__main__":
    main()
