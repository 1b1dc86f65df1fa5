"""The tab "Invert & edit": inversions and reconstructions, called directly with few steps."""

import re
from dataclasses import replace
from inspect import signature
from typing import Any

import gradio as gr
import pytest
import torch
from PIL import Image

from core.data.captions import EXAMPLES, parse, unknown
from core.images import BLANK, from_pil
from core.inversion import INVERSIONS
from core.models import MODELS, load
from demos import inversion, inversion_controls, inverting
from demos.editing import decode, edit
from demos.inverting import Remembered, checked, invert
from demos.old_views import decoded_uri, pixels_uri, preview_uri
from demos.remarks import compared, never_seen
from demos.stages import BACK, NOISE, PICTURE
from demos.views.numbers import decibel
from tests.benchmarks.quality_inversion import returned
from tests.demos import last, refused

EMOJI = {"model": "emoji", "source": "scene"}


def test_digits_stay_exact_and_are_asked_with_labels(digits):
    message, session = digits
    assert [len(frame["pictures"]) for frame in message["frames"]] == [5] * 8
    assert not any(frame["approx"] for frame in message["frames"])
    assert "PSNR" in message["frames"][-1]["text"]
    assert message["settings"]["label"] == "4" and "prompt" not in message["settings"]
    assert inversion.side_by_side(session) == gr.update(visible=False)
    edited, after = last(edit(session, strength=1.0))
    assert len(edited["frames"]) == 12
    assert edited["frames"][-1]["text"].startswith("Edited to label 9: PSNR to the picture")
    pictures = inversion.side_by_side(after)["value"]
    assert [picture.size for picture in pictures] == [(336, 336)] * 2
    assert after.kept is session.kept and after.shown.message is edited


def test_latents_stream_as_previews_and_rest_decoded(emoji):
    message, session = emoji
    frames, model = message["frames"], session.inversion.model
    assert [frame["approx"] for frame in frames] == [[]] * 4 + [[BACK]] * 3 + [[]]
    assert frames[0]["pictures"][PICTURE] == pixels_uri(session.pixels)
    assert frames[0]["pictures"][BACK] == BLANK
    end = session.inversion.trajectory[-1]
    assert frames[4]["pictures"][BACK] == preview_uri(model, end)
    assert "latent channels" in message["panels"][NOISE]["title"]
    assert len(session.kept.latents) == len(frames)
    assert session.kept.latents[4][BACK].dtype == torch.float16


def test_resting_decodes_the_approximate_pictures_of_a_frame(emoji):
    message, session = emoji
    refined = decode(session, 5)
    (frame,) = refined["frames"]
    assert refined["run"] == message["run"] and frame["i"] == 5 and frame["approx"] == []
    latents = session.shown.latents[5][BACK].float()
    assert frame["pictures"][BACK] == decoded_uri(session.inversion.model, latents)
    assert frame["pictures"][NOISE] == message["frames"][5]["pictures"][NOISE]


@pytest.mark.parametrize("frame", [-1, 8, None])
def test_there_is_nothing_to_decode_beyond_the_run(emoji, frame):
    assert decode(emoji[1], frame) == gr.skip()
    assert decode(None, 0) == gr.skip()


def test_the_figure_on_the_screen_is_that_of_the_benchmark(emoji):
    message, session = emoji
    benchmark = returned(session.inversion, session.inversion.guidance)
    assert session.back == pytest.approx(benchmark, abs=1e-3)
    said = message["frames"][-1]["text"]
    assert f"PSNR {decibel(benchmark)} and SSIM" in said and "the VAE's copy D(E(x))" in said


