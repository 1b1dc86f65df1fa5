"""How clearly the text-to-image model draws, and whether it understands what people type.

clarity      314 plain prompts, one a subject: how many pictures lie nearest to the real picture
             of their subject (`nearest`), and their gradient energy beside real pictures; the
             same for the VAE's copies of real pictures, which no latent model can pass
written      prompts as people write them (`core.data.phrases`), English and Chinese: plain
             scenes by the nearest picture, scenes of the grammar by the classifier
diversity    how far apart the pictures of eight seeds are, beside eight real poses
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.data.emoji import Scene, draw_pose, subjects, tensor_of
from core.data.phrases import written
from core.metrics import gradient_energy
from core.models import load
from tests.benchmarks.nearest import found
from tests.benchmarks.quality import table
from tests.benchmarks.quality_emoji import (
    CARD,
    generated,
    hits,
    real,
    reconstructed,
    scenes,
    share,
    shares_table,
)

WRITTEN, PROMPTS, SEEDS = 100, 8, 8
FORMS = (
    "{} on a white background",
    "a picture of a {}",
    "the {}",
    "a {}",
    "an image of a {}",
    "{} in the middle",
)


def plain(count: int) -> list[Scene]:
    """Subjects on white, spread evenly over all."""
    names = list(subjects())
    return [Scene(names[k * len(names) // count]) for k in range(count)]


def clarity_section() -> str:
    """The nearest picture and the gradient energy."""
    chosen = plain(CARD.count(len(subjects())))

    def measure(name: str) -> list[float]:
        pictures = real(chosen, seed=61)
        energy = gradient_energy(pictures)
        if name == "copies of real pictures":
            model = load("emoji", device="cpu")
            pictures = torch.cat([reconstructed(model, part) for part in pictures.split(50)])
        elif name == "generated":
            pictures = generated([scene.caption() for scene in chosen])
        return [*found(pictures, chosen), gradient_energy(pictures) / energy]

    rows = []
    for name in ("real", "copies of real pictures", "generated"):
        right, count, energy = CARD.remembered(f"clarity {name}", lambda n=name: measure(n))
        rows.append([name, share([int(right), int(count)]), f"{energy:.2f}"])
    return table(["", "nearest picture is the subject's", "gradient energy"], rows)


def written_section() -> str:
    """What prompts as people write them give."""
    subjects_asked = plain(CARD.count(WRITTEN))
    scenes_asked = scenes(CARD.count(WRITTEN), seed=71)
    fixed = [FORMS[k % len(FORMS)].format(s.subject) for k, s in enumerate(subjects_asked)]
    nearest = {"six forms": fixed, "drawn, Chinese": phrased(subjects_asked, "zh")}
    rows = [
        [
            name,
            share(
                CARD.remembered(
                    f"written {name}", lambda c=captions: found(generated(c), subjects_asked)
                )
            ),
        ]
        for name, captions in nearest.items()
    ]
    read = CARD.remembered(
        "written scenes", lambda: hits(generated(phrased(scenes_asked, "en")), scenes_asked)
    )
    return "\n\n".join(
        [
            table(["plain scenes", "nearest picture is the subject's"], rows),
            shares_table({"scenes of the grammar, drawn, English": read}),
        ]
    )


def phrased(chosen: list[Scene], language: str) -> list[str]:
    """A caption of each scene as someone may write it."""
    generator = torch.Generator().manual_seed(72)
    return [written(scene, generator, language) for scene in chosen]


def diversity_section() -> str:
    """How far apart pictures of one prompt are."""

    def apart(pictures: Tensor) -> float:
        """Root mean squared difference of all pairs of each SEEDS pictures."""
        groups = pictures.flatten(1).split(SEEDS)
        return sum(torch.pdist(g).square().mean().item() / g.shape[1] for g in groups) ** 0.5

    def measure() -> list[float]:
        generator = torch.Generator().manual_seed(73)
        asked = [scene for scene in plain(PROMPTS) for _ in range(SEEDS)]
        posed = [tensor_of(scene.picture(draw_pose(generator))) for scene in asked]
        drawn = generated([scene.caption() for scene in asked])
        return [apart(drawn) / apart(torch.stack(posed).float() / 255)]

    (ratio,) = CARD.remembered("diversity", measure)
    return (
        f"Pictures of {PROMPTS} prompts, {SEEDS} seeds each, lie {ratio:.2f} times as far apart "
        "as real pictures of the same subjects in random poses."
    )


SECTIONS = {"clarity": clarity_section, "written": written_section, "diversity": diversity_section}
