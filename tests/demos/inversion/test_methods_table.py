"""The comparison of inversion methods: what the page asks and refuses, and its table."""

import re
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
import torch

from core.inversion import INVERSIONS
from demos import contest, trials
from demos.inverting import invert
from demos.methods import offered
from demos.trials import Now, Original, Row
from tests.demos import last, refused

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


def test_trouble_is_told_in_a_sentence():
    assert "It divides by &lt;alpha&gt;." in told([replace(ONE, trouble="it divides by <alpha>")])


def test_a_prompt_is_escaped_on_its_way_to_the_page(emoji, monkeypatch):
    monkeypatch.setattr(contest, "LEAST", 2)
    shown = contest.contest(emoji[1], ["sdedit"], 4, target_prompt="<i>cat</i>", strength=1.0)
    pages = [page for _, page in shown if isinstance(page, str)]
    assert len(pages) == 2 and all("&lt;i&gt;cat&lt;/i&gt;" in page for page in pages)
    assert all("<i>" not in page for page in pages)


def test_a_large_picture_is_made_smaller_and_smooth():
    uri = trials.thumbnail(torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(0)))
    assert uri.startswith("data:image/jpeg") and 'class="smooth"' in contest.shot(uri, "")
    small = trials.thumbnail(torch.zeros(1, 3, 64, 64))
    assert small.startswith("data:image/png") and "smooth" not in contest.shot(small, "")


def test_the_first_message_comes_before_any_work(digits):
    status, page = next(contest.contest(digits[1], ["ddim"], 20))
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"methods": []}, "choose one method or more"),
        ({"methods": None}, "choose one method or more"),
        ({"methods": "ddim"}, "choose one method or more"),
        ({"methods": ["magic"]}, "Method must be one of ddim"),
        ({"methods": [{}]}, "Method must be one of ddim"),
        ({"methods": ["null_text"]}, "needs a text, and the model digits has none"),
        ({"budget": 19}, "Budget must be a whole number in 20..500, got 19"),
        ({"budget": "much"}, "Budget must be a whole number"),
        ({"target": "12"}, "Target label must be one of"),
        ({"guidance": 21}, "Guidance must be a number in 0..20, got 21"),
        ({"strength": 1.5}, "Strength must be a number in 0..1, got 1.5"),
        ({"strength": 0}, "from a start level above 0"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_shown(digits, arguments, said):
    running = contest.contest(digits[1], **arguments)
    with pytest.raises(ValueError, match=said):
        next(running)


def test_bad_prompts_are_refused_and_without_an_inversion_there_is_nothing(emoji):
    assert "Target prompt must be text" in refused(contest.contest, emoji[1], target_prompt=9)
    assert "first (the page opens with a recorded one); then" in refused(contest.contest)


def test_a_model_is_offered_what_it_can_run(digits):
    text = [name for name, method in INVERSIONS.items() if method.needs_text]
    assert text and offered("emoji") == list(INVERSIONS)
    assert offered("digits") == [each for each in INVERSIONS if each not in text]
    update = contest.offer(digits[1], ["ddim", *text])
    assert update["value"] == ["ddim"]
    assert not {name for _, name in update["choices"]} & {*text}


def test_the_exact_denoiser_is_compared_with_sdedit_only():
    exact = last(invert("exact", method="sdedit", label="", steps=3))
    assert offered("exact") == ["sdedit"]
    assert "choose the method sdedit" in refused(contest.contest, exact[1], ["ddim"])
    *_, (_, page), _ = contest.contest(exact[1], ["sdedit"], 20)
    assert page.count('<th scope="row">') == 2 and "SDEdit" in page
