"""Inversion methods compared: real runs at a small budget, and the table of made-up ones."""

import re
import types
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import pytest
import torch

from core.data import mnist, signed
from core.data.captions import parse
from core.images import from_pil
from core.inversion import INVERSIONS, finish
from core.inversion.ddim import DDIMInversion
from core.metrics import psnr
from core.models import MODELS, load
from demos import contest, trials
from demos.player import PERIOD
from demos.trials import Now, Original, Row, compare, offered, planned
from tests.demos import refused

SCENE = "dog face on a blue background"


def session_of(name, x0, pixels, prompt, guidance=1.0):
    """What the tab keeps of an inversion, as far as the comparison looks at it."""
    method = INVERSIONS["sdedit" if name == "exact" else "ddim"]
    inversion = finish(method.invert(load(name), x0, prompt, steps=2, guidance=guidance))
    return types.SimpleNamespace(inversion=inversion, x0=x0, pixels=pixels)


@pytest.fixture(scope="module")
def digits():
    """A digit, inverted at guidance 1."""
    images, labels = mnist("test")
    x0 = signed(images[(labels == 4).nonzero()[0]])
    return session_of("digits", x0, load("digits").pixels(x0), "4")


@pytest.fixture(scope="module")
def emoji():
    """A scene, inverted at guidance 7.5."""
    picture = parse(SCENE).picture()
    x0 = load("emoji").encode([picture])
    return session_of("emoji", x0, from_pil(picture, "RGB"), SCENE, 7.5)


def ran(session, methods, target, budget=8, guidance=3.0, strength=0.8) -> list[Any]:
    """Everything that a comparison yields."""
    inversion = session.inversion
    asked = budget, inversion.prompt, target, guidance, strength
    return list(compare(inversion, session.x0, session.pixels, methods, *asked))


def rows_of(yielded):
    return [each for each in yielded if isinstance(each, Row)]


@pytest.fixture(scope="module")
def digit_run(digits):
    """The methods that the page opens with."""
    return ran(digits, contest.METHODS[::-1], "9")


@pytest.fixture(scope="module")
def emoji_run(emoji):
    """DDIM and two exact methods under guidance."""
    return ran(emoji, ("ddim", "residual", "edit_friendly"), "cat face on a blue background")


# ---- the runs -----------------------------------------------------------------------------------


def test_every_method_keeps_to_the_budget_and_spends_it(digit_run):
    rows = rows_of(digit_run)
    assert [row.name for row in rows] == [name for name in INVERSIONS if name in contest.METHODS]
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
    ] * len(contest.METHODS)
    assert all(now.done <= now.total for now in told)


def test_exact_methods_come_back_under_guidance_and_ddim_does_not(emoji_run):
    back = {row.name: row.back for row in rows_of(emoji_run)}
    assert back["ddim"] < 30 < 60 < min(back["residual"], back["edit_friendly"])


def test_a_scene_is_read_as_a_caption_and_measured_against_the_copy(emoji_run):
    source = emoji_run[1]
    assert source.copy and 20 < source.copied < 50 and source.read == SCENE
    for row in rows_of(emoji_run):
        assert parse(row.read).caption() == row.read
        assert row.meant == (row.read == "cat face on a blue background")


def test_what_needs_a_guided_inversion_says_so(emoji):
    unguided = types.SimpleNamespace(**vars(emoji))
    unguided.inversion = replace(emoji.inversion, guidance=1.0)
    (row,) = rows_of(ran(unguided, ["null_text"], "a zeppelin", budget=28))
    assert "nothing to fit" in row.note and row.steps == 2 and row.meant is None


def test_a_budget_that_cannot_be_spent_is_told(digits, monkeypatch):
    monkeypatch.setattr(trials, "MOST_STEPS", 3)
    (row,) = rows_of(ran(digits, ["ddim"], "9"))
    assert row.steps == 3 and "3 steps are the most" in row.note


@dataclass(frozen=True, kw_only=True)
class Broken(DDIMInversion):
    """Ends in a sentence after its first step."""

    def climb(self, start, seed):
        yield from list(super().climb(start, seed))[:1]
        raise ValueError("it divides by <alpha>")


