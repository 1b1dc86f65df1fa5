"""A folder in the diffusers format: what lies in it, read and checked before anything is built.

What can run here is text to image in latent space with one CLIP text encoder, as Stable Diffusion
1 and 2: `core.models.kinds` says what other models are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from core.denoisers import CONVERSIONS
from core.files import Folder, refusal, shipped
from core.models.cards import ModelCard
from core.models.kinds import check_index, check_kind, shown
from core.schedules import Schedule
from core.weights import header

STEMS = {  # how the files of a part's weights begin
    "vae": "diffusion_pytorch_model",
    "unet": "diffusion_pytorch_model",
    "text_encoder": "model",
}
VARIANTS = ("fp16", "bf16", "fp32")  # the one that is taken where there is no plain file
INDEX, SCHEDULER = "model_index.json", "scheduler/scheduler_config.json"
SHARD = re.compile(r"-\d{5}-of-\d{5}\.safetensors$")
SINGLE = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
CONVERT = (
    "convert the checkpoint to a folder, with from_single_file and save_pretrained of diffusers' "
    "StableDiffusionPipeline"
)
FORMAT = "is not a model in the diffusers format: it has no model_index.json"
HUB = "delete it from the cache of the Hugging Face hub, so that it is fetched again"
PICKLED = (
    "has no safetensors weights; pickled weights can run code and are refused, convert them with "
    "diffusers' save_pretrained"
)


@dataclass(frozen=True)
class Layout:
    """A folder that can be loaded: its configs, and the files of its weights by part."""

    folder: Folder
    configs: dict[str, dict[str, Any]]
    weights: dict[str, list[str]]

    @property
    def told(self) -> bool:
        """Whether its U-Net is told the guidance, as that of a latent consistency model."""
        return self.configs["unet"].get("time_cond_proj_dim") is not None


def folder_of(card: ModelCard, path: Path) -> Folder:
    """The folder of a model, named as a learner may know it: never by its place on the disk."""
    if card.revision:
        return Folder(path, card.source, HUB)
    return Folder(path, path.name) if Path(card.source).is_absolute() else shipped(card.source)


def placed_at(folder: Path | str) -> Path:
    """The absolute path of a folder; ValueError where there is none of this name."""
    asked = str(folder).strip()
    try:
        path = Path(asked).expanduser().resolve()
        if asked and path.is_dir():
            path.name.encode()
            return path
        single = path.is_file() and path.suffix in SINGLE
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such user, NUL, a loop
        raise ValueError(f"{asked!r} is no name of a folder that can be opened") from error
    if single:
        raise ValueError(f"{asked} is a checkpoint in a single file; {CONVERT}")
    raise ValueError(
        f"there is no folder {asked or '(empty)'}; give one in the diffusers format, and fetch a "
        "model of the hub first, with: hf download NAME --local-dir FOLDER"
    )


def looked_at(folder: Folder) -> Layout:
    """The configs and files of a folder that can be loaded; ValueError, one sentence, otherwise.

    Only the classes of `core.models.kinds` and safetensors weights are accepted; code beside them
    is not. Of the weights only headers are read.
    """
    if not folder.has(INDEX):
        raise refusal(f"{folder.name} {FORMAT}{hint(folder)}")
    check_index(folder.name, folder.json(INDEX))
    for _, _, files in os.walk(folder.path):
        for file in files:
            if file.endswith(".py"):
                raise refusal(f"{folder.name} brings code of its own ({file}), never to be run")
    configs = {name: folder.json(f"{name}/config.json") for name in STEMS}
    check_kind(folder.name, configs)
    schedule_in(folder)
    weights = {name: weight_files(folder.at(name), stem) for name, stem in STEMS.items()}
    for name, files in weights.items():
        for file in files:
            header(folder.at(name), file)
    return Layout(folder, configs, weights)


def schedule_in(folder: Folder) -> tuple[Schedule, str]:
    """The schedule of a folder, and what its network predicts; ValueError names the file."""
    from core.bridge import schedule_of

    config, where = folder.json(SCHEDULER), f"{folder.name}/{SCHEDULER}"
    kind = config.get("prediction_type", "epsilon")
    if kind not in list(CONVERSIONS):
        raise refusal(
            f"{where}: prediction_type must be one of {', '.join(CONVERSIONS)}, got {shown(kind)}"
        )
    try:
        return schedule_of(config), kind
    except ValueError as error:
        raise refusal(f"{where}: {error}") from error


def hint(folder: Folder) -> str:
    """What else a folder without an index seems to be, as the end of a sentence."""
    deeper = [path.parent for path in folder.path.glob("*/model_index.json")]
    deeper += [path.parent for path in folder.path.glob("snapshots/*/model_index.json")]
    if deeper:
        return f"; the model lies deeper in it, give {folder.name}/{within(deeper[0], folder)}"
    if (folder.path.parent / INDEX).is_file():
        return "; it is one part of a model, give the folder that it lies in"
    if folder.files("*lora*.safetensors") or folder.has("adapter_config.json"):
        return "; it is a LoRA, which changes another model: fuse it into that one and save it"
    if folder.has("config.json"):
        return "; it is a single network, and a U-Net, a VAE and a text encoder are needed"
    if any(folder.files(f"*{end}") for end in SINGLE):
        return f"; {CONVERT}"
    return "; give a folder that diffusers' save_pretrained has written"


def within(path: Path, folder: Folder) -> str:
    """The rest of a path within a folder."""
    return path.relative_to(folder.path).as_posix()


def weight_files(folder: Folder, stem: str) -> list[str]:
    """The safetensors files of a part: one, or the shards that an index names.

    The plain file where there is one, else the variant fp16, bf16, fp32 or the only one there is.
    ValueError, one sentence, where there is none, or no telling which.
    """
    for variant in chain(("", *VARIANTS), others(folder, stem)):
        indices, single = names(stem, variant)
        found = [index for index in indices if folder.has(index)]
        if stem == "model" and folder.has(single):  # transformers prefers it to an index
            return [single]
        if found:
            return shards(folder, found[0])
        if folder.has(single):
            return [single]
    safetensors = folder.files("*.safetensors")
    if any(map(SHARD.search, safetensors)):
        raise folder.refusal(
            f"{stem}.safetensors.index.json", "is missing, which names the shards"
        )
    if safetensors:
        raise folder.refusal(
            f"{stem}.safetensors", "is missing", f"{safetensors[0]} is no name for it"
        )
    raise refusal(f"{folder.name} {PICKLED}")


def names(stem: str, variant: str) -> tuple[tuple[str, str], str]:
    """What the index of a variant's shards may be called, new and old, and its single file."""
    dotted = f".{variant}" if variant else ""
    index = f"{stem}.safetensors.index"
    old = f"{stem}.safetensors{dotted}.index.json"
    return (f"{index}{dotted}.json", old), f"{stem}{dotted}.safetensors"


def others(folder: Folder, stem: str) -> Iterator[str]:
    """The name of a variant that is not known, where it is the only one there."""
    pattern = re.compile(
        rf"{stem}\.([^.]+)\.safetensors|{stem}\.safetensors\.index\.([^.]+)\.json"
    )
    found = {each[1] or each[2] for each in map(pattern.fullmatch, folder.files("*")) if each}
    found = {each for each in found if not re.search(r"-\d{5}-of-\d{5}$", each)}
    unknown = sorted(found.difference(VARIANTS, ("index",)))
    if len(unknown) == 1:
        yield unknown[0]
    elif unknown:
        said = f"is missing, and there are the variants {', '.join(unknown[:4])}"
        raise folder.refusal(f"{stem}.safetensors", said, "leave one of them")


def shards(folder: Folder, index: str) -> list[str]:
    """The files that an index of shards names; ValueError for names of files elsewhere."""
    named = folder.json(index).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise folder.refusal(index, "has no weight_map, which says what lies in which shard")
    for file in named.values():
        if (
            not isinstance(file, str)
            or Path(file).name != file
            or not file.endswith(".safetensors")
        ):
            raise folder.refusal(index, f"names {str(file)[:40]!r}, which is no file beside it")
    return sorted(set(named.values()))
