"""Inversion methods at the same budget: real runs of a few denoiser calls."""

import re
import types
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from core.data.captions import EXAMPLES, parse
from core.inversion import INVERSIONS, finish
from core.inversion.ddim import DDIMInversion
from core.metrics import psnr
from core.models import MODELS, load
from demos.inversion import summary
from demos.inversion.methods import named_method, promise, refusal, run
from demos.inversion.methods.request import METHODS, CompareRequest
from demos.inversion.methods.run import PERIOD, Now, Original, Row, Task, compare, planned
from demos.inversion.methods.section import compared
from demos.inversion.request import InvertRequest
from demos.inversion.run import invert
from demos.words import sentence
from tests.demos import finished, refused


@pytest.fixture(scope="module")
def guided():
    """An inversion of a scene at guidance 7.5."""
    return finished(invert(InvertRequest.of("emoji", "scene", steps=3, invert_guidance=7.5)))


def ran(session, methods, target, budget=8, guidance=3.0, strength=0.8) -> list[Any]:
    """Everything that a comparison yields."""
    return list(compare(Task(session, budget, target, guidance, strength), methods))


def rows_of(yielded):
    return [each for each in yielded if isinstance(each, Row)]


@pytest.fixture(scope="module")
def digit_run(digits):
    """The methods that the page opens with."""
    return ran(digits, METHODS[::-1], "9")


@pytest.fixture(scope="module")
def guided_run(guided):
    """DDIM and two exact methods under guidance."""
    return ran(guided, ("ddim", "residual", "edit_friendly"), "cat face on a blue background")


def test_every_method_keeps_to_the_budget_and_spends_it(digit_run):
    rows = rows_of(digit_run)
    assert [row.name for row in rows] == [name for name in INVERSIONS if name in METHODS]
    for row in rows:
        up, down, again = row.calls
        assert 6 <= up + down <= 8 and again >= row.steps - 1, row.name
        assert row.steps >= 2 and row.seconds > 0 and not row.trouble and not row.note
        assert all(picture.startswith("data:image/png") for picture in row.pictures)
        assert row.read in "0123456789" and row.meant == (row.read == "9")


def test_the_figures_are_those_of_the_method(digits, digit_run):
    model, x0 = digits.inversion.model, digits.x0
    (row,) = [row for row in rows_of(digit_run) if row.name == "residual"]
    made = finish(INVERSIONS["residual"].invert(model, x0, "4", steps=row.steps))
    *_, last = INVERSIONS["residual"].edit(made, "9", guidance=3.0, strength=0.8)
    start = model.pixels(x0)
    assert row.calls[:2] == (made.calls, last.calls)
    assert row.kept == psnr(model.pixels(last.x_next), start)
    back = finish(INVERSIONS["residual"].edit(made, "4"))
    assert row.back == psnr(model.pixels(back), start) > 100


def test_the_picture_comes_first_and_progress_between(digit_run):
    assert isinstance(digit_run[0], Now) and isinstance(digit_run[1], Original)
    assert digit_run[1].read == "4" and digit_run[1].copy == ""
    told = [each for each in digit_run if isinstance(each, Now) and each.place]
    assert [now.doing for now in told if not now.done] == [
        "inverting",
        "reconstructing",
        "editing",
    ] * len(METHODS)
    assert all(now.done <= now.total for now in told)


def test_exact_methods_come_back_under_guidance_and_ddim_does_not(guided_run):
    back = {row.name: row.back for row in rows_of(guided_run)}
    assert back["ddim"] < 30 < 60 < min(back["residual"], back["edit_friendly"])


def test_a_scene_is_read_as_a_caption_and_measured_against_the_copy(guided_run):
    source = guided_run[1]
    assert source.copy and 20 < source.copied < 50 and source.read == EXAMPLES[0]
    for row in rows_of(guided_run):
        assert parse(row.read).caption() == row.read
        assert row.meant == (row.read == "cat face on a blue background")


def test_what_needs_a_guided_inversion_says_so(emoji):
    (row,) = rows_of(ran(emoji, ["null_text"], "a zeppelin", budget=28))
    assert row.note == ["compare.note.fits_nothing", {}] and row.steps == 2 and row.meant is None


def test_a_budget_that_cannot_be_spent_is_told(digits, monkeypatch):
    monkeypatch.setattr(run, "MOST_STEPS", 3)
    (row,) = rows_of(ran(digits, ["ddim"], "9"))
    assert row.steps == 3 and row.note == ["compare.note.most", {"steps": 3}]


@dataclass(frozen=True, kw_only=True)
class Broken(DDIMInversion):
    """Ends in a sentence after its first step."""

    def climb(self, start, seed):
        yield from list(super().climb(start, seed))[:1]
        raise ValueError("it divides by <alpha>")


def test_the_trouble_of_one_method_is_told_in_its_row(digits, monkeypatch):
    broken = Broken(name="broken", title="Broken", source="")
    monkeypatch.setitem(INVERSIONS, "broken", broken)
    ddim, row = rows_of(ran(digits, ["broken", "ddim"], "9"))
    assert (
        sentence(row.trouble) == "It divides by <alpha>." and ddim.back > 10 and not ddim.trouble
    )


