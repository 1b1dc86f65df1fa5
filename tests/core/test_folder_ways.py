"""One model in the many ways in which its files lie in a folder: the same predictions."""

import json
import shutil
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file

from core.schedules import Level
from tests.core.folders import PROMPT, del_, edited, loaded, predicted, resaved, rewritten, weights

KINDS: Any = diffusers


def in_shards(folder):
    resaved(folder, "unet", max_shard_size="30KB")
    assert len(list((folder / "unet").glob("*.safetensors"))) > 2


def as_variant(variant):
    def change(folder):
        for part in ("unet", "vae", "text_encoder"):
            path = weights(folder, part)
            path.rename(path.with_suffix(f".{variant}.safetensors"))

    return change


def as_sharded_variant(folder):
    resaved(folder, "unet", max_shard_size="30KB", variant="fp16")
    assert (folder / "unet/diffusion_pytorch_model.safetensors.index.fp16.json").exists()


def as_links(folder):
    blobs = folder.parent / "blobs"
    blobs.mkdir()
    for number, file in enumerate([path for path in folder.rglob("*") if path.is_file()]):
        file.rename(blobs / str(number))
        file.symlink_to(blobs / str(number))


def with_old_names(folder):
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def change(tensors):
        for new, name in old.items():
            tensors = {key.replace(f".{new}.", f".{name}."): each for key, each in tensors.items()}
        assert any(".proj_attn." in key for key in tensors)
        return tensors

    rewritten(folder, "vae", change)


def with_places(folder):
    place = torch.arange(32)[None]
    rewritten(folder, "text_encoder", lambda t: t | {"text_model.embeddings.position_ids": place})


def without_prefix(folder):
    rewritten(
        folder,
        "text_encoder",
        lambda tensors: {key.removeprefix("text_model."): t for key, t in tensors.items()},
    )


def with_prefix(folder):
    without_prefix(folder)
    rewritten(
        folder, "text_encoder", lambda t: {f"text_model.{key}": each for key, each in t.items()}
    )


def with_mark(folder):
    for file in ("model_index.json", "unet/config.json", "scheduler/scheduler_config.json"):
        text = (folder / file).read_text("utf-8")
        (folder / file).write_text(text, "utf-8-sig")


def without_length(folder):
    edited(folder, "tokenizer/tokenizer_config.json", model_max_length=del_)


def of_two_files(folder):
    tokenizer = json.loads((folder / "tokenizer/tokenizer.json").read_text("utf-8"))["model"]
    (folder / "tokenizer/tokenizer.json").unlink()
    (folder / "tokenizer/vocab.json").write_text(json.dumps(tokenizer["vocab"]), "utf-8")
    pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in tokenizer["merges"]]
    merges = "\n".join(["#version: 0.2", *pairs])
    (folder / "tokenizer/merges.txt").write_text(merges, "utf-8")


def as_first_published(folder):
    """Stable Diffusion 1.5's own index and configs, which leave much out."""
    index = json.loads((folder / "model_index.json").read_text())
    index |= {
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "image_encoder": [None, None],
        "requires_safety_checker": True,
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    edited(folder, "scheduler/scheduler_config.json", skip_prk_steps=True, trained_betas=None)


WAYS = {
    "shards": in_shards,
    "fp16": as_variant("fp16"),
    "bf16": as_variant("bf16"),
    "ema": as_variant("non_ema"),
    "sharded variant": as_sharded_variant,
    "links": as_links,
    "old names": with_old_names,
    "places": with_places,
    "no prefix": without_prefix,
    "prefix": with_prefix,
    "byte-order marks": with_mark,
    "no length": without_length,
    "vocabulary and merges": of_two_files,
    "first published": as_first_published,
}


@pytest.mark.parametrize("way", WAYS)
def test_the_same_model_lies_in_a_folder_in_many_ways(plain, own, way):
    WAYS[way](own)
    torch.testing.assert_close(predicted(loaded(own)), predicted(loaded(plain)))


def test_weights_in_bfloat16_are_what_diffusers_makes_of_them(own):
    for part in ("unet", "vae", "text_encoder"):
        rewritten(own, part, lambda tensors: {key: t.bfloat16() for key, t in tensors.items()})
        path = weights(own, part)
        path.rename(path.with_suffix(".bf16.safetensors"))
    model = loaded(own, dtype="fp32")
    pipeline = KINDS.StableDiffusionPipeline.from_pretrained(own, variant="bf16")
    for name, tensor in pipeline.unet.state_dict().items():
        assert torch.equal(model.unet.state_dict()[name], tensor)
    level = Level(500.0, 0.6, 0.8)
    x, text = model.noise(1), model.embed(PROMPT)
    with torch.no_grad():
        theirs = pipeline.unet(x, 500.0, text, return_dict=False)[0]
    torch.testing.assert_close(model.denoiser(PROMPT)(x, level).eps, theirs)


def test_a_plain_file_is_taken_before_its_variants(own):
    path = weights(own, "unet")
    shutil.copy(path, path.with_suffix(".fp16.safetensors"))
    expected = load_file(path)["conv_in.bias"]
    rewritten(own, "unet", lambda tensors: tensors | {"conv_in.bias": expected + 1})
    assert torch.equal(loaded(own).unet.conv_in.bias, expected + 1)
