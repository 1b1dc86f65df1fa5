"""The tab "Invert & edit": inversions and reconstructions, called directly with few steps."""

from dataclasses import replace
from inspect import signature
from typing import Any

import gradio as gr
import pytest
import torch
from PIL import Image

from core.data.captions import EXAMPLES, parse
from core.images import BLANK, from_pil, pixels_uri
from core.inversion import INVERSIONS
from core.models import MODELS, load
from demos.inversion import layout, page, summary
from demos.inversion.page import edited, inverted, session_of
from demos.inversion.panels import ORDER
from demos.inversion.request import EditRequest, InvertRequest, askable
from demos.inversion.session import Remembered
from demos.runs.archive import decoded_uri, preview_uri
from demos.words import decibel, sentence
from tests.benchmarks.quality_inversion import returned
from tests.demos import last, refused

EMOJI = {"model": "emoji", "source": "scene"}
PICTURE, UP, BACK = (ORDER.index(key) for key in ("picture", "up", "back"))


def test_digits_stay_exact_and_are_asked_with_labels(digit_run):
    message, archive = digit_run
    assert [len(frame["pictures"]) for frame in message["frames"]] == [5] * 8
    assert not any(frame["approx"] for frame in message["frames"])
    assert "PSNR" in message["frames"][-1]["text"]
    assert message["settings"]["label"] == "4" and "prompt" not in message["settings"]
    assert page.side_by_side(archive) == gr.update(visible=False)
    again, after = last(edited(archive, strength=1.0))
    assert len(again["frames"]) == 12
    assert again["frames"][-1]["text"].startswith("Edited to label 9: PSNR to the picture")
    pictures = page.side_by_side(after)["value"]
    assert [picture.size for picture in pictures] == [(336, 336)] * 2
    assert after.result.tape is archive.result.tape and after.message is again


def test_latents_stream_as_previews_and_rest_decoded(scene_run):
    message, archive = scene_run
    session = archive.result
    frames, model = message["frames"], session.inversion.model
    assert [frame["approx"] for frame in frames] == [[]] * 4 + [[BACK]] * 3 + [[]]
    assert frames[0]["pictures"][PICTURE] == pixels_uri(session.pixels)
    assert frames[0]["pictures"][BACK] == BLANK
    end = session.inversion.trajectory[-1]
    assert frames[4]["pictures"][BACK] == preview_uri(model, end)
    assert "latent channels" in sentence(message["panels"][UP]["title"])
    assert len(archive.latents) == len(frames)
    assert archive.latents[4][BACK].dtype == torch.float16


def test_resting_decodes_the_approximate_pictures_of_a_frame(scene_run):
    message, archive = scene_run
    refined = archive.decoded(5)
    (frame,) = refined["frames"]
    assert refined["run"] == message["run"] and frame["i"] == 5 and frame["approx"] == []
    latents = archive.latents[5][BACK].float()
    assert frame["pictures"][BACK] == decoded_uri(archive.result.inversion.model, latents)
    assert frame["pictures"][UP] is None
    for other in (-1, 8, None):
        assert archive.decoded(other) is None


def test_the_figure_on_the_screen_is_that_of_the_benchmark(scene_run):
    message, archive = scene_run
    session = archive.result
    benchmark = returned(session.inversion, session.inversion.guidance)
    assert session.back == pytest.approx(benchmark, abs=1e-3)
    said = message["frames"][-1]["text"]
    assert f"PSNR {decibel(benchmark)} and SSIM" in said and "the VAE's copy D(E(x))" in said


def test_psnr_of_latents_names_the_share_of_the_vae(scene_run):
    session = scene_run[1].result
    start, pixels = session.start, session.pixels
    assert pixels.equal(from_pil(parse(EXAMPLES[0]).picture(), "RGB"))
    said = sentence(summary.compared(start, start, pixels, "ddim"))
    beginning = "Reconstructed: PSNR ∞ dB and SSIM 1 against the VAE's copy D(E(x)), "
    assert said.startswith(beginning)
    own = said.split("D(E(x)), ")[1].split(" dB")[0]
    assert f"the copy has {own} dB" in said
    assert sentence(summary.compared(start, start, start, "ddim")) == (
        "Reconstructed: PSNR ∞ dB and SSIM 1 against the picture. No difference to be seen."
    )


