"""What a learner takes away from a training: a model for the other tabs, a folder on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.archives import packed
from core.models import add_trained
from demos.runs.archive import Archive
from demos.training.kept import TRAININGS, Training, model_of
from demos.training.request import MNIST
from demos.ui.server.launch import cache
from demos.ui.server.uploads import Uploads
from demos.views.html import spoken
from demos.words import Refusal, said

KEPT = ("objective.json", "unet", "network", "scheduler")  # of the folder of a training


def of(archive: Any) -> tuple[str, Training]:
    """The training of a run, and its key; Refusal where there is none, or no more."""
    found = TRAININGS.found(archive.result) if isinstance(archive, Archive) else None
    if found is None or not found.seen:
        raise Refusal("train.refused.none")
    return archive.result, found


def use(archive: Any, names: list[str] | None) -> list[str]:
    """Let the other tabs load the model of a run; `names` of those before, and its name."""
    key, training = of(archive)
    name = model_of(key)
    if training.seen[0].field is not None:
        raise Refusal("train.refused.points")
    data = "mnist" if training.data in MNIST else ""
    add_trained(name, training.folder, data)
    return [*(each for each in names or [] if each != name), name]


def save(archive: Any) -> str:
    """A link to a zip with the model of a run."""
    key, training = of(archive)
    content = packed({name: file.read_bytes() for name, file in files(training.folder)})
    try:
        kept = Uploads(cache() / "uploads").keep(content, "zip", model_of(key))
    except OSError as error:
        raise Refusal("export.refused.disk") from error
    say = said("train.saved", megabytes=len(content) / 1e6)
    return spoken(say, "a", href=f"gradio_api/file={kept}", download="")


def files(folder: Path) -> list[tuple[str, Path]]:
    """What belongs to the model, by its name in the zip."""
    found = [file for part in KEPT for file in (folder / part, *(folder / part).rglob("*"))]
    return [(each.relative_to(folder).as_posix(), each) for each in found if each.is_file()]