@dataclass(frozen=True, kw_only=True)
class Slow(DDIMInversion):
    """Takes as long as a message, and notes that it was closed."""

    ended: list

    def climb(self, start, seed):
        try:
            for step in super().climb(start, seed):
                torch.zeros(1)
                yield step
        finally:
            self.ended.append(True)


def test_a_stopped_comparison_leaves_nothing_behind(digits, monkeypatch):
    ended = []
    monkeypatch.setitem(INVERSIONS, "slow", Slow(name="slow", title="", source="", ended=ended))
    monkeypatch.setattr(run, "PERIOD", 0.0)
    before = torch.is_grad_enabled(), len(digits.inversion.trajectory)
    running: Any = compared(lambda session: session)(digits, ["slow"], 500)
    for status, _ in running:
        if "step 2 of" in str(status):
            break
    assert not ended
    running.close()
    assert ended == [True]
    assert (torch.is_grad_enabled(), len(digits.inversion.trajectory)) == before
    assert PERIOD <= 0.05


@pytest.mark.parametrize("strength", [0.02, 0.55, 0.8, 1.0])
@pytest.mark.parametrize("name", INVERSIONS)
def test_the_steps_are_the_most_that_the_budget_pays_for(name, strength):
    model, method = load("emoji"), INVERSIONS[name]
    steps = planned(model, [name], 100, strength)[name]
    assert method.calls(steps, strength) <= 100
    assert steps == 500 or method.calls(steps + 1, strength) > 100


@pytest.mark.parametrize("name", ["null_text", "anderson", "ddim"])
def test_a_budget_below_two_steps_is_refused_with_the_least_that_works(name):
    model, method = load("emoji"), INVERSIONS[name]
    said = refused(planned, model, ["ddim_current", name], 3, 0.8)
    assert f"3 denoiser calls pay for fewer than 2 steps of {INVERSIONS['ddim'].title}" in refused(
        planned, model, ["ddim"], 3, 0.8
    )
    found = re.search(r"give it (\d+) or more", refused(planned, model, [name], 3, 0.8))
    assert found and said.count(". ") == 0
    least = int(found[1])
    assert planned(model, [name], least, 0.8) == {name: 2}
    assert method.title in refused(planned, model, [name], least - 1, 0.8)


def test_other_models_are_not_read():
    model: Any = types.SimpleNamespace(card=replace(MODELS["emoji"], name="other", data=""))
    assert summary.reading(model, torch.zeros(1, 3, 64, 64)) == ""


# ---- which methods a model can run --------------------------------------------------------------


def test_what_a_model_cannot_run_is_told_in_its_row_and_the_others_run(digits):
    needing = [name for name, method in INVERSIONS.items() if method.needs_text]
    rows = {row.name: row for row in rows_of(ran(digits, ["ddim", *needing], "9"))}
    assert list(rows) == [name for name in INVERSIONS if name in ("ddim", *needing)]
    assert not rows["ddim"].trouble and needing
    for name in needing:
        key, values = rows[name].trouble
        assert key == "method.refused.no_text" and rows[name].steps == 0
        assert values == {"model": "digits", "method": named_method(name)}
        assert "needs a text, and the model digits has none" in sentence(rows[name].trouble)
        assert "模型 digits" in sentence(rows[name].trouble, "zh")


@pytest.mark.parametrize("model", ["digits", "emoji", "exact"])
@pytest.mark.parametrize("method", INVERSIONS)
def test_why_not_is_a_key_and_values_and_agrees_with_the_card(model, method):
    found = refusal(MODELS[model], method)
    assert (found is None) == MODELS[model].supports(INVERSIONS[method])
    if found is not None:
        reason = "ill_posed" if model == "exact" else "no_text"
        assert found.say == [
            f"method.refused.{reason}",
            {"model": model, "method": named_method(method)},
        ]


def test_the_exact_denoiser_is_compared_with_sdedit_and_says_why_not_with_ddim():
    request = InvertRequest.of("exact", method="sdedit", label="", steps=3)
    ddim, sdedit = rows_of(ran(finished(invert(request)), ["ddim", "sdedit"], "", budget=20))
    assert ddim.trouble[0] == "method.refused.ill_posed" and not sdedit.trouble


@pytest.mark.parametrize("name", INVERSIONS)
def test_a_method_is_called_and_promises_the_same_as_in_core(name):
    assert sentence(named_method(name)) == INVERSIONS[name].title
    assert sentence(promise(name)) == INVERSIONS[name].exact
    assert sentence(promise(name), "zh") != INVERSIONS[name].exact


def test_what_is_compared_is_what_the_request_asks_for(digits, emoji):
    assert CompareRequest.of(digits).condition == "9"
    assert CompareRequest.of(emoji).condition == "fox on a blue background"
    assert CompareRequest.of(digits, ["belm", "ddim"]).methods == ("ddim", "belm")
