"""Latent models: folders in Stable Diffusion's format, matched with diffusers' own pipeline."""

from typing import Any

import pytest
import torch
from PIL import Image

from core.inversion import INVERSIONS, finish
from core.models import MODELS, PREFERRED, LatentModel, ModelCard, load, prefer
from core.models.attention import attention_maps
from core.samplers import SAMPLERS, seeded
from tests.core.conftest import LAYOUTS


def sampled(model, spacing, steps=8, guidance=3.0, prompt="dog face", seed=5):
    levels = model.schedule.levels(steps, spacing)
    noise = seeded(seed, 1)
    denoise = model.denoiser(prompt, guidance=guidance)
    *_, last = SAMPLERS["ddim"](denoise, model.start(noise, levels[0]), levels, noise=noise)
    return last


def pipeline_of(folder, steps=8, guidance=3.0, prompt="dog face", latents=None):
    from diffusers import StableDiffusionPipeline

    pipeline: Any = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    run = {"num_inference_steps": steps, "guidance_scale": guidance, "latents": latents}
    return pipeline(prompt, output_type="pt", **run).images


def test_the_picture_is_that_of_diffusers_pipeline(layout):
    name, model, folder = layout
    spacing = LAYOUTS[name][0]["timestep_spacing"]
    last = sampled(model, spacing)
    theirs = pipeline_of(folder, latents=model.noise(5))
    assert last.x_next.isfinite().all()
    assert (model.pixels(last.x_next) - theirs).abs().max() < 2 / 255


def test_shapes_and_what_is_read_from_the_configs(layout):
    name, model, _ = layout
    assert model.shape == (4, 8, 8) and model.size == 16 and model.scaling == 0.7
    assert model.kind == LAYOUTS[name][0]["prediction_type"]
    assert model.schedule.offset == 1
    assert (model.schedule.final.sigma == 0) == (name == "zero")
    assert (model.schedule.alpha[-1] == 0) == (name == "zero")


def test_encode_decode_preview(layout):
    _, model, _ = layout
    x = model.encode(Image.new("RGB", (16, 16), "red"))
    assert x.shape == (1, 4, 8, 8)
    assert model.pixels(x).shape == (1, 3, 16, 16)
    assert model.decode(x)[0].size == (16, 16)
    assert model.preview(torch.cat([x, x]))[1].size == (8, 8)
    with pytest.raises(ValueError, match="16 x 16 pixels"):
        model.encode(Image.new("RGB", (17, 16)))


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A decoder with random weights in TAESD's layout, its card, and "taesd" chosen."""
    import diffusers

    torch.manual_seed(0)
    kinds: Any = diffusers
    channels = (16, 16)
    tiny = kinds.AutoencoderTiny(
        encoder_block_out_channels=channels,
        decoder_block_out_channels=channels,
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )
    tiny.save_pretrained(tmp_path / "tiny")
    monkeypatch.setitem(PREFERRED, "preview", "taesd")
    return tiny, ModelCard("tiny", "tiny", str(tmp_path / "tiny"), "tiny", "MIT", 0)


def test_previews_by_the_tiny_decoder(folders, tiny, monkeypatch):
    decoder, card = tiny
    own = ModelCard("small", "", str(folders["sd1"]), "latent", "", 0, space="latents", tiny=card)
    monkeypatch.setitem(MODELS, "small", own)
    model: Any = load("small", device="cpu")
    x = model.noise(0)
    with torch.no_grad():
        expected = (decoder.decode(x).sample / 2 + 0.5).clamp(0, 1)
    assert expected.shape == (1, 3, 16, 16) and expected.std() > 0.01
    torch.testing.assert_close(model.preview_pixels(x), expected)
    assert not torch.equal(model.preview_pixels(x), model.pixels(x))
    with pytest.raises(ValueError, match="one of linear, taesd"):
        prefer(preview="nice")


