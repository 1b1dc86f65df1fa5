"""Weights of a model that are cut, misshapen, in shards or not there: named, with the remedy."""

import json
import struct

import pytest
import torch
from safetensors.torch import load_file

from core.models import add_folder
from tests.core.folders import (
    POINTER,
    cut,
    edited,
    header_of,
    loaded,
    refused,
    resaved,
    rewritten,
    weights,
)

UNET = "unet/diffusion_pytorch_model.safetensors"


# ---- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
@pytest.mark.parametrize("share", [0.9999, 0.5, 0.01, 0.0])
def test_weights_that_are_cut(own, part, share):
    path = weights(own, part)
    cut(path, share)
    said = "is cut short" if share else "is empty"
    refused(own, f"{part}/{path.name}", said)
    if share > 0.5:
        with pytest.raises(ValueError, match=rf"cut short: {path.stat().st_size} of \d+ bytes"):
            add_folder(own)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (POINTER.encode(), "is a git-lfs pointer, not the file itself; run git lfs pull in "),
        (b"<!DOCTYPE html><html>", "is cut short or no safetensors file"),
        (b"1234567", "is cut short or no safetensors file"),
        (struct.pack("<Q", 4) + b"nope", "has a broken header"),
        (struct.pack("<Q", 2) + b"[]", "has a broken header"),
        (struct.pack("<Q", 7) + b'{"a":1}', "has a broken header"),
        (struct.pack("<Q", 2**63) + b"{}", "is cut short or no safetensors file"),
        (struct.pack("<Q", 2) + b"{}", "lacks the tensor"),
    ],
)
def test_weights_with_other_content(own, content, said):
    weights(own, "unet").write_bytes(content)
    refused(own, UNET, said)


def test_a_header_of_which_the_numbers_do_not_fit(own):
    path = weights(own, "unet")
    header, rest = header_of(path)
    header["conv_in.bias"]["data_offsets"] = [0, 4]
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + rest)
    refused(own, UNET, "has a broken header")


def without(name):
    return lambda tensors: {key: each for key, each in tensors.items() if key != name}


def prefixed(prefix):
    return lambda tensors: {prefix + key: each for key, each in tensors.items()}


NORM = "final_layer_norm.weight"
CASES = [
    ("unet", without("conv_in.weight"), "lacks the tensor conv_in.weight;"),
    ("vae", without("decoder.conv_out.bias"), "lacks the tensor decoder.conv_out.bias;"),
    ("text_encoder", without(NORM), "lacks the tensor final_layer_norm.weight;"),
    ("unet", prefixed("model."), "has the tensor model."),
    ("text_encoder", prefixed("cond_stage_model."), "has the tensor cond_stage_model."),
    ("text_encoder", prefixed("transformer."), "which its network does not have; take weights"),
    (
        "unet",
        lambda tensors: tensors | {"extra.weight": torch.ones(2)},
        "has the tensor extra.weight, which its network does not have",
    ),
    ("text_encoder", lambda tensors: tensors | {f"text_model.{NORM}": torch.ones(16)}, "twice"),
    (
        "unet",
        lambda tensors: tensors | {"conv_in.bias": torch.ones(9)},
        "has conv_in.bias of shape [9] and not [8]",
    ),
    (
        "vae",
        lambda tensors: tensors | {"quant_conv.weight": torch.ones(8, 8)},
        "has quant_conv.weight of shape [8, 8] and not [8, 8, 1, 1]",
    ),
    (
        "unet",
        lambda tensors: tensors | {"conv_in.bias": torch.ones(8, dtype=torch.int8)},
        "in numbers of the kind I8; take weights that are not quantized",
    ),
    ("unet", lambda tensors: {}, "lacks the tensor conv_in.weight and "),
]


@pytest.mark.parametrize(
    ("part", "change", "said"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_tensor_that_is_missing_unknown_or_misshapen(own, part, change, said):
    rewritten(own, part, change)
    refused(own, f"{part}/{weights(own, part).name}", said)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_a_number_that_is_none(own, part, number, kind):
    def change(tensors):
        name = sorted(tensors)[len(tensors) // 2]
        tensors[name].view(-1)[-1] = number
        return {key: each.to(kind) for key, each in tensors.items()}

    rewritten(own, part, change)
    name = sorted(load_file(weights(own, part)))
    said = f"has numbers in {name[len(name) // 2]} that are NaN or infinite"
    refused(own, f"{part}/{weights(own, part).name}", said)


def test_a_number_that_is_too_large_in_half_precision(own):
    rewritten(own, "unet", lambda tensors: tensors | {"conv_in.bias": torch.full((8,), 1e5)})
    assert loaded(own, dtype="bf16")
    with pytest.raises(ValueError, match="too large for float16; choose the dtype float32 or bf"):
        loaded(own, dtype="fp16")


# ---- shards -------------------------------------------------------------------------------------


@pytest.fixture
def sharded(own):
    resaved(own, "unet", max_shard_size="30KB")
    return own


INDEX = "unet/diffusion_pytorch_model.safetensors.index.json"


def test_a_shard_that_is_missing(sharded):
    file = sorted((sharded / "unet").glob("*-of-*.safetensors"))[1]
    file.unlink()
    refused(sharded, f"unet/{file.name}", "is missing; copy or download it again")


def test_an_index_that_is_missing(sharded):
    (sharded / INDEX).unlink()
    refused(sharded, INDEX, "is missing, which names the shards")


def test_a_shard_without_one_of_its_tensors(sharded):
    index = json.loads((sharded / INDEX).read_text())
    spare = index["weight_map"]["conv_in.weight"]
    index["weight_map"] = {
        name: file for name, file in index["weight_map"].items() if file != spare
    }
    (sharded / INDEX).write_text(json.dumps(index))
    refused(sharded, "unet", "lacks the tensor ")


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"conv_in.weight": "../vae/diffusion_pytorch_model.safetensors"}, "is no file beside it"),
        ({"conv_in.weight": "/etc/passwd"}, "names '/etc/passwd', which is no file beside it"),
        ({"conv_in.weight": 7}, "names '7', which is no file beside it"),
        ({"conv_in.weight": "model.bin"}, "which is no file beside it"),
        ({}, "has no weight_map"),
        ([], "has no weight_map"),
        (None, "has no weight_map"),
    ],
)
def test_an_index_of_other_files(sharded, named, said):
    edited(sharded, INDEX, weight_map=named)
    refused(sharded, INDEX, said)


def test_several_variants_and_no_plain_file(own):
    path = weights(own, "unet")
    for variant in ("ema", "non_ema"):
        path.with_suffix(f".{variant}.safetensors").write_bytes(path.read_bytes())
    path.unlink()
    refused(own, UNET, "is missing, and there are the variants ema, non_ema; leave one of them")


def test_weights_of_another_name(own):
    weights(own, "unet").rename(own / "unet" / "model.safetensors")
    refused(own, UNET, "is missing; model.safetensors is no name for it")
