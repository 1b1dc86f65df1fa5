"""Networks of diffusers and transformers: built from a config, tried without numbers, filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from core.files import Folder
from core.lazy import imported
from core.models.kinds import PARTS
from core.weights import TOGETHER, fill

CLASSES = {
    **PARTS,
    "tiny": ("diffusers", "AutoencoderTiny"),
    "digits": ("diffusers", "UNet2DModel"),
    "vq": ("diffusers", "VQModel"),
}
CONFIG = "config.json"


def built(name: str, folder: Folder, config: Mapping[str, Any]) -> Any:
    """The network of a part on the device meta, where tensors have shapes and no numbers.

    ValueError, one sentence, for a config of which the library can build nothing.
    """
    library, kind = CLASSES[name]
    with fitting(folder), torch.device("meta"):
        if library == "transformers":
            network = imported(library, kind)(
                imported(library, "CLIPTextConfig").from_dict(dict(config))
            )
        else:
            network = imported(library, kind).from_config(config)
    return network.eval()


def filled(
    network: Any, folder: Folder, files: Sequence[str], dtype: torch.dtype = torch.float32
) -> Any:
    """A built network with its weights, for use; ValueError as in `core.weights.fill`."""
    fill(network, folder, files, dtype)
    for module in network.modules():  # what no file holds: CLIP's places 0 .. L-1
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_meta:
                setattr(module, name, torch.arange(buffer.shape[-1]).expand(buffer.shape))
    return network.requires_grad_(False)


@contextmanager
def fitting(folder: Folder) -> Iterator[None]:
    """Turn what a library raises for a config that makes no sense into one sentence."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # whatever comes to their mind, from KeyError to AssertionError
        said = "describes a network that cannot be built or cannot run"
        raise folder.refusal(CONFIG, said, TOGETHER) from error