def test_psnr_of_latents_names_the_share_of_the_vae(emoji):
    _, session = emoji
    start, pixels = session.start, session.pixels
    scene = parse(EXAMPLES[0]).picture()
    assert pixels.equal(from_pil(scene, "RGB"))
    said = compared(start, start, pixels)
    assert said.startswith("PSNR ∞ dB and SSIM 1.000 against the VAE's copy D(E(x)), ")
    own = said.split("D(E(x)), ")[1].split(" dB")[0]
    assert f"the copy has {own} dB" in said
    assert compared(start, start, start) == (
        "PSNR ∞ dB and SSIM 1.000 against the picture. No difference to be seen."
    )


def test_a_scene_is_asked_with_its_caption_unless_another_prompt_is_given():
    raw = {name: each.default for name, each in signature(invert).parameters.items()}
    raw |= EMOJI | {"caption": "pink elephant"}
    assert checked(raw)["prompt"] == "pink elephant"
    assert checked(raw | {"prompt": ""})["prompt"] == ""
    assert checked(raw | {"prompt": "dog face"})["prompt"] == "dog face"
    assert checked(raw | {"source": "upload"})["prompt"] == ""


def test_an_upload_is_fitted_to_the_model(tmp_path):
    path = tmp_path / "tall.png"
    Image.new("RGB", (90, 200), "red").save(path)
    picture = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    message, session = last(
        invert(model="emoji", source="upload", picture=picture, prompt="dog face", steps=2)
    )
    assert tuple(session.pixels.shape) == (1, 3, 64, 64)
    assert message["title"].startswith("upload")
    assert "(the copy has" in message["frames"][-1]["text"]


def test_a_generated_picture_belongs_to_its_model():
    x0 = load("emoji").noise(0)
    message, session = last(
        invert(model="emoji", source="generated", generated=("emoji", x0), steps=2)
    )
    assert session.x0 is x0
    assert "against the picture." in message["frames"][-1]["text"]
    with pytest.raises(ValueError, match="made by the model emoji, which alone can invert it"):
        last(invert(source="generated", generated=("emoji", x0)))
    with pytest.raises(ValueError, match="no picture was sent yet"):
        last(invert(source="generated"))


def test_a_sent_picture_chooses_its_model_and_itself():
    x0 = load("digits").noise(0)
    assert inversion_controls.arrived(("digits", x0)) == ("generated", "digits", None)
    assert inversion_controls.arrived(None) == (gr.skip(),) * 3
    with pytest.raises(ValueError, match="neither label nor prompt"):
        inversion_controls.arrived(("basic", x0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model": "basic"}, "Model must be one of digits, emoji, exact"),
        ({"model": "exact"}, "ill-posed"),
        ({"model": "emoji"}, "Picture must be one of scene, library, upload, generated"),
        ({"source": "scene"}, "Picture must be one of test digit"),
        (EMOJI | {"caption": ""}, "describe the scene"),
        (EMOJI | {"caption": "snark"}, "is no scene"),
        (EMOJI | {"caption": 7}, "Scene must be text"),
        (EMOJI | {"prompt": "x" * 501}, "Source prompt must be text of at most 500 characters"),
        (EMOJI | {"steps": 1}, "Steps must be a whole number in 2..500, got 1"),
        ({"label": "12"}, "Label must be one of"),
    ],
)
def test_bad_input_of_an_inversion_is_one_sentence(arguments, said):
    with pytest.raises(ValueError, match=said):
        last(invert(**arguments))


def test_the_exact_model_has_sdedit():
    message, _ = last(invert(model="exact", method="sdedit", steps=2))
    assert message["frames"][2]["text"].startswith("Noised: mean")


def test_the_menu_has_every_model_that_can_be_asked_for_something():
    names = [name for _, name in inverting.models()]
    assert names == [name for name, card in MODELS.items() if card.condition]
    assert "emoji" in names and "basic" not in names


def test_words_that_the_model_never_saw_are_named():
    assert never_seen("emoji", "dog face on a blue background") == ""
    assert "“zeppelin”" in never_seen("emoji", "a zeppelin")
    assert never_seen("digits", "a zeppelin") == ""
    assert unknown("a zeppelin")


