"""The shipped text-to-image model: diffusers loads it, and its pictures are the same."""

from typing import Any

import pytest
import torch

from core.models import MODELS, LatentModel
from core.models import load as load_any
from core.paths import ROOT
from core.samplers import SAMPLERS, seeded
from core.training.emoji import shipped_emoji
from core.training.tokenizer import token_ids

FOLDER = ROOT / "assets/models/emoji"
PROMPT = "dog face on a blue background"


def load(name="emoji", **where) -> LatentModel:
    model = load_any(name, **where)
    assert isinstance(model, LatentModel)
    return model


def ours(model, steps=20, guidance=3.0, seed=1):
    levels = model.schedule.levels(steps)
    noise = seeded(seed, 1)
    denoise = model.denoiser(PROMPT, guidance=guidance)
    *_, last = SAMPLERS["ddim"](denoise, model.start(noise, levels[0]), levels, noise=noise)
    return model.pixels(last.x_next)


def theirs(latents, steps=20, guidance=3.0):
    from diffusers import StableDiffusionPipeline

    pipeline: Any = StableDiffusionPipeline.from_pretrained(FOLDER)
    pipeline.set_progress_bar_config(disable=True)
    run = {"num_inference_steps": steps, "guidance_scale": guidance, "latents": latents}
    return pipeline(PROMPT, output_type="pt", **run).images


@pytest.mark.slow
def test_diffusers_pipeline_draws_the_same_picture():
    model = load("emoji", device="cpu")
    assert (ours(model) - theirs(model.noise(1))).abs().max() < 2 / 255


def test_training_can_go_on_from_the_shipped_weights():
    network, model = shipped_emoji(), load("emoji", device="cpu")
    x, t = model.noise(0), torch.tensor([500])
    ids = token_ids(model.tokenizer, [PROMPT])
    with torch.no_grad():
        answers = network(x, t, ids), model.forward(x, 500.0, model.embed(PROMPT))
    torch.testing.assert_close(*answers, atol=1e-4, rtol=1e-4)


def test_the_card_tells_the_size():
    model = load("emoji", device="cpu")
    parts = (model.vae, model.unet, model.text_encoder)
    assert sum(p.numel() for part in parts for p in part.parameters()) == MODELS["emoji"].size
    files = [file for file in FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 35e6
    assert max(file.stat().st_size for file in files) < 9.5e6


def test_a_picture_survives_the_vae_and_the_preview_shows_it():
    from core.data.emoji import Scene
    from core.images import from_pil
    from core.metrics import psnr

    model = load("emoji", device="cpu")
    names = ("dog face", "rocket", "pizza", "guitar", "cactus", "castle", "rose", "taxi")
    pictures = [Scene(name, background="blue").picture() for name in names]
    x, pixels = model.encode(pictures), from_pil(pictures, "RGB")
    ways = (model.pixels(x), model.preview_pixels(x))
    full, quick = (sum(map(psnr, way, pixels)) / len(names) for way in ways)
    assert full > 28 and 18 < quick < full - 3


@pytest.mark.slow
def test_the_preview_costs_less_than_a_tenth_of_a_step_in_multiplications():
    model = load("emoji", device="cpu")
    from torch.utils.flop_counter import FlopCounterMode

    def flops(call):
        with FlopCounterMode(display=False) as counter:
            call()
        return counter.get_total_flops()

    x, level = model.noise(0), model.schedule.levels(4)[1]
    step = flops(lambda: model.denoiser(PROMPT, guidance=3.0)(x, level))
    assert flops(lambda: model.preview_pixels(x)) < 0.01 * step


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_the_gpu_draws_the_same_picture(dtype):
    gpu = load("emoji", device="cuda", dtype=dtype)
    difference = (ours(gpu).cpu() - ours(load("emoji", device="cpu"))).abs().mean()
    assert difference < (1 / 255 if dtype == "fp32" else 8 / 255)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize("name", ["digits", "emoji"])
def test_inversion_and_editing_on_the_gpu(name):
    from core.inversion import INVERSIONS, finish

    model = load_any(name, device="cuda")
    x0 = model.start(seeded(0, 1), model.schedule.levels(10)[-2])
    inversion = finish(INVERSIONS["ddim"].invert(model, x0, "", steps=5))
    edited = finish(INVERSIONS["ddim"].edit(inversion, "7", guidance=2.0))
    assert edited.device.type == "cuda" and edited.isfinite().all()
