"""Where a picture comes from: the library that the models sampled, the choices, the refusals."""

import json
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from core import models
from core.classifiers import read_digits, read_scenes
from core.data.captions import parse
from core.data.emoji import HEADS, options
from core.images import from_pil
from core.models import MODELS, load
from core.tapes import Tape
from demos.forward.request import NoiseRequest
from demos.forward.run import run as noised
from demos.inversion.request import InvertRequest
from demos.pictures import sources
from demos.pictures.library import FOLDER, library, of_kind, picked
from demos.pictures.photos import PHOTOS, photograph
from demos.sampling.page import sample
from demos.ui.pictures import made
from demos.words import sentence
from tests.demos import refused
from tests.figures import drawn

TEXT, LABEL = of_kind("text"), of_kind("label")
DOG = "dog face on a blue background"


def named(picture):
    return picture.file


def without_weights(name):
    """As much of a model as a source looks at."""
    model: Any = SimpleNamespace(card=MODELS[name], sides=(64, 64), encode=None)
    return model


# ---- the pictures -------------------------------------------------------------------------------


def test_the_folder_holds_what_its_list_says():
    rows = json.loads((FOLDER / "library.json").read_text("utf-8"))
    files = [row["file"] for row in rows]
    assert sorted(files) == sorted(path.name for path in FOLDER.glob("*.png"))
    assert len(set(files)) == len(files) == 18 and {row["steps"] for row in rows} == {50}
    assert [each.prompt for each in LABEL.values()] == [str(digit) for digit in range(10)]
    assert {each.model for each in LABEL.values()} == {"digits"}
    assert len(TEXT) == 8 and {each.model for each in TEXT.values()} == {"emoji"}
    assert all(parse(prompt).caption() == prompt for prompt in TEXT)


@pytest.mark.parametrize("asked", library(), ids=named)
def test_a_picture_is_stored_as_the_model_made_it(asked):
    expected = ("L", (28, 28)) if asked.model == "digits" else ("RGB", (64, 64))
    assert (asked.picture.mode, asked.picture.size) == expected
    assert (FOLDER / asked.file).read_bytes().startswith(b"\x89PNG")


def apart(asked, image):
    """The largest difference of a picture to the stored one, in 1/255."""
    pictures = [from_pil(each, "RGB") for each in (asked.picture, image)]
    return 255 * (pictures[0] - pictures[1]).abs().max().item()


@pytest.mark.parametrize("asked", [TEXT[DOG], LABEL["3"]], ids=named)
def test_the_model_makes_the_same_picture_again(asked):
    assert apart(asked, drawn(asked)) < 1.5


@pytest.mark.slow
@pytest.mark.parametrize("asked", library(), ids=named)
def test_the_sampling_tab_makes_the_same_picture(monkeypatch, asked):
    monkeypatch.setitem(models.PREFERRED, "device", "cpu")
    named = {"label": asked.prompt} if asked.model == "digits" else {"prompt": asked.prompt}
    ways = {"steps": asked.steps, "guidance": asked.guidance, "seed": asked.seed}
    *_, (_, archive) = sample(model=asked.model, **named, **ways)
    (image,) = load(asked.model, device="cpu").decode(archive.picture[1])
    assert apart(asked, image) < 1.5


@pytest.mark.parametrize("asked", TEXT.values(), ids=named)
def test_a_scene_is_read_as_its_prompt(asked):
    logits = read_scenes(from_pil(asked.picture, "RGB") * 2 - 1)
    read = {head: options()[head][int(logits[head].argmax())] for head in HEADS}
    scene = parse(asked.prompt)
    assert read == {head: getattr(scene, head) for head in HEADS}


@pytest.mark.parametrize("asked", LABEL.values(), ids=named)
def test_a_digit_is_read_as_its_label(asked):
    probabilities = read_digits(from_pil(asked.picture) * 2 - 1)[0]
    assert probabilities[int(asked.prompt)] > 0.99


# ---- as a source --------------------------------------------------------------------------------


def test_a_picture_of_the_library_is_taken_as_it_is():
    digits, emoji = without_weights("digits"), without_weights("emoji")
    x0 = sources.chosen(digits, "library", library="7")
    assert x0.equal(from_pil(LABEL["7"].picture) * 2 - 1)
    prompt = list(TEXT)[-1]
    image = sources.in_colour(emoji, "library", "", None, library=prompt)
    assert image.tobytes() == TEXT[prompt].picture.tobytes()
    emoji.sides = 128, 128
    assert sources.in_colour(emoji, "library", "", None, library=prompt).size == (128, 128)


def test_a_latent_model_encodes_a_picture_of_the_library():
    model = load("emoji")
    x0 = sources.chosen(model, "library", library=DOG)
    assert x0.equal(model.encode([TEXT[DOG].picture]))


