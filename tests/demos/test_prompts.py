"""What the page says of prompts: how much is read, what is cut, what was never seen."""

from typing import Any

import pytest

from core.models import SD, load, read
from demos.pictures import prompts
from demos.ui import pictures
from demos.words import sentence
from tests.demos.test_sampling import run

SHORT = "dog face on a blue background"
LONG = f"{SHORT}, " * 8 + "greyscale"
EMOJI: Any = load("emoji")
CUT = EMOJI.read(LONG).cut


def test_tokens_are_counted_beside_the_box():
    said = pictures.advised("emoji", SHORT)
    assert ">6 of 30 tokens.<" in said["value"] and said["visible"]
    assert pictures.advised("emoji", "")["visible"] is False
    assert pictures.advised("digits", SHORT)["visible"] is False


def test_what_is_cut_is_said():
    said = sentence(prompts.advice("emoji", LONG))
    assert said.startswith("57 tokens, and 30 are read. Cut: “") and CUT in said


def test_a_word_that_was_never_seen_is_named():
    assert sentence(prompts.never_seen("emoji", "a puppy")) == (
        "“puppy”: not in this model's vocabulary; pleading face, dog face are."
    )
    assert prompts.never_seen("emoji", SHORT) == prompts.never_seen("digits", "a puppy") == []


def test_a_prompt_is_no_markup():
    evil = "<img src=x onerror=alert(1)>\"'"
    assert "<img" not in pictures.advised("emoji", evil)["value"]
    cut = pictures.advised("emoji", f"{LONG} {evil}")["value"]
    assert "<img" not in cut and "&lt;img" in cut and "'" not in cut


@pytest.mark.parametrize("prompt", ["x" * 501, "a b " * 100_000, 7, ["dog"], {"a": 1}])
def test_the_size_of_a_prompt_is_looked_at_before_it_is_read(monkeypatch, prompt):
    def never(*args):
        raise AssertionError("it was tokenized")

    monkeypatch.setattr(prompts, "read", never)
    monkeypatch.setattr(prompts, "never_seen", never)
    said = pictures.advised("emoji", prompt)["value"]
    assert ">Prompt must be text of at most 500 characters.<" in said


def test_advice_on_an_unknown_model_is_one_sentence():
    assert "Model must be one of digits" in pictures.advised("sdxl", SHORT)["value"]


def test_a_model_that_is_not_here_yet_is_not_fetched_for_advice(monkeypatch):
    monkeypatch.setattr("core.models.here", lambda card: None)
    assert pictures.advised(SD, SHORT)["visible"] is False


def test_the_run_says_what_was_not_read():
    message, _ = run(model="emoji", prompt=LONG, steps=2, guidance=1.0)
    for frame in message["frames"][:-1]:
        said = sentence(frame["doubts"])
        assert "Not read: “on a blue background, dog" in said
        assert "Of 57 tokens this model reads 30." in said
    message, _ = run(model="emoji", prompt=SHORT, negative=LONG, steps=2)
    assert "Not read: “" in sentence(message["frames"][0]["doubts"])
    message, _ = run(model="emoji", prompt=SHORT, steps=2)
    assert not message["frames"][0]["doubts"]


def test_an_inversion_and_an_edit_say_what_was_not_read():
    from demos.inversion.request import EditRequest, InvertRequest
    from demos.inversion.run import edit, invert
    from tests.demos import finished

    asked = InvertRequest.of("emoji", "scene", caption=SHORT, prompt=LONG, steps=2)
    session = finished(invert(asked))
    assert "Not read: “" in sentence(list(session.tape.frames[1].doubts))
    target = f"{LONG} again"
    frames: Any
    *frames, _ = edit(EditRequest.of(session, target_prompt=target, strength=0.5))
    seen = read("emoji", target)
    assert seen is not None and seen.count > 57
    assert f"Of {seen.count} tokens" in sentence(list(frames[-1].doubts))
