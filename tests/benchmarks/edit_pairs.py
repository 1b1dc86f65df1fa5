"""What is edited in the edit benchmark: pairs of captions with the pixels that must not change.

From the caption grammar, where the ideal target picture is known, and from PIE-Bench's files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from core.data.emoji import (
    BACKGROUNDS,
    PLACES,
    STYLES,
    TINTS,
    Scene,
    draw_scene,
    subjects,
    tensor_of,
)
from core.images import from_pil, open_picture


@dataclass(frozen=True, eq=False)
class Edit:
    """One edit.

    Attributes:
        kind: what changes, in words.
        source: caption of the picture.
        target: caption of what it is to become.
        picture: (3, H, W) in [0, 1].
        keep: 1 where nothing may change, (H, W).
        scenes: both captions as scenes, where they are of the grammar.
    """

    kind: str
    source: str
    target: str
    picture: Tensor
    keep: Tensor
    scenes: tuple[Scene, Scene] | None = None


# ---- the grammar --------------------------------------------------------------------------------


def pick(words: Any, generator: torch.Generator) -> str:
    """One of the words."""
    words = list(words)
    return words[int(torch.randint(len(words), (), generator=generator))]


def others(words: Any, *used: str) -> list[str]:
    """The words without these and without the empty one."""
    return [word for word in words if word and word not in used]


def alike(scene: Scene) -> list[str]:
    """The other subjects of a subject's group."""
    group = subjects()[scene.subject].group
    return [n for n, s in subjects().items() if s.group == group and n != scene.subject]


def background(old: Scene, generator: torch.Generator) -> tuple[Scene, Scene]:
    """Another background."""
    free = others(BACKGROUNDS, old.background, old.tint)
    return old, replace(old, background=pick(free, generator))


def subject(old: Scene, generator: torch.Generator) -> tuple[Scene, Scene]:
    """Another subject of the group."""
    return old, replace(old, subject=pick(alike(old), generator))


def tint(old: Scene, generator: torch.Generator) -> tuple[Scene, Scene]:
    """One tint for another."""
    one = pick(others(TINTS, old.background), generator)
    other = pick(others(TINTS, old.background, one), generator)
    return replace(old, tint=one, style=""), replace(old, tint=other, style="")


def tinted(old: Scene, generator: torch.Generator) -> tuple[Scene, Scene]:
    """A tint where there was none."""
    new, _ = tint(old, generator)
    return replace(new, tint=""), new


def styled(old: Scene, generator: torch.Generator) -> tuple[Scene, Scene]:
    """A style where there was none."""
    plain = replace(old, tint="", style="")
    return plain, replace(plain, style=pick(others(STYLES), generator))


def move(old: Scene, generator: torch.Generator) -> tuple[Scene, Scene]:
    """From one side to another."""
    one = pick(others(PLACES, "small"), generator)
    other = pick(others(PLACES, "small", one), generator)
    return replace(old, place=one), replace(old, place=other)


def resize(old: Scene, generator: torch.Generator) -> tuple[Scene, Scene]:
    """Smaller."""
    return replace(old, place=""), replace(old, place="small")


Change = Callable[[Scene, torch.Generator], tuple[Scene, Scene]]


def undone(change: Change) -> Change:
    """The same change backwards."""

    def backwards(old: Scene, generator: torch.Generator) -> tuple[Scene, Scene]:
        before, after = change(old, generator)
        return after, before

    return backwards


KINDS: dict[str, Change] = {
    "background": background,
    "subject": subject,
    "change the tint": tint,
    "add a tint": tinted,
    "remove the tint": undone(tinted),
    "add a style": styled,
    "remove the style": undone(styled),
    "move": move,
    "resize": resize,
    "nothing": lambda old, generator: (old, old),
}


def composed(kind: str, count: int) -> list[Edit]:
    """So many edits of a kind, with fixed seeds; all may change near where the ideals differ."""
    generator = torch.Generator().manual_seed(71 + list(KINDS).index(kind))
    made = []
    for _ in range(count):
        scenes = KINDS[kind](draw_scene(generator), generator)
        before, after = (tensor_of(scene.picture()).float() / 255 for scene in scenes)
        differs = ((after - before).abs().amax(0) > 0.05).float()
        near = F.max_pool2d(differs[None, None], 5, stride=1, padding=2)[0, 0]
        source, target = (scene.caption() for scene in scenes)
        made.append(Edit(kind, source, target, before, 1 - near, scenes))
    return made


# ---- PIE-Bench ----------------------------------------------------------------------------------


def pie_bench(folder: Path) -> list[Edit]:
    """The edits of a folder in the format of PIE-Bench, https://arxiv.org/abs/2310.01506.

    `mapping_file.json` maps names to `image_path`, `original_prompt`, `editing_prompt`,
    `editing_type_id` and `mask`: start and length of the runs of a 512 x 512 mask that is 1 where
    the picture may change, row by row. Brackets in the prompts mark the words that change.
    """
    rows = json.loads((folder / "mapping_file.json").read_text(encoding="utf-8"))
    made = []
    for row in rows.values():
        picture = open_picture(folder / "annotation_images" / row["image_path"])
        source, target = (
            row[key].replace("[", "").replace("]", "")
            for key in ("original_prompt", "editing_prompt")
        )
        pixels = from_pil(picture.convert("RGB").resize((512, 512)), "RGB")[0]
        keep = 1 - run_lengths(row["mask"])
        made.append(Edit(row["editing_type_id"], source, target, pixels, keep))
    return made


def run_lengths(runs: list[int], side: int = 512) -> Tensor:
    """A mask (side, side) from pairs of start and length, 1 inside of the runs."""
    mask = torch.zeros(side * side)
    for start, length in zip(runs[::2], runs[1::2], strict=True):
        mask[start : start + length] = 1
    return mask.view(side, side)