def test_without_a_choice_it_is_the_first_of_the_models_own():
    assert picked("text", None) is next(iter(TEXT.values()))
    x0 = sources.chosen(without_weights("exact"), "library")
    assert x0.equal(from_pil(LABEL["0"].picture) * 2 - 1)
    image = sources.in_colour(without_weights("emoji"), "library", "", None)
    assert image.tobytes() == picked("text", None).picture.tobytes()


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photograph_is_in_colour_for_latents_and_grey_for_pixels(name):
    image = photograph(name)
    assert image.size == (256, 256) and image.mode == "RGB"
    model = load("emoji")
    x0 = sources.chosen(model, "photograph", photo=name)
    assert x0.equal(model.encode([sources.resized(image, 64, 64)]))
    grey = sources.chosen(load("digits"), "photograph", photo=name)
    assert grey.shape == (1, 1, 96, 96) and grey.std() > 0.2
    small = from_pil(image.convert("L").resize((96, 96), Image.Resampling.BOX)) * 2 - 1
    assert (grey - small).abs().mean() < 0.05, "the same picture, shrunk in another way"


def test_a_photograph_is_noised_by_every_model_and_inverted_by_those_of_colour():
    for model in ("digits", "basic", "exact", "emoji"):
        tape = next(noised(NoiseRequest.of(model=model, source="photograph", photo="rocket")))
        assert isinstance(tape, Tape) and "photograph of a rocket" in sentence(tape.title)
    asked = InvertRequest.of(model="emoji", source="photograph", photo="coffee")
    assert asked.condition == "hot beverage" and asked.settings()["photo"] == "coffee"
    refusal = refused(InvertRequest.of, source="photograph")
    assert refusal.startswith("Picture must be one of test digit, library")
    assert "photo" not in InvertRequest.of().settings()


def test_a_picture_is_named():
    values: Any
    for values, said in (
        (("library", 4, 0, "", DOG), f"{DOG} (library)"),
        (("library", 4, 0), "library"),
        (("test digit", 4, 0), "test digit 4 (number 0)"),
        (("scene", 4, 0, DOG), DOG),
        (("photograph", 4, 0, "", None, "cat"), "photograph of a cat"),
        (("upload",), "upload"),
    ):
        assert sentence(sources.named(*values)) == said


@pytest.mark.parametrize(
    ("model", "value", "said"),
    [
        ("emoji", "a cat", "Library must be one of dog face on a blue background, "),
        ("emoji", "4", "got 4."),
        ("emoji", "", "got nothing."),
        ("digits", DOG, "Library must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; got dog face"),
        ("digits", 4.5, "Library must be one of 0, 1"),
        ("exact", ["4"], "Library must be one of 0, 1"),
        ("digits", "../digit-4.png", "got ../digit-4.png."),
    ],
)
def test_another_picture_is_refused_in_one_sentence(model, value, said):
    answer = refused(sources.chosen, without_weights(model), "library", library=value)
    assert said in answer and "\n" not in answer and answer.endswith(".")
    asked = {"model": model, "source": "library", "library": value}
    asked |= {"method": "sdedit"}
    answer = refused(InvertRequest.of, **asked)
    assert answer.startswith("Library must be one of ") and "\n" not in answer


# ---- the controls -------------------------------------------------------------------------------


def test_real_pictures_are_those_that_no_model_made():
    for condition, offered in sources.SOURCES.items():
        assert ("library" in offered) == (condition != "none")
        assert sources.offered(condition) == list(offered)
        real = sources.offered(condition, real=True)
        assert not {"library", "generated"} & {*real}
        assert set(real) - {"photograph", "noise"} <= set(offered)
        assert {"photograph", "noise"} <= set(real)


def test_the_controls_of_a_picture():
    with gr.Blocks():
        upload, drawing = (made(InvertRequest, name) for name in ("picture", "drawing"))
        library = made(InvertRequest, "library")
    assert upload.sources == ["upload", "webcam", "clipboard"]
    assert not upload.webcam_options.mirror and not upload.visible
    assert drawing.brush.color_mode == "fixed", "no pen has to be chosen before it draws"
    assert not library.visible and len(library.choices) == 18


def test_the_choices_follow_the_model():
    emoji = InvertRequest.read(model="emoji", source="library")
    assert emoji.allowed("library") == list(TEXT) and emoji.asked("library")
    assert emoji.allowed("source") == list(sources.SOURCES["text"])
    exact = InvertRequest.read(model="exact", source="library", method="sdedit")
    assert exact.allowed("library") == list(LABEL)
    assert not InvertRequest.read(source="upload").asked("library")
