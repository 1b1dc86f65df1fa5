"""What the page says of prompts and of guidance below 1."""

from typing import Any

import pytest

from core.models import MODELS, SD, load, read
from demos import checks, contest, editing, inverting, prompts
from demos.asking import main_controls
from demos.inversion_controls import edit_rest
from demos.remarks import GUIDANCE, at_guidance
from tests.demos import last
from tests.demos.test_sampling import run

SHORT = "dog face on a blue background"
LONG = f"{SHORT}, " * 8 + "greyscale"
EMOJI: Any = load("emoji")
CUT = EMOJI.read(LONG).cut


# ---- tokens -------------------------------------------------------------------------------------


def test_tokens_are_counted_beside_the_box():
    said = prompts.advice("emoji", SHORT)
    assert said["value"] == "6 of 30 tokens." and said["visible"]
    assert prompts.advice("emoji", "")["visible"] is False
    assert prompts.advice("digits", SHORT)["visible"] is False


def test_what_is_cut_is_struck_out():
    said = prompts.advice("emoji", LONG)["value"]
    assert said.startswith("57 tokens, and 30 are read. Cut: ~~")
    assert said.endswith("~~") and CUT.replace(",", "&#44;") in said


def test_a_prompt_is_no_markup():
    said = prompts.plain("<img src=x onerror=alert(1)> [a](javascript:b) $x$ `c` _d_ ~~e~~ &amp;")
    assert not set(said) & set("<>[]()$`_~=:") and "&#60;img" in said
    assert prompts.plain("红色的狗 7") == "红色的狗 7"


@pytest.mark.parametrize("prompt", ["x" * 501, "a b " * 100_000, 7, ["dog"], {"a": 1}])
def test_the_size_of_a_prompt_is_looked_at_before_it_is_read(monkeypatch, prompt):
    def never(*args):
        raise AssertionError("it was tokenized")

    monkeypatch.setattr(prompts, "read", never)
    monkeypatch.setattr(prompts, "never_seen", never)
    said = prompts.advice("emoji", prompt)["value"]
    assert said == "Prompt must be text of at most 500 characters&#46;"


def test_advice_on_an_unknown_model_is_one_sentence():
    assert "Model must be one of digits" in prompts.advice("sdxl", SHORT)["value"]


def test_a_model_that_is_not_here_yet_is_not_fetched_for_advice(monkeypatch):
    monkeypatch.setattr("core.models.here", lambda card: None)
    assert prompts.advice(SD, SHORT)["visible"] is False


def test_the_run_says_what_was_not_read():
    message, _, _ = run(model="emoji", prompt=LONG, steps=2, guidance=1.0)
    for frame in message["frames"][:-1]:
        assert "Not read: “on a blue background, dog" in frame["warn"]
        assert "Of 57 tokens this model reads 30." in frame["warn"]
    message, _, _ = run(model="emoji", prompt=SHORT, negative=LONG, steps=2)
    assert "Not read: “" in message["frames"][0]["warn"]
    message, _, _ = run(model="emoji", prompt=SHORT, steps=2)
    assert not message["frames"][0].get("warn")


def test_an_inversion_and_an_edit_say_what_was_not_read():
    _, made = last(inverting.invert("emoji", "scene", caption=SHORT, prompt=LONG, steps=2))
    assert "Not read: “" in made.kept.message["frames"][1]["warn"]
    asked = f"{LONG} again"
    _, edited = last(editing.edit(made, target_prompt=asked, strength=0.5))
    seen = read("emoji", asked)
    assert (
        seen is not None
        and seen.count > 57
        and f"Of {seen.count} tokens" in edited.shown.message["frames"][-2]["warn"]
    )


# ---- guidance below 1 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "guidance", "said"),
    [
        ("emoji", 0, "guidance 0 (the prompt does nothing)"),
        ("digits", 0.0, "guidance 0 (the label does nothing)"),
        ("emoji", 0.5, "guidance 0.5 (the prompt counts 50 %)"),
        ("emoji", 1, "guidance 1"),
        ("exact", 7.5, "guidance 7.5"),
    ],
)
def test_guidance_in_words(model, guidance, said):
    assert at_guidance(model, guidance) == said


def test_a_model_that_is_told_the_guidance_has_no_such_sum(monkeypatch):
    from dataclasses import replace

    monkeypatch.setitem(MODELS, "told", replace(MODELS["emoji"], name="told", told=True))
    assert at_guidance("told", 0) == "guidance 0"


def test_titles_say_that_the_prompt_does_nothing():
    message, _, _ = run(label="7", guidance=0, steps=1)
    assert message["title"].endswith("seed 0, guidance 0 (the label does nothing)")
    message, _, _ = run(label="7", guidance=2, steps=1)
    assert "guidance" not in message["title"]
    _, made = last(inverting.invert(steps=2, invert_guidance=0.5))
    assert "at guidance 0.5 (the label counts 50 %), 2 steps" in made.kept.message["title"]
    _, edited = last(editing.edit(made, target="9", guidance=0, strength=0.5))
    said = edited.shown.message["frames"][-1]["text"]
    assert said.startswith("Edited to label 9 at guidance 0 (the label does nothing): ")
    assert "guidance 0 (the label does nothing)" in contest.in_words(made.inversion, 0, 0.5)


def test_controls_say_what_guidance_below_1_does():
    import gradio as gr

    with gr.Blocks():
        for control in (main_controls()["guidance"], edit_rest()["guidance"]):
            assert control.info.startswith(f"{GUIDANCE}; ")
    assert GUIDANCE.startswith("0: prompt or label does nothing")


# ---- a label that is a number -------------------------------------------------------------------


def test_a_label_may_be_a_whole_number():
    choices = ["", *"0123456789"]
    assert checks.choice(7, "Label", choices) == "7"
    for value in (True, 7.5, 10, -1, [7]):
        with pytest.raises(ValueError, match="Label must be one of"):
            checks.choice(value, "Label", choices)
    message, _, _ = run(label=7, steps=1)
    assert message["settings"]["label"] == "7"