@pytest.mark.parametrize("method", INVERSIONS)
def test_inversion_and_edit_run(layout, method):
    name, model, _ = layout
    x0 = model.encode(Image.new("RGB", (16, 16), "blue"))
    if (name, method) == ("zero", "belm"):
        with pytest.raises(ValueError, match="divides by alpha, which is 0"):
            next(INVERSIONS[method].invert(model, x0, "dog face", steps=4))
        return
    inversion = finish(INVERSIONS[method].invert(model, x0, "dog face", steps=4))
    edited = finish(INVERSIONS[method].edit(inversion, "cat face", guidance=3.0, strength=0.5))
    assert edited.shape == x0.shape and edited.isfinite().all()


def test_the_guided_call_is_one_call(layout):
    _, model, _ = layout
    seen, inner = [], model.unet.forward
    model.unet.forward = lambda x, *rest, **named: seen.append(len(x)) or inner(x, *rest, **named)
    try:
        sampled(model, "trailing", steps=3)
    finally:
        model.unet.forward = inner
    assert seen == [2, 2, 2]


def test_negative_prompt_takes_the_place_of_the_empty_one(layout):
    _, model, _ = layout
    level = model.schedule.levels(4)[1]
    x = model.noise(1)
    plain = model.denoiser("dog face", guidance=2.0)(x, level).eps
    same = model.denoiser("dog face", "dog face", guidance=2.0)(x, level).eps
    torch.testing.assert_close(same, model.denoiser("dog face")(x, level).eps)
    assert not torch.allclose(plain, same)


def test_half_precision_gives_nearly_the_same_prediction(layout):
    _, model, _ = layout
    half = load(model.card.name, dtype="bf16")
    level = model.schedule.levels(4)[1]
    x = model.noise(1)
    ours, theirs = (m.denoiser("dog face")(x, level).eps for m in (model, half))
    assert theirs.dtype == torch.float32
    assert (ours - theirs).abs().max() < 0.1 * ours.abs().max()


def test_offloading_gives_the_same_prediction(layout, monkeypatch):
    _, model, folder = layout
    monkeypatch.setattr("core.models.latent.room", lambda device: 0)
    lent = LatentModel(model.card, folder, "cpu", torch.float32)
    level, x = model.schedule.levels(4)[1], model.noise(1)
    predictions = [m.denoiser("dog face", guidance=2.0)(x, level).eps for m in (model, lent)]
    torch.testing.assert_close(*predictions)
    torch.testing.assert_close(lent.pixels(x), model.pixels(x))
    assert next(lent.unet.parameters()).device.type == "meta"


# ---- attention ----------------------------------------------------------------------------------


def test_attention_is_that_of_diffusers(layout):
    from diffusers.models.attention_processor import AttnProcessor2_0

    _, model, folder = layout
    theirs = LatentModel(model.card, folder, "cpu", torch.float32)
    theirs.unet.set_attn_processor(AttnProcessor2_0())
    level, x = model.schedule.levels(4)[1], model.noise(1)
    predictions = [m.denoiser("dog face")(x, level).eps for m in (model, theirs)]
    torch.testing.assert_close(*predictions)


def test_recorded_attention_sums_to_one_and_changes_nothing(layout):
    _, model, _ = layout
    level, x = model.schedule.levels(4)[1], model.noise(1)
    record = []
    seen = model.denoiser("dog face", guidance=2.0, record=record)(x, level).eps
    torch.testing.assert_close(seen, model.denoiser("dog face", guidance=2.0)(x, level).eps)
    everything = attention_maps(record, range(32))
    assert everything.shape == (2, 8, 8)
    torch.testing.assert_close(everything, torch.ones(2, 8, 8))
    with pytest.raises(ValueError, match="no cross attention was recorded"):
        attention_maps([], [0])


def test_words_have_the_places_of_their_tokens(layout):
    _, model, _ = layout
    *known, (word, places) = model.words("Dog face, zyzzyva")
    assert known == [("Dog", [1]), ("face", [2]), (",", [3])]
    assert word == "zyzzyva" and places == list(range(4, 4 + len(places)))
    assert [word for word, _ in model.words("红色的狗脸")] == ["红色", "的", "狗脸"]


def test_models_are_latent_models(layout):
    assert isinstance(layout[1], LatentModel)