def test_a_scene_is_asked_with_its_caption_unless_another_prompt_is_given():
    asked: dict = EMOJI | {"caption": "pink elephant"}
    assert InvertRequest.of(**asked).condition == "pink elephant"
    assert InvertRequest.of(**asked).settings()["prompt"] == "pink elephant"
    assert InvertRequest.of(**asked, prompt="").condition == ""
    assert InvertRequest.of(**asked, prompt="dog face").condition == "dog face"
    assert InvertRequest.of(**asked | {"source": "upload"}).condition == ""


def test_an_upload_is_fitted_to_the_model(tmp_path):
    path = tmp_path / "tall.png"
    Image.new("RGB", (90, 200), "red").save(path)
    picture = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    asked: dict = {"model": "emoji", "source": "upload", "picture": picture, "steps": 2}
    message, archive = last(inverted(**asked, prompt="dog face"))
    assert tuple(archive.result.pixels.shape) == (1, 3, 64, 64)
    assert sentence(message["title"]).startswith("upload")
    assert "(the copy has" in message["frames"][-1]["text"]


def test_a_generated_picture_belongs_to_its_model():
    x0 = load("emoji").noise(0)
    asked: dict = {"source": "generated", "generated": ("emoji", x0), "steps": 2}
    message, archive = last(inverted(model="emoji", **asked))
    assert archive.result.x0 is x0
    assert "against the picture." in message["frames"][-1]["text"]
    assert "made by the model emoji, which alone can invert it" in refused(inverted, **asked)
    assert "No picture was sent yet" in refused(inverted, source="generated")


def test_a_sent_picture_chooses_its_model_and_itself():
    x0 = load("digits").noise(0)
    assert layout.arrived(("digits", x0)) == ("generated", "digits", None)
    assert layout.arrived(None) == (gr.skip(),) * 3
    assert "neither label nor prompt" in refused(layout.arrived, ("basic", x0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model": "basic"}, "Model must be one of digits, emoji, exact"),
        ({"model": "exact"}, "ill-posed"),
        ({"model": "emoji"}, "Picture must be one of scene, photograph, library, upload"),
        ({"source": "scene"}, "Picture must be one of test digit"),
        (EMOJI | {"caption": ""}, "Describe the scene"),
        (EMOJI | {"caption": "snark"}, "is no scene"),
        (EMOJI | {"caption": 7}, "Scene must be text"),
        (EMOJI | {"prompt": "x" * 501}, "Source prompt must be text of at most 500 characters"),
        (EMOJI | {"steps": 1}, "Steps must be a whole number in 2..500, got 1"),
        ({"label": "12"}, "Label must be one of"),
    ],
)
def test_bad_input_of_an_inversion_is_one_sentence(arguments, said):
    answer = refused(inverted, **arguments)
    assert said in answer and "\n" not in answer


def test_the_exact_model_has_sdedit():
    message, _ = last(inverted(model="exact", method="sdedit", steps=2))
    assert message["frames"][2]["text"].startswith("Noised: mean")
    assert InvertRequest.read(model="exact").allowed("method") == ["sdedit"]


def test_the_menu_has_every_model_that_can_be_asked_for_something():
    assert askable() == [name for name, card in MODELS.items() if card.condition != "none"]
    assert "emoji" in askable() and "basic" not in askable()


# ---- the methods --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "model"),
    [pytest.param(name, "emoji", marks=pytest.mark.slow) for name in INVERSIONS]
    + [(name, "digits") for name, method in INVERSIONS.items() if not method.needs_text],
)
def test_every_method_runs_and_says_how_far_off_it_comes_back(method, model):
    guidance = 2 if method == "null_text" else 1
    asked: dict = {"model": model, "source": "scene" if model == "emoji" else "test digit"}
    asked |= {"method": method, "steps": 3, "invert_guidance": guidance}
    message, archive = last(inverted(**asked))
    assert len(message["frames"]) == message["total"]
    there, back = message["frames"][0], message["frames"][-2]
    assert there["numbers"]["calls"] >= 0 and "away from the way up" in back["text"]
    message, _ = last(edited(archive, strength=0.67))
    assert len(message["frames"]) == message["total"]


