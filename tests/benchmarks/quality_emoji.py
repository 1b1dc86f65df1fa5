"""How good the latent text-to-image model is.

judge        accuracy of the classifier on 1,000 real compositions, and on 1,000 held-out ones
prompts      200 prompts drawn from the grammar (30 DDIM steps, guidance 3), read by the judge;
             the same for 200 held-out combinations and for the Chinese twins of the first 200
vae          PSNR of D(E(x)) on 1,000 real compositions, half of them held out
frechet      distance on standardised classifier features, n = 1,000, beside real against real
inversion    DDIM round trip of 30 real pictures in dB, by steps and guidance
methods      round trip of 16 held-out pictures with every inversion method, by guidance
edits        60 edits of real pictures, inversion methods beside SDEdit at the same strength

Figures of shares have their 95 % interval (Wilson 1927).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from core.data.emoji import (
    BACKGROUNDS,
    HEADS,
    STYLES,
    TINTS,
    Scene,
    draw_pose,
    draw_scene,
    labels_of,
    options,
    subjects,
    tensor_of,
)
from core.images import from_pil, to_pil
from core.inversion import INVERSIONS, Inversion, finish
from core.metrics import frechet, interval, psnr, read_scenes, scene_features
from core.models import load
from core.samplers import SAMPLERS, seeded
from tests.benchmarks.quality import Card, table

CARD = Card("emoji", "*/*.safetensors")
STEPS, GUIDANCE, PROMPTS, COUNT, BATCH = 30, 3.0, 200, 1000, 10
EDITS, EDIT_STEPS, STRENGTH, EDIT_GUIDANCE = 60, 50, 0.8, 3.0


def scenes(count: int, seed: int, held_out: bool = False) -> list[Scene]:
    """Scenes drawn from the grammar."""
    generator = torch.Generator().manual_seed(seed)
    return [draw_scene(generator, held_out) for _ in range(count)]


def real(chosen: list[Scene], seed: int) -> Tensor:
    """Real pictures of scenes in random poses, (N, 3, 64, 64) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    pictures = [tensor_of(scene.picture(draw_pose(generator))) for scene in chosen]
    return torch.stack(pictures).float() / 255


def generated(captions: list[str], guidance: float = GUIDANCE) -> Tensor:
    """One picture per caption with DDIM, picture i from seed i, (N, 3, 64, 64) in [0, 1]."""
    model = load("emoji", device="cpu")
    levels = model.schedule.levels(STEPS)
    pictures = []
    for begin in range(0, len(captions), BATCH):
        asked = captions[begin : begin + BATCH]
        noise = seeded(begin, len(asked))
        start = model.start(noise, levels[0], len(asked))
        denoise = model.denoiser(asked, guidance=guidance)
        *_, last = SAMPLERS["ddim"](denoise, start, levels, noise=noise)
        pictures.append(model.pixels(last.x_next))
    return torch.cat(pictures)


def hits(pictures: Tensor, chosen: list[Scene]) -> dict[str, list[int]]:
    """Right readings of each head, [hits, count]; only where the scene says something.

    The subject is asked for in every scene, the first five as well; background always; tint and
    style where they are not the default.
    """
    logits = read_scenes(pictures * 2 - 1)
    labels = torch.tensor([labels_of(scene) for scene in chosen])
    right = {}
    for index, head in enumerate(HEADS):
        said = (
            labels[:, index] > 0 if head in ("tint", "style", "place") else labels[:, index] >= 0
        )
        equal = logits[head].argmax(1) == labels[:, index]
        right[head] = [int((equal & said).sum()), int(said.sum())]
    five = (logits["subject"].topk(5).indices == labels[:, :1]).any(1)
    return {"subject": right.pop("subject"), "in first 5": [int(five.sum()), len(five)], **right}


def share(pair: list[int]) -> str:
    """hits of count as a percentage with its interval."""
    low, high = interval(*pair)
    return f"{pair[0] / pair[1]:.1%} ({100 * low:.0f} to {100 * high:.0f})"


def shares_table(rows: dict[str, dict[str, list[int]]]) -> str:
    """A table of shares, one row per set of pictures."""
    heads = list(next(iter(rows.values())))
    return table(
        ["", *heads], [[name, *(share(row[head]) for head in heads)] for name, row in rows.items()]
    )


def judge_section() -> str:
    """What the judge's readings can be trusted for."""
    rows = {}
    for name, held_out in (("real, combinations of training", False), ("real, held out", True)):
        chosen = scenes(COUNT, seed=11 + held_out, held_out=held_out)
        rows[name] = CARD.remembered(f"judge {name}", lambda c=chosen: hits(real(c, seed=13), c))
    return shares_table(rows)


def prompts_section() -> str:
    """What the judge reads in generated pictures."""
    plain, held = scenes(PROMPTS, seed=21), scenes(PROMPTS, seed=22, held_out=True)
    sets = {"English": (plain, "en"), "Chinese twins": (plain, "zh"), "held out": (held, "en")}
    rows = {
        name: CARD.remembered(
            f"prompts {name}",
            lambda c=chosen, la=language: hits(generated([s.caption(la) for s in c]), c),
        )
        for name, (chosen, language) in sets.items()
    }
    return shares_table(rows)