# ---- the methods --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "model"),
    [(name, "emoji") for name in INVERSIONS]
    + [(name, "digits") for name, method in INVERSIONS.items() if not method.needs_text],
)
def test_every_method_runs_and_says_how_far_off_it_comes_back(method, model):
    guidance = 2 if method == "null_text" else 1
    asked: dict = {"model": model, "source": "scene" if model == "emoji" else "test digit"}
    asked |= {"method": method, "steps": 3, "invert_guidance": guidance}
    message, session = last(invert(**asked))
    assert len(message["frames"]) == message["total"]
    there, back = message["frames"][0], message["frames"][-2]
    assert dict(there["facts"])["denoiser calls"].isdigit() and "off the way up" in back["text"]
    message, _ = last(edit(session, strength=0.67))
    assert len(message["frames"]) == message["total"]


@pytest.mark.slow
def test_exact_methods_come_back_under_guidance_and_ddim_does_not():
    ratios = {}
    for method in ("ddim", "residual", "edit_friendly", "edict", "belm"):
        asked: dict = {**EMOJI, "method": method, "steps": 10, "invert_guidance": 7.5}
        _, session = last(invert(**asked))
        (ratio,) = re.findall(r"PSNR (\S+) dB", session.kept.message["frames"][-1]["text"])[:1]
        ratios[method] = float(ratio.replace("∞", "inf"))
    assert ratios["ddim"] < 25
    assert min(ratios["residual"], ratios["edit_friendly"]) > 60
    assert min(ratios["edict"], ratios["belm"]) > 40  # exact up to rounding, which guidance grows


def test_null_text_is_refused_where_there_is_nothing_to_fit():
    for method in ("null_text", "prompt_to_prompt"):
        assert "the model digits has none" in refused(invert, method=method, invert_guidance=3)
    assert "guidance such as 7.5" in refused(invert, **EMOJI, method="null_text")


def test_guidance_while_inverting_is_warned_of():
    message, _ = last(invert(method="ddim", steps=2, invert_guidance=5))
    assert "Guidance breaks DDIM inversion" in message["frames"][0]["warn"]
    message, _ = last(invert(method="residual", steps=2, invert_guidance=5))
    assert message["frames"][0]["warn"] == ""


# ---- what is remembered -------------------------------------------------------------------------


def test_the_same_inversion_is_computed_once():
    asked: dict = {"digit": 5, "steps": 4}
    first = list(invert(**asked))
    again = list(invert(**asked))
    assert len(first) > 1 and len(again) == 1
    assert again[0][1] is last(first)[1] and again[0][0]["frames"] == last(first)[0]["frames"]


@pytest.mark.parametrize(
    "other",
    [
        {"digit": 6},
        {"index": 1},
        {"label": "9"},
        {"method": "belm"},
        {"steps": 5},
        {"seed": 9},
        {"invert_guidance": 2},
    ],
)
def test_anything_else_is_another_inversion(other):
    asked: dict = {"digit": 5, "steps": 4}
    _, session = last(invert(**asked))
    assert last(invert(**asked | other))[1] is not session


def test_a_stopped_inversion_is_not_remembered():
    asked: dict = {"digit": 8, "steps": 4}
    stopped: Any = invert(**asked)
    next(stopped)
    stopped.close()
    assert len(list(invert(**asked))) > 1


def test_the_oldest_inversion_is_forgotten_when_there_are_too_many_bytes():
    session = last(invert(digit=7, steps=2))[1]
    store = Remembered(limit=3 * session.nbytes)
    for number in range(4):
        store.keep(number, replace(session))
    assert store.get(0) is None and all(store.get(number) for number in (1, 2, 3))


def test_what_a_run_leaves_behind_is_weighed():
    message, session = last(invert(digit=7, steps=2))
    pictures = {each for frame in message["frames"] for each in frame["pictures"]}
    least = sum(map(len, pictures)) + sum(x.nbytes for x in session.inversion.trajectory)
    assert least <= session.nbytes < 2 * least
