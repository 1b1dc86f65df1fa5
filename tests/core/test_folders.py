"""Folders of models from elsewhere: what runs, as in diffusers, and what is refused, and why."""

import shutil
from typing import Any

import diffusers
import pytest
import torch
from PIL import Image
from transformers import CLIPTokenizer

from core.bridge import BRIDGED
from core.models import MODELS, add_folder, load
from core.models.attention import attention_maps
from core.networks import waves
from core.samplers import SAMPLERS, seeded
from tests.core.folders import (
    PROMPT,
    copied,
    del_,
    edited,
    loaded,
    predicted,
    rewritten,
    small,
    weights,
)

KINDS: Any = diffusers


def said_of(folder):
    """The sentence by which a folder is refused."""
    with pytest.raises(ValueError) as caught:
        loaded(folder)
    said = str(caught.value)
    assert str(folder) in said and said.count(". ") == 0
    return said


# ---- what kind of model it is -------------------------------------------------------------------

UNETS = {
    "addition_embed_type": ("text_time", "Stable Diffusion XL"),
    "class_embed_type": ("timestep", "told a class"),
    "num_class_embeds": (1000, "told a class"),
    "encoder_hid_dim_type": ("image_proj", "shown a picture"),
    "attention_type": ("gated", "GLIGEN"),
    "dual_cross_attention": (True, "a text and a picture"),
    "in_channels": (9, "an inpainting model"),
    "out_channels": (8, "predicts more than the noise"),
    "down_block_types": (["DownBlock2D", "AttnDownBlock2D"], "known are CrossAttnDownBlock2D"),
    "up_block_types": (["SimpleCrossAttnUpBlock2D", "UpBlock2D"], "known are CrossAttnUpBlock2D"),
    "mid_block_type": ("UNetMidBlock2DSimpleCrossAttn", "known are UNetMidBlock2DCrossAttn"),
    "cross_attention_dim": (768, "768 does not fit the text encoder, whose hidden_size is 16"),
    "time_cond_proj_dim": (1, "time_cond_proj_dim must be a whole number from 4 on"),
    "sample_size": (None, "sample_size must be the side of its latents"),
    "layers_per_block": (10**9, "layers_per_block must be in 0..100"),
}


@pytest.mark.parametrize("field", UNETS)
def test_another_kind_of_unet_is_named(own, field):
    value, kind = UNETS[field]
    said = said_of(edited(own, "unet/config.json", **{field: value}))
    assert f"unet/config.json: {field}" in said and kind in said


@pytest.mark.parametrize(
    ("channels", "kind"),
    [
        (9, "also needs a mask"),
        (8, "also needs a picture"),
        (7, "also needs a small picture"),
        (5, "also needs a map of depths"),
        (3, "another kind"),
        ("4", "no number"),
    ],
)
def test_the_number_of_channels_tells_the_kind(own, channels, kind):
    said = said_of(edited(own, "unet/config.json", in_channels=channels))
    assert f"in_channels is {channels!r} where the VAE's latents have 4" in said and kind in said


@pytest.mark.parametrize(
    "size", ["64", 0, -8, 1e3, True, [8], [8, 0], [8, 8, 8], ["8", 8], {}, 10**6, None, del_]
)
def test_a_size_that_is_none_is_refused(own, size):
    assert "such as [64, 96]" in said_of(edited(own, "unet/config.json", sample_size=size))


def test_a_unet_of_which_no_block_reads_text_is_refused(own):
    blocks = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2}
    edited(own, "unet/config.json", mid_block_type="UNetMidBlock2D", **blocks)
    assert "no block of down_block_types reads the text" in said_of(own)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"latent_channels": 16}, "in_channels is 4 where the VAE's latents have 16"),
        ({"latent_channels": None}, "latent_channels must be"),
        ({"scaling_factor": None}, "scaling_factor must be a number above 0"),
        ({"scaling_factor": 0}, "scaling_factor must be a number above 0"),
        ({"scaling_factor": float("nan")}, "scaling_factor must be a number above 0"),
        ({"shift_factor": "0.1"}, "shift_factor must be a number or null"),
        ({"latents_mean": [0.0] * 4}, "latents_mean is given"),
        ({"in_channels": 4}, "in_channels must be 3"),
    ],
)
def test_a_vae_that_does_not_fit_is_refused(own, change, kind):
    said = said_of(edited(own, "vae/config.json", **change))
    assert kind in said and "/config.json: " in said