def test_the_trouble_of_one_method_is_told_in_its_row(digits, monkeypatch):
    broken = Broken(name="broken", title="Broken", source="")
    monkeypatch.setitem(INVERSIONS, "broken", broken)
    yielded = ran(digits, ["broken", "ddim"], "9")
    ddim, row = rows_of(yielded)
    assert row.trouble == "it divides by <alpha>" and ddim.back > 10 and not ddim.trouble
    html = contest.table([ddim, row], yielded[1], 20, "label 9", "")
    assert "It divides by &lt;alpha&gt;." in html


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
    monkeypatch.setattr(trials, "PERIOD", 0.0)
    before = torch.is_grad_enabled(), len(digits.inversion.trajectory)
    running: Any = contest.contest(digits, ["slow"], 500)
    for status, _ in running:
        if "step 2 of" in str(status):
            break
    assert not ended
    running.close()
    assert ended == [True]
    assert (torch.is_grad_enabled(), len(digits.inversion.trajectory)) == before
    assert PERIOD <= 0.1


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.02, 0.55, 0.8, 1.0])
@pytest.mark.parametrize("name", INVERSIONS)
def test_the_steps_are_the_most_that_the_budget_pays_for(name, strength):
    model, method = load("emoji"), INVERSIONS[name]
    steps = planned(model, [name], 100, strength)[name]
    assert trials.cost(method, steps, strength) <= 100
    assert steps == 500 or trials.cost(method, steps + 1, strength) > 100


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"methods": []}, "choose one method or more"),
        ({"methods": None}, "choose one method or more"),
        ({"methods": "ddim"}, "choose one method or more"),
        ({"methods": ["magic"]}, "Method must be one of ddim"),
        ({"methods": [{}]}, "Method must be one of ddim"),
        ({"methods": ["null_text"]}, "works on text-to-image models alone"),
        ({"budget": 19}, "Budget must be a whole number in 20..500, got 19"),
        ({"budget": "much"}, "Budget must be a whole number"),
        ({"target": "12"}, "Target label must be one of"),
        ({"guidance": 21}, "Guidance must be a number in 0..20, got 21"),
        ({"strength": 1.5}, "Strength must be a number in 0..1, got 1.5"),
        ({"strength": 0}, "from a start level above 0"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_shown(digits, arguments, said):
    running = contest.contest(digits, **arguments)
    with pytest.raises(ValueError, match=said):
        next(running)


def test_bad_prompts_are_refused_and_without_an_inversion_there_is_nothing(emoji):
    assert "Target prompt must be text" in refused(contest.contest, emoji, target_prompt=9)
    assert refused(contest.contest) == "invert a picture first; then methods can be compared on it"


def test_a_model_is_offered_what_it_can_run(digits, emoji):
    text = [name for name, method in INVERSIONS.items() if method.needs_text]
    assert text and offered(emoji.inversion.model) == list(INVERSIONS) == offered(None)
    assert offered(digits.inversion.model) == [each for each in INVERSIONS if each not in text]
    update = contest.offer(digits, ["ddim", *text])
    assert update["value"] == ["ddim"]
    assert not {name for _, name in update["choices"]} & {*text}
    exact = session_of("exact", digits.x0, digits.pixels, "")
    assert offered(exact.inversion.model) == ["sdedit"]
    assert "SDEdit alone" in refused(contest.contest, exact, ["ddim"])
    assert [row.name for row in rows_of(ran(exact, ["sdedit"], "9"))] == ["sdedit"]


def test_other_models_are_not_read():
    model = types.SimpleNamespace(card=replace(MODELS["emoji"], name="other"))
    assert trials.reading(model, torch.zeros(1, 3, 64, 64)) == ""  # type: ignore[arg-type]


# ---- the table ----------------------------------------------------------------------------------

ONE = Row("one", "One", "no", 5, (5, 4, 5), 20.04, 12.34, "9", True, 0.5, ("data:a", "data:b"))
PICTURE = Original("data:p", "", float("inf"), "4")


def told(rows, source=PICTURE):
    return contest.table(rows, source, 100, "label 9", "at guidance 3")


def cells(html, row):
    """The cells of a method's line."""
    (line,) = [each for each in html.split("<tr>") if each.startswith(f'<th scope="row">{row}')]
    return re.split("<td[^>]*>", line)


def test_the_best_are_marked_by_a_word_and_equals_are_equal():
    exact = replace(ONE, name="two", title="Two", back=60.5, kept=15.0, read="4", meant=False)
    other = replace(ONE, name="three", title="Three", back=float("inf"), kept=12.31)
    html = told([ONE, exact, other])
    marked = {
        row: [">best<" in cell for cell in cells(html, row)[1:3]]
        for row in ("One", "Two", "Three")
    }
    assert marked == {"One": [False, True], "Two": [True, False], "Three": [True, True]}
    assert "Not one of these edits" not in html
    assert "Not one of these edits is read as what was asked for" in told([exact])
    assert "Not one of these edits" not in told([replace(exact, meant=None)])


def test_pictures_are_described_by_their_numbers():
    html = told([ONE])
    assert 'alt="The picture that every method inverts, read as 4"' in html
    assert 'alt="Reconstruction by One: PSNR 20.0 dB"' in html
    assert 'alt="Edit by One: PSNR 12.3 dB kept, read as 9"' in html
    assert "Every method had the same 100 denoiser calls" in html
    assert "<td>9<small>5 + 4</small><small>to reconstruct: 5</small>" in html
    copied = told([ONE], Original("data:p", "data:c", 31.7, ""))
    assert 'alt="The model\'s copy of the picture: 31.7 dB to the picture"' in copied.replace(
        "&#x27;", "'"
    )


def test_everything_is_escaped():
    evil = '"><script>alert(1)</script>'
    row = replace(ONE, title=evil, exact=evil, read=evil, note=evil, pictures=(evil, evil))
    source = Original(evil, evil, 30.0, evil)
    html = contest.table([row, replace(row, trouble=evil)], source, 100, evil, evil)
    assert "<script" not in html and html.count("&lt;script&gt;") > 10
    assert "<script" not in contest.doing(Now(evil, 1, 1, "inverting", 0, 1))


def test_a_prompt_is_escaped_on_its_way_to_the_page(emoji, monkeypatch):
    monkeypatch.setattr(contest, "LEAST", 2)
    shown = contest.contest(emoji, ["sdedit"], 4, target_prompt="<i>cat</i>", strength=1.0)
    pages = [page for _, page in shown if isinstance(page, str)]
    assert len(pages) == 2 and all("&lt;i&gt;cat&lt;/i&gt;" in page for page in pages)
    assert all("<i>" not in page for page in pages)


def test_a_large_picture_is_made_smaller_and_smooth():
    uri = trials.thumbnail(torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(0)))
    assert uri.startswith("data:image/jpeg") and 'class="smooth"' in contest.shot(uri, "")
    small = trials.thumbnail(torch.zeros(1, 3, 64, 64))
    assert small.startswith("data:image/png") and "smooth" not in contest.shot(small, "")


# ---- the page -----------------------------------------------------------------------------------


def test_the_first_message_comes_before_any_work(digits):
    status, page = next(contest.contest(digits, ["ddim"], 20))
    assert "looking at it" in status and page == gr.skip()


def test_the_section_asks_for_what_the_edit_asks_for():
    with gr.Blocks() as blocks:
        session = gr.State()
        names = ("mask", "strength", "target_prompt", "target", "guidance")
        editing = {name: gr.Textbox(label=name) for name in names}
        contest.section(session, editing)
    (event,) = [
        each for each in blocks.fns.values() if each.api_name == "compare_methods" and each.fn
    ]
    inputs: list[Any] = list(event.inputs)
    labels = [each.label for each in inputs[1:]]
    assert labels == ["Methods", "Budget", "target", "target_prompt", "guidance", "strength"]
    assert inputs[0] is session and inputs[1].value == list(contest.METHODS)
    assert [choice[1] for choice in inputs[1].choices] == list(INVERSIONS)
    assert event.concurrency_id == "compare_methods" and event.api_visibility == "public"
