"""Small pipelines with random weights in folders, and ways to change or break them."""

import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.models import MODELS, add_folder, load
from core.training.tokenizer import tokenizer

WEIGHTS = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


def letters():
    """A CLIPTokenizer that knows the letters and no word: it is read in no time."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{each}</w>" for each in alphabet)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=32)


def small(folder, scheduler=None, levels=2, tokens: Any = None, **unet: Any):
    """The smallest pipeline in Stable Diffusion's layout; `unet` are options of its U-Net.

    `levels` is 1 or 2: the sizes of picture that the U-Net and the VAE work on. `tokens` is its
    tokenizer, None that of the model emoji.
    """
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    kinds, tokens = diffusers, tokens or tokenizer()
    text = CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
        pad_token_id=tokens.pad_token_id,
    )
    options = {
        "sample_size": 8,
        "block_out_channels": (8, 16)[:levels],
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D")[:levels],
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D")[-levels:],
        "cross_attention_dim": 16,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
    }
    vae: Any = kinds.AutoencoderKL(
        block_out_channels=(8,) * levels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        norm_num_groups=4,
        scaling_factor=0.7,
    )
    pipeline: Any = kinds.StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokens,
        unet=kinds.UNet2DConditionModel(**{**options, **unet}),
        scheduler=scheduler or kinds.DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return Path(folder)


def resaved(folder, part, **named: Any):
    """The weights of a part saved once more, in another way."""
    import diffusers

    kinds: Any = diffusers
    kind = {"vae": kinds.AutoencoderKL, "unet": kinds.UNet2DConditionModel}[part]
    network = kind.from_pretrained(folder / part)
    weights(folder, part).unlink()
    network.save_pretrained(folder / part, **named)


def copied(folder, target):
    """A folder of its own, whose files may be changed."""
    return Path(shutil.copytree(folder, target))


def edited(folder, file, **changes):
    """Change keys of a JSON file; None stands for null, `del_` for no such key."""
    path = Path(folder) / file
    config = json.loads(path.read_text("utf-8")) | changes
    kept = {key: value for key, value in config.items() if value is not del_}
    path.write_text(json.dumps(kept), "utf-8")
    return folder


def weights(folder, part):
    """The file of a part's weights."""
    return Path(folder) / part / WEIGHTS[part]


def rewritten(folder, part, change):
    """Save the weights of a part again as `change` makes them."""
    path = weights(folder, part)
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    save_file(change(tensors), path, metadata={"format": "pt"})
    return folder


def cut(path, share=0.5):
    """Leave the first part of a file."""
    os.truncate(path, int(path.stat().st_size * share))


def loaded(folder, **named) -> Any:
    """Add a folder to the models, load it and forget it again."""
    name = add_folder(folder)
    try:
        return load(name, **named)
    finally:
        del MODELS[name]


def header_of(path):
    """The header of a safetensors file and the bytes behind it."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


del_ = object()


def refused(folder, file, said):
    """The folder is refused by a sentence that names it and the file."""
    with pytest.raises(ValueError) as caught:
        loaded(folder)
    assert f"{folder.name}/{file} " in f"{caught.value} " or f"/{file}:" in str(caught.value)
    assert said in str(caught.value), str(caught.value)


PROMPT = "dog face"


def predicted(model, guidance=1.0, prompt=PROMPT, seed=1):
    level = model.schedule.levels(4)[1]
    return model.denoiser(prompt, guidance=guidance)(model.noise(seed), level).eps