def vae_section() -> str:
    """The VAE's own error."""

    def measure() -> float:
        model = load("emoji", device="cpu")
        chosen = scenes(COUNT // 2, seed=31) + scenes(COUNT // 2, seed=32, held_out=True)
        total = 0.0
        for part in real(chosen, seed=33).split(50):
            back = reconstructed(model, part)
            total += sum(psnr(a, b) for a, b in zip(back, part, strict=True))
        return total / COUNT

    ratio = CARD.remembered("vae", measure)
    return f"{ratio:.1f} dB, the mean of {COUNT} real compositions, half of them held out."


def reconstructed(model: Any, pixels: Tensor) -> Tensor:
    """D(E(x)) of pixels in [0, 1]."""
    return model.pixels(encoded(model, pixels))


def encoded(model: Any, pixels: Tensor) -> Tensor:
    """E(x) of pixels in [0, 1]."""
    return model.encode(to_pil(pixels))


def frechet_section() -> str:
    """Distance of generated to real pictures of the same scenes."""
    chosen = scenes(COUNT, seed=41)

    def features(pixels: Tensor) -> Tensor:
        spread = scene_features(real(chosen, seed=42) * 2 - 1).std(0).clamp(min=1e-3)
        return scene_features(pixels * 2 - 1) / spread

    def distance() -> float:
        drawn = generated([scene.caption() for scene in chosen])
        return frechet(features(drawn), features(real(chosen, seed=42)))

    def floor() -> float:
        other = scenes(COUNT, seed=43)
        return frechet(features(real(other, seed=44)), features(real(chosen, seed=42)))

    base, found = CARD.remembered("floor", floor), CARD.remembered("frechet", distance)
    return f"{found:.1f} for {COUNT} generated pictures; real against real: {base:.1f}."


def inversion_section() -> str:
    """Round trips through the noise, against D(E(x))."""
    chosen = scenes(30, seed=51)
    captions = [scene.caption() for scene in chosen]

    def trip(steps: int, guidance: float) -> float:
        model = load("emoji", device="cpu")
        x0 = encoded(model, real(chosen, seed=52))
        method = INVERSIONS["ddim"]
        inversion = finish(method.invert(model, x0, captions, steps=steps, guidance=guidance))
        back, best = (model.pixels(x) for x in (finish(method.edit(inversion, captions)), x0))
        return sum(psnr(a, b) for a, b in zip(back, best, strict=True)) / len(chosen)

    cells = ((20, 1.0), (50, 1.0), (100, 1.0), (50, 3.0), (50, 7.5))
    row = [
        f"{CARD.remembered(f'trip {s} {g:g}', lambda s=s, g=g: trip(s, g)):.1f} dB"
        for s, g in cells
    ]
    return table([f"{s} steps, guidance {g:g}" for s, g in cells], [row])


def inverted(name: str, guidance: float = 1.0, count: int = 16, steps: int = 50) -> Inversion:
    """Held-out scenes inverted with their captions.

    Methods that correct nothing invert at guidance 1, which is the best they can do.
    """
    model, chosen = load("emoji", device="cpu"), scenes(count, seed=53, held_out=True)
    captions = [scene.caption() for scene in chosen]
    x0, up = encoded(model, real(chosen, seed=54)), 1.0 if name.startswith("ddim") else guidance
    return finish(INVERSIONS[name].invert(model, x0, captions, steps=steps, guidance=up))


def returned(inversion: Inversion, guidance: float, way: str = "") -> float:
    """PSNR of the way back against D(E(x)), averaged; by default the way of the inversion."""
    model, method = inversion.model, INVERSIONS[way or inversion.method]
    x = finish(method.edit(inversion, inversion.prompt, guidance=guidance))
    pairs = zip(model.pixels(x), model.pixels(inversion.trajectory[0]), strict=True)
    return min(sum(psnr(a, b) for a, b in pairs) / len(x), 999.0)


def reconstruction(name: str, guidance: float) -> list[float]:
    """PSNR of a round trip, and the denoiser calls of the inversion."""
    inversion = inverted(name, guidance)
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


# ---- edits --------------------------------------------------------------------------------------


def pairs() -> list[tuple[str, Scene, Scene]]:
    """60 edits: change the background, swap the subject within its group, change tint or style."""
    generator = torch.Generator().manual_seed(61)

    def pick(words: list[str]) -> str:
        return words[int(torch.randint(len(words), (), generator=generator))]

    made: list[tuple[str, Scene, Scene]] = []
    while len(made) < EDITS:
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
    "judge": judge_section,
    "prompts": prompts_section,
    "vae": vae_section,
    "frechet": frechet_section,
    "inversion": inversion_section,
    "methods": methods_section,
    "edits": edits_section,
}
