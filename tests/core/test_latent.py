"""Latent models: folders in Stable Diffusion's format, matched with diffusers' own pipeline."""

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from core.inversion import INVERSIONS, finish
from core.models import MODELS, SD, LatentModel, ModelCard, add_folder, hub, load
from core.models.attention import attention_maps
from core.samplers import SAMPLERS, seeded
from core.training.emoji import tokenizer

SD1 = {
    "prediction_type": "epsilon",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "clip_sample": False,
    "timestep_spacing": "leading",
}
SD2 = {**SD1, "prediction_type": "v_prediction"}
ZERO = {
    **SD2,
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "set_alpha_to_one": True,
}
LAYOUTS = {"sd1": (SD1, 32), "sd2": (SD2, 48), "zero": (ZERO, 48)}


def built(folder, scheduler, width):
    """A pipeline with random weights in Stable Diffusion's layout, saved to a folder."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    kinds: Any = diffusers
    tokens = tokenizer()
    text = CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=32,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
        pad_token_id=tokens.pad_token_id,
    )
    second = width == 48
    unet = kinds.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width,
        attention_head_dim=[2, 4] if second else 4,
        use_linear_projection=second,
    )
    vae = kinds.AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=8,
        sample_size=16,
        scaling_factor=0.7,
    )
    kinds.StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokens,
        unet=unet,
        scheduler=kinds.DDIMScheduler(**scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    return {
        name: built(tmp_path_factory.mktemp("models") / name, *layout)
        for name, layout in LAYOUTS.items()
    }


@pytest.fixture(params=LAYOUTS)
def layout(request, folders):
    name = add_folder(folders[request.param])
    yield request.param, load(name), folders[request.param]
    del MODELS[name]


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


@pytest.mark.parametrize("method", INVERSIONS)
def test_inversion_and_edit_run(layout, method):
    _, model, _ = layout
    x0 = model.encode(Image.new("RGB", (16, 16), "blue"))
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


# ---- what is refused ----------------------------------------------------------------------------


def changed(folder, tmp_path, change):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    change(copy)
    return copy


def only_pickles(folder):
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))


def with_code(folder):
    (folder / "unet" / "modeling.py").write_text("raise SystemExit")


def foreign_class(folder):
    index = json.loads((folder / "model_index.json").read_text())
    index["unet"] = ["modeling", "MyUNet"]
    (folder / "model_index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (only_pickles, "pickled weights can run code"),
        (with_code, "code of its own"),
        (foreign_class, "has MyUNet unet; a model here needs diffusers's UNet2DConditionModel"),
        (lambda folder: (folder / "model_index.json").unlink(), "no model_index.json"),
    ],
)
def test_unsafe_folders_are_refused(folders, tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        add_folder(changed(folders["sd1"], tmp_path, change))


def test_a_folder_called_like_a_model_is_refused(folders, tmp_path):
    copy = tmp_path / "digits"
    shutil.copytree(folders["sd1"], copy)
    with pytest.raises(ValueError, match="already a model called digits"):
        add_folder(copy)


# ---- the hub, mocked at its border --------------------------------------------------------------


def answers(outcome):
    """A snapshot_download that has nothing yet and then raises, or gives, this."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    def snapshot_download(source, *, local_files_only=False, **wanted):
        if local_files_only:
            raise LocalEntryNotFoundError("nothing here")
        assert wanted["revision"] == "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"
        assert not any(
            "bin" in p or p.endswith((".py", ".ckpt")) for p in wanted["allow_patterns"]
        )
        if isinstance(outcome, Exception):
            raise outcome
        bar = wanted["tqdm_class"](total=2_000_000_000, unit="B", disable=False)
        for _ in range(4):
            bar.update(500_000_000)
        bar.close()
        return str(outcome)

    return snapshot_download


def http_error(kind):
    import httpx

    request = httpx.Request("GET", "https://huggingface.co")
    return kind("no", response=httpx.Response(403, request=request))


def troubles():
    from huggingface_hub import errors

    return [
        (http_error(errors.GatedRepoError), "terms to be accepted"),
        (http_error(errors.RepositoryNotFoundError), "the hub has no stable-diffusion"),
        (errors.LocalEntryNotFoundError("offline"), "cannot be reached"),
        (ConnectionError("no route"), "cannot be reached"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (torch.OutOfMemoryError("CUDA out of memory"), "does not fit into the memory"),
    ]


@pytest.mark.parametrize(("trouble", "said"), troubles(), ids=lambda value: str(value)[:20])
def test_troubles_with_the_hub_are_one_sentence(monkeypatch, trouble, said):
    monkeypatch.setattr("huggingface_hub.snapshot_download", answers(trouble))
    with pytest.raises(ValueError, match=said):
        load(SD, device="cpu")
    assert load("exact")


def test_a_model_from_the_hub_reports_its_download(monkeypatch, folders, capsys):
    said = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", answers(folders["sd1"]))
    folder = hub.fetched(MODELS[SD], said.append)
    capsys.readouterr()
    assert folder == folders["sd1"]
    shares = [each.rsplit(": ")[1] for each in said]
    assert shares == [f"{percent} % of 2.0 GB" for percent in (20, 50, 70, 100)]


def test_cards_of_the_hub_are_pinned():
    for card in MODELS.values():
        assert isinstance(card, ModelCard)
        if not Path(card.source).is_absolute() and "assets" not in card.source:
            assert len(card.revision) == 40


def test_models_are_latent_models(layout):
    assert isinstance(layout[1], LatentModel)