PARTS = [
    ({"transformer": ["diffusers", "SD3Transformer2DModel"], "unet": del_}, "a transformer"),
    ({"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"]}, "two text encoders"),
    ({"controlnet": ["diffusers", "ControlNetModel"]}, "a ControlNet"),
    ({"prior": ["diffusers", "PriorTransformer"]}, "two stages with a prior"),
    ({"movq": ["diffusers", "VQModel"], "vae": del_}, "Kandinsky"),
    ({"vocoder": ["transformers", "SpeechT5HifiGan"]}, "AudioLDM"),
    ({"motion_adapter": ["diffusers", "MotionAdapter"]}, "videos"),
    ({"low_res_scheduler": ["diffusers", "DDPMScheduler"]}, "upscaling"),
    ({"image_normalizer": ["stable_diffusion", "StableUnCLIPImageNormalizer"]}, "unCLIP"),
    ({"something": ["diffusers", "NewThing"]}, "a part something (NewThing): it is a model of"),
    ({"text_encoder": ["transformers", "T5EncoderModel"]}, "DeepFloyd IF"),
    ({"text_encoder": ["transformers", "ClapTextModelWithProjection"]}, "AudioLDM"),
    ({"unet": ["diffusers", "UNet3DConditionModel"]}, "videos"),
    ({"vae": ["diffusers", "AutoencoderTiny"]}, "a model here needs diffusers's AutoencoderKL"),
    ({"tokenizer": [None, None]}, "has no tokenizer"),
    ({"text_encoder": del_, "tokenizer": del_}, "has no text_encoder"),
    ({"unet": ["diffusers", "UNet2DModel"], "vae": del_, "text_encoder": del_}, "needs diffusers"),
    ({"unet": ["diffusers", 7]}, "has no unet"),
    ({"unet": ["diffusers"]}, "has no unet"),
    ({"unet": "UNet2DConditionModel"}, "has no unet"),
]


@pytest.mark.parametrize(("change", "kind"), PARTS, ids=lambda value: str(value)[:30])
def test_parts_tell_the_kind(own, change, kind):
    assert kind in said_of(edited(own, "model_index.json", **change))


def test_a_token_that_the_text_encoder_does_not_know_is_refused(own):
    tokens: Any = CLIPTokenizer.from_pretrained(own / "tokenizer")
    tokens.add_tokens(["zyzzyva"])
    tokens.save_pretrained(own / "tokenizer")
    model = loaded(own)
    assert predicted(model).isfinite().all()
    said = f"of own knows {len(tokens) - 1} tokens, and its tokenizer has more"
    with pytest.raises(ValueError, match=said):
        model.denoiser("dog zyzzyva")


# ---- where it is --------------------------------------------------------------------------------


def test_what_is_no_folder_in_the_format_is_told_what_it_is(plain, tmp_path):
    (tmp_path / "model.ckpt").write_bytes(b"x")
    (tmp_path / "note.txt").write_bytes(b"x")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "single").mkdir()
    (tmp_path / "single" / "v1-5-pruned.safetensors").write_bytes(b"x")
    (tmp_path / "lora").mkdir()
    (tmp_path / "lora" / "pytorch_lora_weights.safetensors").write_bytes(b"x")
    copied(plain, tmp_path / "outer" / "inner")
    copied(plain, tmp_path / "models--a--b" / "snapshots" / "0123")
    copied(plain / "unet", tmp_path / "lone")
    for asked, said in (
        (tmp_path / "model.ckpt", "a checkpoint in a single file; convert the checkpoint"),
        (tmp_path / "note.txt", "there is no folder"),
        (tmp_path / "none", "there is no folder"),
        ("", r"there is no folder \(empty\)"),
        ("stabilityai/sd-turbo", "fetch a model of the hub first, with: hf download"),
        ("a\0b", "is no name of a folder"),
        ("~nobody-of-this-name/model", "is no name of a folder"),
        ("x" * 5000, "is no name of a folder"),
        (tmp_path / "nothing", "it has no model_index.json; give a folder that"),
        (tmp_path / "single", "no model_index.json; convert the checkpoint"),
        (tmp_path / "lora", "no model_index.json; it is a LoRA"),
        (tmp_path / "outer", "lies deeper in it, give .*/outer/inner"),
        (tmp_path / "models--a--b", "lies deeper in it, give .*/snapshots/0123"),
        (tmp_path / "outer" / "inner" / "vae", "it is one part of a model"),
        (tmp_path / "lone", "it is a single network"),
    ):
        with pytest.raises(ValueError, match=said):
            add_folder(asked)


def test_a_learner_is_not_told_where_the_folder_is(own, plain):
    name = add_folder(own)
    try:
        weights(own, "unet").write_bytes(b"")
        with pytest.raises(ValueError) as caught:
            load(name)
        file = "unet/diffusion_pytorch_model.safetensors"
        assert str(caught.value) == f"own/{file} is empty; copy or download it again"
        shutil.rmtree(own / "unet")
        with pytest.raises(ValueError, match=r"^own/unet/config.json is missing"):
            load(name)
    finally:
        del MODELS[name]


