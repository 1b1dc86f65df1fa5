"""How well real pictures come back from noise, and are edited, with the text-to-image model.

inversion    DDIM round trip of 30 real pictures in dB, by steps and guidance
methods      round trip of 16 held-out pictures with every inversion method, by guidance
noise        whether the noise of those pictures is Gaussian, and that of a sample found again
edits        60 edits of real pictures, inversion methods beside SDEdit at the same strength

Round trips are measured against the model's own D(E(x)).
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import torch
from torch import Tensor

from core.classifiers import read_scenes
from core.data.emoji import BACKGROUNDS, STYLES, TINTS, Scene, draw_scene, options, subjects
from core.images import from_pil
from core.inversion import INVERSIONS, Inversion, Method, finish
from core.metrics import neighbour_correlation, psnr, rms
from core.models import load
from core.samplers import SAMPLERS
from tests.benchmarks.quality import table
from tests.benchmarks.quality_emoji import CARD, encoded, real, scenes, share

EDITS, EDIT_STEPS, STRENGTH, EDIT_GUIDANCE = 60, 50, 0.8, 3.0


def inverted(
    name: str, chosen: list[Scene], seed: int, *, guidance: float = 1.0, steps: int = 50
) -> Inversion:
    """Real pictures of scenes, in poses drawn from a seed, inverted with their captions."""
    model, captions = load("emoji", device="cpu"), [scene.caption() for scene in chosen]
    x0, method = encoded(model, real(chosen, seed)), INVERSIONS[name]
    return finish(method.invert(model, x0, captions, steps=steps, guidance=guidance))


def held_out(name: str, guidance: float, count: int = 16, steps: int = 50) -> Inversion:
    """Held-out scenes, inverted for a way back at this guidance.

    Methods that correct nothing invert at guidance 1, which is the best they can do.
    """
    up = 1.0 if name.startswith("ddim") else guidance
    chosen = scenes(CARD.count(count), seed=53, held_out=True)
    return inverted(name, chosen, 54, guidance=up, steps=steps)


def returned(inversion: Inversion, guidance: float, way: str = "") -> float:
    """PSNR of the way back in dB, averaged, at most 999; the way is that of the inversion.

    `way` names another method for it.
    """
    method = INVERSIONS[way or inversion.method]
    back = finish(method.edit(inversion, inversion.prompt, guidance=guidance))
    return likeness(inversion, back)


def likeness(inversion: Inversion, back: Tensor) -> float:
    """PSNR of pictures that came back in dB, averaged, at most 999."""
    pixels = inversion.model.pixels
    pairs = zip(pixels(back), pixels(inversion.trajectory[0]), strict=True)
    return min(sum(psnr(a, b) for a, b in pairs) / len(back), 999.0)


def inversion_section() -> str:
    """Round trips with DDIM."""
    chosen = scenes(CARD.count(30), seed=51)

    def trip(steps: int, guidance: float) -> float:
        return returned(inverted("ddim", chosen, 52, guidance=guidance, steps=steps), guidance)

    cells = ((20, 1.0), (50, 1.0), (100, 1.0), (50, 3.0), (50, 7.5))
    row = [
        f"{CARD.remembered(f'trip {s} {g:g}', lambda s=s, g=g: trip(s, g)):.1f} dB"
        for s, g in cells
    ]
    return table([f"{s} steps, guidance {g:g}" for s, g in cells], [row])


def reconstruction(name: str, guidance: float) -> list[float]:
    """PSNR of a round trip, and the denoiser calls of the inversion."""
    inversion = held_out(name, guidance)
    return [returned(inversion, guidance), inversion.calls]


def methods_section() -> str:
    """Every method, at guidance 1 and at 7.5."""
    rows = []
    for name in INVERSIONS:
        if name == "sdedit":
            continue  # its round trip is a new picture
        cells = []
        for guidance in (1.0, 7.5):
            key = f"method {name} {guidance:g}"
            ratio, calls = CARD.remembered(key, lambda n=name, g=guidance: reconstruction(n, g))
            cells += [f"{ratio:.1f} dB" if ratio < 999 else "no difference", f"{calls:.0f}"]
        rows.append([name, *cells])
    return table(["method", "guidance 1", "calls up", "guidance 7.5", "calls up"], rows)


PATIENT = replace(INVERSIONS["anderson"], iterations=30, tolerance=1e-7)
SOLVERS = {
    "ddim": INVERSIONS["ddim"],
    "anderson": INVERSIONS["anderson"],
    "anderson, 30 iterations to 1e-7": PATIENT,
}


def found_again(method: Method, *, clean: bool) -> float:
    """RMS miss of noise -> sample -> noise, 50 steps, guidance 1.

    The step to the `clean` level is the prediction, which forgets part of the noise; without it
    the ladder ends at the level of t = 0, as Stable Diffusion's.
    """
    model, caption = copy(load("emoji", device="cpu")), "dog face on a blue background"
    if not clean:
        model.schedule = replace(model.schedule, final=replace(model.schedule.level(0), t=-1.0))
    noise, levels = model.noise(0), model.schedule.levels(50)
    *_, last = SAMPLERS["ddim"](model.denoiser(caption), noise, levels)
    return rms(finish(method.invert(model, last.x_next, caption)).trajectory[-1] - noise)


def noise_figures(method: Method) -> list[float]:
    """Mean, spread and neighbour correlation of the noise, and both misses of `found_again`."""
    start = held_out("ddim", 1.0)
    inversion = method.invert(start.model, start.trajectory[0], start.prompt)
    noise = finish(inversion).trajectory[-1]
    misses = [found_again(method, clean=clean) for clean in (True, False)]
    return [noise.mean().item(), noise.std().item(), neighbour_correlation(noise), *misses]


def noise_section() -> str:
    """DDIM and the solutions of its steps, beside true noise."""
    head = ["method", "mean", "spread", "neighbours", "found again", "and from t = 0"]
    rows = [["true noise", "0", "1", "0", "0", "0"]]
    for name, method in SOLVERS.items():
        found = CARD.remembered(f"noise {name}", lambda m=method: noise_figures(m))
        rows.append([name, *(f"{x:.2f}" for x in found[:3]), *(f"{x:.1g}" for x in found[3:])])
    return table(head, rows)


# ---- edits --------------------------------------------------------------------------------------


def pairs() -> list[tuple[str, Scene, Scene]]:
    """60 edits: change the background, swap the subject within its group, change tint or style."""
    generator = torch.Generator().manual_seed(61)

    def pick(words: list[str]) -> str:
        return words[int(torch.randint(len(words), (), generator=generator))]

    made: list[tuple[str, Scene, Scene]] = []
    while len(made) < CARD.count(EDITS):
        kind = ("background", "subject", "look")[len(made) % 3]
        old = draw_scene(generator)
        subject, ground, tint, style = old.subject, old.background, old.tint, old.style
        if kind == "background":
            ground = pick([b for b in BACKGROUNDS if b not in (old.background, old.tint)])
        elif kind == "subject":
            group = subjects()[subject].group
            subject = pick([n for n, s in subjects().items() if s.group == group and n != subject])
        elif len(made) % 2:
            tint, style = pick([t for t in TINTS[1:] if t not in (old.tint, ground)]), ""
        else:
            tint, style = "", pick([s for s in STYLES[1:] if s != old.style])
        made.append((kind, old, Scene(subject, tint, ground, old.place, style)))
    return made


def unchanged(kind: str, old: Scene, new: Scene) -> Tensor:
    """Where an edit should change nothing, (64, 64): the subject, or what neither covers."""
    covers = [from_pil(scene.layers()[2])[0, 0] for scene in (old, new)]
    if kind == "background":
        return (covers[0] > 0.9).float()
    return (torch.maximum(*covers) < 0.1).float()


def edited(method: str) -> list[list[float]]:
    """For each edit: PSNR of what should stay (against D(E(x))), and 1 where it is read as meant.

    Meant is the part that changes: background, subject, or tint and style.
    """
    model, rows = load("emoji", device="cpu"), []
    for kind, old, new in pairs():
        x0 = encoded(model, from_pil(old.picture(), "RGB"))
        inverter = INVERSIONS[method]
        inversion = finish(inverter.invert(model, x0, old.caption(), steps=EDIT_STEPS))
        x = finish(
            inverter.edit(inversion, new.caption(), guidance=EDIT_GUIDANCE, strength=STRENGTH)
        )
        after, before = model.pixels(x), model.pixels(x0)
        stays = unchanged(kind, old, new)
        error = ((after - before).square().mean(1) * stays).sum() / stays.sum().clamp(min=1)
        read = read_scenes(after * 2 - 1)
        parts = {"background": ["background"], "subject": ["subject"], "look": ["tint", "style"]}
        met = all(
            options()[head][int(read[head].argmax())] == getattr(new, head) for head in parts[kind]
        )
        rows.append([-10 * float(error.clamp(min=1e-10).log10()), float(met)])
    return rows


def edits_section() -> str:
    """The methods, by kind of edit."""
    kinds = [kind for kind, _, _ in pairs()]
    lines = []
    for name in ("ddim", "residual", "edit_friendly", "sdedit"):
        rows = CARD.remembered(f"edits {name}", lambda n=name: edited(n))
        for kind in (*dict.fromkeys(kinds), "all"):
            part = [row for row, k in zip(rows, kinds, strict=True) if kind in (k, "all")]
            kept = sum(row[0] for row in part) / len(part)
            met = [int(sum(row[1] for row in part)), len(part)]
            lines.append([name, kind, f"{kept:.1f} dB", share(met)])
    return table(["method", "what changes", "PSNR of what should stay", "read as meant"], lines)


SECTIONS = {
    "inversion": inversion_section,
    "methods": methods_section,
    "noise": noise_section,
    "edits": edits_section,
}
