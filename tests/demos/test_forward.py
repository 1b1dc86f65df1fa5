"""The noise tab: one picture on its way to noise, on pixels and on latents."""

import base64
import inspect
import io
import math
import re
from typing import Any

import gradio as gr
import pytest
import torch
from PIL import Image

from core.data.captions import EXAMPLES, parse
from core.images import from_pil
from core.metrics import psnr
from core.models import load
from core.samplers import seeded
from core.schedules import CLEAN
from demos import forward, widgets
from demos.forward import EQUATION, GUESS, noise, walk

CAPTION = "pink elephant"


def last(run):
    *_, message = run
    return message


def image_of(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")


def pixels_of(uri):
    return from_pil(image_of(uri), "RGB")


def fact(frame, name):
    return dict(frame["facts"])[name]


def upload(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return {"url": f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"}


@pytest.fixture(scope="module")
def scene():
    return last(noise(model="emoji", source="scene", caption=CAPTION, frames=4))


# ---- digits: as they were -----------------------------------------------------------------------


def test_digits_show_the_equation_and_a_guess():
    *streamed, message = noise(frames=4)
    assert streamed and streamed[0]["frames"][0]["i"] == 0
    assert [panel["title"] for panel in message["panels"]] == [p.title for p in EQUATION + GUESS]
    assert [len(frame["pictures"]) for frame in message["frames"]] == [5] * 4
    assert message["frames"][0]["text"].startswith("At the clean end, 0 %")
    assert fact(message["frames"][0], "one-step PSNR") == "∞ dB"


def test_a_photo_has_no_guess_of_a_digit_model():
    photo = upload(Image.radial_gradient("L"))
    message = last(noise(source="upload", picture=photo, fit="photo", frames=2))
    assert len(message["panels"]) == 3
    assert image_of(message["frames"][0]["pictures"][0]).size == (96, 96)


@pytest.mark.parametrize("process", forward.PROCESSES)
def test_both_processes_have_the_spread_of_the_level(process):
    levels = load("digits").schedule.levels(5)[::-1]
    x0 = torch.zeros(1, 1, 200, 200)
    for level, x in zip(levels, walk(levels, x0, process, seeded(0, 1)), strict=True):
        assert x.std().item() == pytest.approx(level.sigma, rel=0.02)


# ---- emoji: pixel space and latent space --------------------------------------------------------


def test_a_scene_is_noised_in_pixel_space_and_in_latent_space(scene):
    titles = [panel["title"] for panel in scene["panels"]]
    assert titles[:2] == ["noise in pixel space", "noise in latent space, decoded"]
    assert "4 latent channels" in titles[2]
    for frame in scene["frames"]:
        sizes = [image_of(uri).size for uri in frame["pictures"]]
        assert sizes == [(64, 64), (64, 64), (32, 32), (64, 64), (64, 64)]
        assert frame["approx"] == []


def test_the_clean_end_is_the_round_trip_of_the_vae(scene):
    picture, model = parse(CAPTION).picture(), load("emoji")
    frame = scene["frames"][0]
    kept = psnr(model.pixels(model.encode([picture])), from_pil(picture, "RGB"))
    x, decoded, _, guess, _ = frame["pictures"]
    assert image_of(x).tobytes() == picture.tobytes()
    assert decoded == guess
    assert psnr(pixels_of(decoded), from_pil(picture, "RGB")) == pytest.approx(kept, abs=0.1)
    assert f"D(E(x)) has a PSNR of {kept:.1f} dB" in frame["text"]
    assert fact(frame, "one-step PSNR") == fact(frame, "VAE round trip") == f"{kept:.1f} dB"


def test_both_spaces_hold_alpha_signal_plus_sigma_noise(scene):
    model, picture = load("emoji"), parse(CAPTION).picture()
    z, x, draw = model.encode([picture]), 2 * from_pil(picture, "RGB") - 1, seeded(0, 1)
    eps = draw(z), draw(x)
    levels = [CLEAN, *model.schedule.levels(3)[-2::-1]]
    for frame, level in zip(scene["frames"], levels, strict=True):
        z_t = level.alpha * z + level.sigma * eps[0]
        x_t = level.alpha * x + level.sigma * eps[1]
        assert (pixels_of(frame["pictures"][0]) - (x_t / 2 + 0.5).clamp(0, 1)).abs().max() < 0.003
        assert (pixels_of(frame["pictures"][1]) - model.pixels(z_t)).abs().max() < 0.003


def test_the_caption_is_the_prompt_and_an_upload_has_none(monkeypatch):
    asked = []
    model = load("emoji")
    denoiser = model.denoiser
    monkeypatch.setattr(model, "denoiser", lambda prompt: asked.append(prompt) or denoiser(prompt))
    said = last(noise(model="emoji", source="scene", caption=f"  {CAPTION} ", frames=2))
    picture = upload(Image.new("RGB", (90, 60), "teal"))
    sent = last(noise(model="emoji", source="upload", picture=picture, frames=2))
    assert asked == [CAPTION, ""]
    assert said["title"].startswith(f"{CAPTION} (also the prompt), closed form")
    assert sent["title"].startswith("upload (empty prompt), closed form")
    assert image_of(sent["frames"][0]["pictures"][0]).getpixel((32, 32)) == (0, 128, 128)


def test_a_seed_repeats_both_noises_and_settings_repeat_the_run(scene):
    again = last(noise(**scene["settings"]))
    assert [f["pictures"] for f in again["frames"]] == [f["pictures"] for f in scene["frames"]]
    other = last(noise(**scene["settings"] | {"seed": 1}))
    for k in (0, 2):
        assert other["frames"][-1]["pictures"][k] != scene["frames"][-1]["pictures"][k]
    assert list(scene["settings"]) == list(forward.SHOWN)


def test_the_markov_chain_works_on_latents():
    message = last(
        noise(
            model="emoji", source="scene", caption=EXAMPLES[0], process="Markov chain", frames=30
        )
    )
    for frame in message["frames"][1:]:
        expected = float(fact(frame, "noise σ"))
        assert float(fact(frame, "measured σ")) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"source": "test digit"}, "Picture must be one of scene, upload; got test digit"),
        ({"source": "generated"}, "Picture must be one of scene, upload"),
        ({"source": "scene", "caption": " "}, "describe the scene"),
        ({"source": "scene", "caption": 3}, "Scene must be text"),
        ({"source": "scene", "caption": "dog " * 99}, "Scene must be text of at most 200"),
        ({"source": "scene", "caption": "a puppy"}, "is no scene"),
        ({"source": "upload"}, "upload a picture first"),
        ({"source": "scene", "frames": 1}, "Frames must be a whole number in 2..200"),
    ],
)
def test_bad_input_is_one_sentence(arguments, said):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        last(noise(model="emoji", **arguments))
    assert "\n" not in str(caught.value)


def test_a_scene_is_no_picture_for_digits():
    with pytest.raises(ValueError, match="Picture must be one of test digit, upload"):
        last(noise(source="scene"))


@pytest.mark.parametrize(
    ("ratio", "said"), [(29.0, "all that the VAE keeps"), (20.0, "most"), (9.0, "blurred average")]
)
def test_the_verdict_is_measured_against_the_vae(ratio, said):
    assert said in forward.latent_verdict(ratio, 30.0)
    assert forward.decibel(math.inf) == "∞ dB"


def test_controls_are_in_the_order_of_the_arguments(monkeypatch):
    wired: dict[str, list[Any]] = {}
    nothing: Any = None  # of what the tabs share
    monkeypatch.setattr(
        widgets, "wire", lambda name, run, controls, *rest: wired.update({name: controls})
    )
    with gr.Blocks():
        forward.build(nothing)
    parameters = inspect.signature(noise).parameters.values()
    values = [control.value for control in wired["noise"]]
    assert values == [parameter.default for parameter in parameters]