# ---- what runs ----------------------------------------------------------------------------------


def test_the_smallest_folder_runs(plain):
    assert predicted(loaded(plain)).isfinite().all()


@pytest.mark.parametrize("size", [[8, 16], [16, 8], [12, 20]])
def test_pictures_that_are_not_square(tmp_path, size):
    folder = small(tmp_path / "wide", sample_size=size)
    model, (height, width) = loaded(folder), size
    assert model.shape == (4, height, width) and model.sides == (2 * height, 2 * width)
    levels = model.schedule.levels(4, "leading")
    denoise = model.denoiser(PROMPT, guidance=3.0)
    *_, last = SAMPLERS["ddim"](denoise, model.start(seeded(5, 1), levels[0]), levels)
    pipeline = KINDS.StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        PROMPT, num_inference_steps=4, guidance_scale=3.0, latents=model.noise(5), output_type="pt"
    ).images
    assert theirs.shape == (1, 3, *model.sides)
    assert (model.pixels(last.x_next) - theirs).abs().max() < 2 / 255
    picture = Image.new("RGB", model.sides[::-1], "red")
    assert model.encode(picture).shape == (1, *model.shape)
    assert model.decode(last.x_next)[0].size == model.sides[::-1]
    with pytest.raises(ValueError, match=f"{2 * width} x {2 * height} pixels"):
        model.encode(Image.new("RGB", model.sides))
    record: list[Any] = []
    model.denoiser(PROMPT, record=record)(model.noise(1), levels[1])
    maps = attention_maps(record, range(32), model.shape[1:])
    torch.testing.assert_close(maps, torch.ones(1, height, width))


@pytest.fixture(scope="module")
def consistency(tmp_path_factory):
    """A latent consistency model with random weights."""
    scheduler = KINDS.LCMScheduler(steps_offset=1)
    folder = tmp_path_factory.mktemp("lcm") / "lcm"
    small(folder, scheduler, time_cond_proj_dim=7)
    edited(folder, "model_index.json", _class_name="LatentConsistencyModelPipeline")
    torch.manual_seed(1)  # as it is built, it does not hear of the guidance
    return rewritten(folder, "unet", heard)


def heard(tensors):
    name = "time_embedding.cond_proj.weight"
    return tensors | {name: torch.randn(tensors[name].shape)}


@pytest.mark.parametrize("size", [4, 7, 256])
@pytest.mark.parametrize("w", [-1.0, 0.0, 0.5, 7.5])
def test_the_embedding_of_the_guidance_is_that_of_diffusers(w, size):
    pipeline = KINDS.LatentConsistencyModelPipeline
    theirs = pipeline.get_guidance_scale_embedding(None, torch.tensor([w]), size)
    torch.testing.assert_close(waves(torch.tensor([1000 * w]), size), theirs, rtol=0, atol=2e-4)


@pytest.mark.parametrize("guidance", [1.0, 3.0, 8.5])
def test_a_consistency_model_draws_as_in_diffusers(consistency, guidance):
    model = loaded(consistency)
    pipeline = KINDS.LatentConsistencyModelPipeline.from_pretrained(consistency)
    pipeline.set_progress_bar_config(disable=True)
    images = [seeded(5, 1)]
    draws: list[Any] = []

    def drawn(like):
        draws.append(images[0](like))
        return draws[-1]

    levels = model.schedule.levels(5)
    start = model.start(drawn, levels[0])
    denoise = model.denoiser(PROMPT, guidance=guidance)
    assert denoise.cost == 1
    *_, last = BRIDGED["lcm"](denoise, start, levels, noise=drawn)
    replayed = iter(draws[1:])
    with pytest.MonkeyPatch.context() as patch:
        module = "diffusers.schedulers.scheduling_lcm.randn_tensor"
        patch.setattr(module, lambda *shape, **named: next(replayed))
        theirs = pipeline(
            PROMPT,
            num_inference_steps=5,
            guidance_scale=guidance,
            latents=draws[0],
            output_type="pt",
        ).images
    assert (model.pixels(last.x_next) - theirs).abs().max() < 2 / 255


def test_a_consistency_model_is_told_the_guidance_and_has_no_second_branch(consistency):
    name = add_folder(consistency)
    try:
        assert MODELS[name].told and not MODELS["emoji"].told
        model: Any = load(name)
    finally:
        del MODELS[name]
    low, high = (predicted(model, guidance) for guidance in (1.0, 8.0))
    assert (low - high).abs().max() > 1e-3
    with pytest.raises(ValueError, match="is told the guidance and has no second branch"):
        model.denoiser(PROMPT, negative="cat", guidance=3.0)