@pytest.mark.slow
def test_exact_methods_come_back_under_guidance_and_ddim_does_not():
    ratios = {}
    for method in ("ddim", "residual", "edit_friendly", "edict", "belm"):
        asked: dict = {**EMOJI, "method": method, "steps": 10, "invert_guidance": 7.5}
        ratios[method] = last(inverted(**asked))[1].result.back
    assert ratios["ddim"] < 25
    assert min(ratios["residual"], ratios["edit_friendly"]) > 60
    assert min(ratios["edict"], ratios["belm"]) > 40  # exact up to rounding, which guidance grows


def test_null_text_is_refused_where_there_is_nothing_to_fit():
    for method in ("null_text", "prompt_to_prompt"):
        assert "the model digits has none" in refused(inverted, method=method, invert_guidance=3)
        supported = (MODELS[name].supports(INVERSIONS[method]) for name in ("digits", "emoji"))
        assert [*supported] == [False, True]
    assert "guidance such as 7.5" in refused(inverted, **EMOJI, method="null_text")


def test_guidance_is_blamed_only_for_what_can_be_seen():
    """A warning beside "No difference to be seen" contradicted itself."""
    message, archive = last(inverted(method="ddim", steps=6, invert_guidance=7.5))
    assert archive.result.back < summary.UNSEEN
    assert "Guidance breaks DDIM inversion" in sentence(message["frames"][-1]["doubts"])
    asked = InvertRequest.of(method="ddim", invert_guidance=7.5)
    assert summary.broken(asked, 35.7) == [] and summary.broken(asked, 25.0)
    message, _ = last(inverted(method="residual", steps=2, invert_guidance=5))
    assert message["frames"][-1]["doubts"] == []


def test_a_method_says_what_it_promises():
    about = layout.of_method("belm")["info"]
    assert (
        about.startswith("Exact? yes, up to rounding") and "Denoiser calls a step: 1 up" in about
    )


# ---- what is remembered -------------------------------------------------------------------------


def test_the_page_opens_with_a_run_that_can_be_edited():
    session: Any = session_of(page.OPENS_WITH)
    assert session.request == InvertRequest.of() and len(session.tape.frames) == 62
    message, archive = last(edited(page.OPENS_WITH))
    assert archive.result.edited is not None and message["total"] == len(message["frames"])


def test_the_same_inversion_is_computed_once():
    asked: dict = {"digit": 5, "steps": 4}
    first, again = list(inverted(**asked)), list(inverted(**asked))
    assert len(first) > 1 and len(again) == 1
    assert again[0][1].result is first[-1][1].result
    one, two = first[-1][0]["frames"], again[0][0]["frames"]
    assert [frame["pictures"] for frame in one] == [frame["pictures"] for frame in two]
    assert [frame["text"] for frame in one] == [frame["text"] for frame in two]


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
    _, archive = last(inverted(**asked))
    assert last(inverted(**asked | other))[1].result is not archive.result


def test_a_stopped_inversion_is_not_remembered():
    asked: dict = {"digit": 8, "steps": 4}
    stopped: Any = inverted(**asked)
    next(stopped)
    stopped.close()
    assert len(list(inverted(**asked))) > 1


def test_the_oldest_inversion_is_forgotten_when_there_are_too_many_bytes():
    session = last(inverted(digit=7, steps=2))[1].result
    store = Remembered(limit=3 * session.nbytes)
    for number in range(4):
        store.keep(number, replace(session))
    assert store.get(0) is None and all(store.get(number) for number in (1, 2, 3))


def test_what_a_run_leaves_behind_is_weighed():
    message, archive = last(inverted(digit=7, steps=2))
    pictures = {each for frame in message["frames"] for each in frame["pictures"]}
    path = sum(x.nbytes for x in archive.result.inversion.trajectory)
    least = sum(map(len, pictures)) + path
    assert least <= archive.result.nbytes < 2 * least <= 2 * archive.nbytes


def test_the_events_have_the_arguments_of_their_requests():
    for event, request in ((inverted, InvertRequest), (edited, EditRequest)):
        parameters = signature(event).parameters
        assert {name: each.default for name, each in parameters.items()} == request.defaults()
