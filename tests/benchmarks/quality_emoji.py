"""How good the pictures of the text-to-image model are.

judge        accuracy of the classifier on 1,000 real compositions, and on 1,000 held-out ones
prompts      120 prompts drawn from the grammar (30 DDIM steps, guidance 3), read by the judge;
             the same for 120 held-out combinations and for the Chinese twins of the first 120
vae          PSNR of D(E(x)) on 1,000 real compositions, half of them held out
frechet      distance on standardised classifier features, n = 1,000, beside real against real

Figures of shares have their 95 % interval (Wilson 1927).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from core.classifiers import read_scenes, scene_features
from core.data.emoji import HEADS, Scene, draw_pose, draw_scene, labels_of, tensor_of
from core.images import to_pil
from core.metrics import frechet, interval, psnr
from core.models import load
from core.samplers import SAMPLERS, seeded
from tests.benchmarks.quality import Card, table

CARD = Card("emoji", "*/*.safetensors")
STEPS, GUIDANCE, PROMPTS, COUNT, BATCH = 30, 3.0, 120, 1000, 10


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
        chosen = scenes(CARD.count(COUNT), seed=11 + held_out, held_out=held_out)
        rows[name] = CARD.remembered(f"judge {name}", lambda c=chosen: hits(real(c, seed=13), c))
    return shares_table(rows)


def prompts_section() -> str:
    """What the judge reads in generated pictures."""
    count = CARD.count(PROMPTS)
    plain, held = scenes(count, seed=21), scenes(count, seed=22, held_out=True)
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

    count = CARD.count(COUNT)

    def measure() -> float:
        model = load("emoji", device="cpu")
        chosen = scenes(count // 2, seed=31) + scenes(count // 2, seed=32, held_out=True)
        total = 0.0
        for part in real(chosen, seed=33).split(50):
            back = reconstructed(model, part)
            total += sum(psnr(a, b) for a, b in zip(back, part, strict=True))
        return total / len(chosen)

    ratio = CARD.remembered("vae", measure)
    return f"{ratio:.1f} dB, the mean of {count} real compositions, half of them held out."


def reconstructed(model: Any, pixels: Tensor) -> Tensor:
    """D(E(x)) of pixels in [0, 1]."""
    return model.pixels(encoded(model, pixels))


def encoded(model: Any, pixels: Tensor) -> Tensor:
    """E(x) of pixels in [0, 1]."""
    return model.encode(to_pil(pixels))


def frechet_section() -> str:
    """Distance of generated to real pictures of the same scenes."""
    count = CARD.count(COUNT)
    chosen = scenes(count, seed=41)

    def features(pixels: Tensor) -> Tensor:
        spread = scene_features(real(chosen, seed=42) * 2 - 1).std(0).clamp(min=1e-3)
        return scene_features(pixels * 2 - 1) / spread

    def distance() -> float:
        drawn = generated([scene.caption() for scene in chosen])
        return frechet(features(drawn), features(real(chosen, seed=42)))

    def floor() -> float:
        other = scenes(count, seed=43)
        return frechet(features(real(other, seed=44)), features(real(chosen, seed=42)))

    base, found = CARD.remembered("floor", floor), CARD.remembered("frechet", distance)
    return f"{found:.1f} for {count} generated pictures; real against real: {base:.1f}."


SECTIONS = {
    "judge": judge_section,
    "prompts": prompts_section,
    "vae": vae_section,
    "frechet": frechet_section,
}
