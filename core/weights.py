"""Weights in safetensors files: every tensor of a network, in its shape and finite, or a sentence.

A file begins with the length n of its header, 8 bytes, little endian, and the header, n bytes of
JSON: for each tensor its type, its shape, and where its numbers begin and end behind the header.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from core.files import Folder

FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
LONGEST = 100_000_000  # bytes of a header
TOGETHER = "take weights and config of one and the same model"
# Files of 2022 name the four parts of an attention so; a text encoder's file has the places of its
# tokens and the projection of its sum, which is not used here, among the weights.
OLD = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
OLD_NAME = re.compile(r"\.(query|key|value|proj_attn)\.(weight|bias)$")
PREFIX = "text_model."
NO_WEIGHTS = ("embeddings.position_ids", "text_projection.weight")


class Entry(NamedTuple):
    """A tensor in a file: the file, its name there, its type and its shape."""

    file: str
    name: str
    kind: str
    shape: tuple[int, ...]


def header(folder: Folder, file: str) -> list[Entry]:
    """The tensors of a safetensors file, of which only the header is read.

    ValueError, one sentence, for a file that is missing, cut short or none of safetensors.
    """
    with folder.opened(file) as opened:
        size, first = os.fstat(opened.fileno()).st_size, opened.read(8)
        length = int.from_bytes(first, "little")
        if not size:
            raise folder.refusal(file, "is empty")
        if len(first) < 8 or length > min(LONGEST, size - 8):
            raise folder.refusal(file, "is cut short or no safetensors file")
        try:
            rows = json.loads(opened.read(length))
            rows.pop("__metadata__", None)
            entries = [
                Entry(file, name, row["dtype"], tuple(map(int, row["shape"])))
                for name, row in rows.items()
            ]
            end = max((int(row["data_offsets"][1]) for row in rows.values()), default=0)
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            raise folder.refusal(file, "has a broken header") from error
    if size < 8 + length + end:
        raise folder.refusal(file, f"is cut short: {size} of {8 + length + end} bytes are there")
    return entries


def fill(
    network: nn.Module, folder: Folder, files: Sequence[str], dtype: torch.dtype = torch.float32
) -> None:
    """Give a network, which may be on the device meta, the weights of these files on the CPU.

    ValueError, one sentence with file and tensor, for a tensor that is missing, unknown, twice
    there, misshapen, not of floating-point numbers, or not finite.
    """
    wanted = network.state_dict()
    found = matched(wanted, folder, [each for file in files for each in header(folder, file)])
    lacking = [name for name in wanted if name not in found]
    if lacking:
        more = f" and {len(lacking) - 1} more" if lacking[1:] else ""
        file = files[0] if len(files) == 1 else ""
        raise folder.refusal(file, f"lacks the tensor {lacking[0]}{more}", TOGETHER)
    taken: dict[str, Tensor] = {}
    for file in files:
        chosen = {name: each.name for name, each in found.items() if each.file == file}
        taken |= read(folder, file, chosen, dtype)
    network.load_state_dict(taken, assign=True)


def matched(
    wanted: Mapping[str, Tensor], folder: Folder, entries: Sequence[Entry]
) -> dict[str, Entry]:
    """The tensors of files by the names that a network has for them; ValueError as in `fill`."""
    found: dict[str, Entry] = {}
    for entry in entries:
        name = name_in(wanted, entry.name)
        if not name:
            continue
        if name not in wanted or name in found:
            kind = "twice" if name in found else "which its network does not have"
            raise folder.refusal(entry.file, f"has the tensor {entry.name}, {kind}", TOGETHER)
        shape = tuple(wanted[name].shape)
        if entry.shape != shape:
            said = f"has {entry.name} of shape {list(entry.shape)} and not {list(shape)}"
            raise folder.refusal(entry.file, said, TOGETHER)
        if entry.kind not in FLOATS:
            floats = "take weights that are not quantized, such as float16"
            said = f"has {entry.name} in numbers of the kind {str(entry.kind)[:20]}"
            raise folder.refusal(entry.file, said, floats)
        found[name] = entry
    return found


def name_in(wanted: Mapping[str, Tensor], name: str) -> str:
    """What a network calls a tensor of a file, old or new; "" for one that is no weight of it."""
    newer = OLD_NAME.sub(lambda old: f".{OLD[old[1]]}.{old[2]}", name)
    for each in (name, newer, name.removeprefix(PREFIX), PREFIX + name):
        if each in wanted:
            return each
    return "" if name.removeprefix(PREFIX) in NO_WEIGHTS else name


def read(
    folder: Folder, file: str, names: Mapping[str, str], dtype: torch.dtype
) -> dict[str, Tensor]:
    """Tensors of a file under new names (new: name in the file), copied; ValueError as in `fill`.

    They are copied so that nothing happens to a model whose file is replaced while it runs.
    """
    try:
        with folder.opened(file), safe_open(folder.path / file, "pt") as tensors:
            return {
                new: finite(folder, file, name, tensors.get_tensor(name), dtype)
                for new, name in names.items()
            }
    except SafetensorError as error:
        raise folder.refusal(file, "has a broken header") from error


def finite(folder: Folder, file: str, name: str, values: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy in this precision; ValueError where a number is NaN, infinite or becomes so."""
    made = values.to(dtype, copy=True)
    if not values.numel() or all(map(math.isfinite, map(float, made.aminmax()))):
        return made
    if values.cpu().double().isfinite().all():
        kind = str(dtype).removeprefix("torch.")
        said = f"has numbers in {name} that are too large for {kind}"
        raise folder.refusal(file, said, "choose the dtype float32 or bfloat16")
    raise folder.refusal(file, f"has numbers in {name} that are NaN or infinite")


def all_of(folder: Folder, file: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """All tensors of a file by their names; ValueError as in `fill`."""
    names = {entry.name: entry.name for entry in header(folder, file)}
    return read(folder, file, names, dtype)
