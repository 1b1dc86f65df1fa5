"""The comparison of inversion methods: what the page asks and refuses, and its table."""

import html as markup
import json
import math
import re
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
import torch

from core.inversion import INVERSIONS
from demos.inversion.methods import run
from demos.inversion.methods.request import BUDGET, METHODS, CompareRequest
from demos.inversion.methods.run import Now, Original, Row
from demos.inversion.methods.section import STOPPED, compared, seconds, section
from demos.inversion.methods.table import doing, marks, shot, table
from demos.runs.archive import Archive
from demos.ui.player import Player
from demos.ui.runner import Runner
from demos.words import Refusal, sentence
from tests.demos import refused

ONE = Row("ddim", 5, (5, 4, 5), 20.04, 12.34, "9", True, 0.5, ("data:a", "data:b"))
TWO, THREE = replace(ONE, name="residual"), replace(ONE, name="belm")
PICTURE = Original("data:p", "", math.inf, "4")
TITLES = {row.name: INVERSIONS[row.name].title for row in (ONE, TWO, THREE)}
contest: Any = compared(lambda session: session)


@pytest.fixture
def told(digits):
    """The table of some rows, as HTML."""
    request = CompareRequest.of(digits)
    return lambda rows, source=PICTURE: table(rows, source, request)


def cells(html, row):
    """The cells of a method's line, from the second on."""
    (line,) = [each for each in html.split("<tr>") if f">{TITLES[row.name]}<" in each]
    return re.split("<td[^>]*>", line)[1:]


def marked(html, *rows):
    """What the reconstruction and the edit of each method are marked by."""
    mark = re.compile(r"<strong[^>]*>([^<]*)<")
    return [["".join(mark.findall(cell)) for cell in cells(html, row)[:2]] for row in rows]


def saying(html):
    """Everything that the table says, as keys and values."""
    return [json.loads(markup.unescape(each)) for each in re.findall(r' data-say="(.*?)"', html)]


# ---- what is best -------------------------------------------------------------------------------


def test_figures_that_cannot_be_told_apart_make_no_winner(told):
    """Three reconstructions at 155.8, 151.3 and 107.9 dB: 8 bits hold no such difference."""
    rows = [replace(r, back=b) for r, b in ((ONE, 155.8), (TWO, 151.3), (THREE, 107.9))]
    assert [back for back, _ in marked(told(rows), *rows)] == ["", "", ""]
    rows[2] = replace(THREE, back=59.0)
    assert [back for back, _ in marked(told(rows), *rows)] == ["", "", ""]
    rows[1] = replace(TWO, back=59.2)
    assert [back for back, _ in marked(told(rows), *rows)] == ["best", "", ""]


def test_equal_within_the_printed_digits_is_a_tie(told):
    rows = [replace(r, kept=k) for r, k in ((ONE, 12.34), (TWO, 12.31), (THREE, 11.9))]
    assert [kept for _, kept in marked(told(rows), *rows)] == ["tied for best"] * 2 + [""]
    rows[0] = replace(ONE, kept=12.36)
    assert [kept for _, kept in marked(told(rows), *rows)] == ["best", "", ""]


def test_only_an_edit_that_is_read_as_asked_is_the_best(told):
    rows = [ONE, replace(TWO, kept=40.0, read="4", meant=False)]
    html = told(rows)
    assert marked(html, *rows) == [["tied for best", "best"], ["tied for best", ""]]
    assert "Not one of these edits" not in html
    assert "Not one of these edits is read as what was asked for" in told(rows[1:])
    assert "Not one of these edits" not in told([replace(rows[1], meant=None)])


def test_one_method_alone_is_not_the_best(told):
    assert marked(told([ONE]), ONE) == [["", ""]]
    assert marks({"a": 20.0}, 2) == {"a": "compare.best"} and marks({}, 2) == {}


@pytest.mark.parametrize("ratio", [60.0, 59.96, 107.9, math.inf])
def test_from_60_decibels_on_all_are_equal(ratio):
    assert marks({"a": ratio, "b": 300.0}, 2) == {}


# ---- what the table says ------------------------------------------------------------------------


def test_pictures_are_described_by_their_numbers(told):
    html = told([ONE])
    assert 'alt="The picture that every method inverts, read as 4"' in html
    assert 'alt="Reconstruction by DDIM, t of the next level: PSNR 20.0 dB"' in html
    assert 'alt="Edit by DDIM, t of the next level: PSNR 12.3 dB kept, read as 9"' in html
    assert "Every method that ran had the same 100 denoiser calls" in html
    assert ">5 + 4</small>" in html and ">to reconstruct: 5</small>" in html
    copied = markup.unescape(told([ONE], Original("data:p", "data:c", 31.7, "4")))
    assert 'alt="The model\'s copy of the picture: 31.7 dB to the picture, read as 4"' in copied


def test_how_every_method_is_asked_is_said(told, digits, emoji):
    assert "from label 4, at guidance 3 from start level 0.8; inverted at guidance 1." in told([])
    weak = CompareRequest.of(digits, guidance=0)
    assert "at guidance 0 (the label does nothing)" in table([], PICTURE, weak)
    weak = CompareRequest.of(emoji, guidance=0.5)
    assert "at guidance 0.5 (the prompt counts 50 %)" in table([], PICTURE, weak)


def test_every_column_has_a_header_and_every_line_as_many_cells(told):
    refusal: Any = Refusal("method.refused.no_text", model="digits", method="EDICT").say
    rows = [ONE, replace(TWO, note="x"), Row("edict", 0, trouble=refusal)]
    head, body = told(rows, Original("data:p", "data:c", 31.7, "")).split("<tbody>")
    headers = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", head)
    assert len(headers) == 7 and all(headers) and headers[0] == "Method"
    lines = body.split("<tr>")[1:]
    assert len(lines) == 5
    for line in lines:
        spans = re.findall(r"<td[^>]*?colspan=\"(\d)\"", line)
        wide = sum(int(span) - 1 for span in spans)
        assert line.count("<th") + line.count("<td") + wide == 7
        assert re.search(r'<th scope="row"[^>]*>[^<]*(<span[^>]*>)?[^<]+<', line)


def test_all_that_is_said_is_said_in_chinese_too(told):
    refusal = Refusal("method.refused.no_text", model="digits", method="EDICT").say
    rows = [ONE, replace(TWO, meant=False), Row("null_text", 0, trouble=refusal)]
    html = told(rows, Original("data:p", "data:c", 31.7, "4"))
    names = r"DDIM|PSNR|EDICT|digits|emoji|O|N|dB|t"
    english = [sentence(say, "zh") for say in saying(html)]
    assert len(english) > 25
    for text in english:
        assert not re.search(r"[A-Za-z]{3}", re.sub(rf"\b({names})\b", "", text)), text
    visible = re.sub(r'<[^>]*data-say="[^>]*>[^<]*', "", html)
    assert not re.search(r"[A-Za-z]", re.sub("<[^>]*>", "", visible)), "said in no language"


def test_everything_is_escaped(digits, monkeypatch):
    evil: Any = '"><script>alert(1)</script>'
    method: Any = replace(INVERSIONS["ddim"], name=evil, title=evil, exact=evil)
    monkeypatch.setitem(INVERSIONS, evil, method)
    row = replace(ONE, name=evil, read=evil, note=evil, pictures=(evil, evil))
    source = Original(evil, evil, 30.0, evil)
    request = replace(CompareRequest.of(digits), target=evil)
    html = table([row, replace(row, trouble=evil)], source, request)
    assert "<script" not in html and html.count("&lt;script&gt;") > 10
    assert "<script" not in doing(Now(evil, 1, 1, "inverting", 0, 1))


def test_trouble_is_told_in_its_line(told):
    html = told([replace(ONE, trouble="It divides by <alpha>.")])
    assert ">It divides by &lt;alpha&gt;.</td>" in html


def test_a_prompt_is_escaped_on_its_way_to_the_page(emoji):
    request = replace(CompareRequest.of(emoji), target_prompt="<i>cat</i>")
    page = table([], PICTURE, request)
    assert "&lt;i&gt;cat&lt;/i&gt;" in page and "<i>" not in page


def test_a_large_picture_is_made_smaller_and_smooth():
    uri = run.thumbnail(torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(0)))
    assert uri.startswith("data:image/jpeg") and 'class="smooth"' in shot(uri, "")
    small = run.thumbnail(torch.zeros(1, 3, 64, 64))
    assert small.startswith("data:image/png") and "smooth" not in shot(small, "")


# ---- the event ----------------------------------------------------------------------------------


def test_the_first_message_comes_before_any_work(digits):
    status, page = next(contest(digits, ["ddim"], 20))
    assert "Looking at the picture" in status and page == gr.skip()


def test_the_table_grows_and_the_end_counts_all_methods(digits):
    needing = next(name for name, method in INVERSIONS.items() if method.needs_text)
    *shown, (status, page) = contest(digits, ["ddim", needing], 20)
    pages = [each for _, each in shown if isinstance(each, str)]
    assert [each.count("<tr>") for each in pages] == [2, 3, 4] and page == gr.skip()
    assert (
        f"“{INVERSIONS[needing].title}” needs a text, and the model digits has none" in pages[-1]
    )
    assert "Done: 2 of 2." in status


def test_the_section_asks_for_what_the_edit_asks_for():
    with gr.Blocks() as blocks:
        stop = gr.Button("Stop")
        runner = Runner("contest", Player(None, name="contest"), stop)
        names = ("mask", "strength", "target_prompt", "target", "guidance")
        editing = {name: gr.Textbox(label=name) for name in names}
        section(runner, editing, lambda session: session)
    (event,) = [
        each for each in blocks.fns.values() if each.api_name == "compare_methods" and each.fn
    ]
    inputs: list[Any] = list(event.inputs)
    assert [each.label for each in inputs[3:]] == [
        "target",
        "target_prompt",
        "guidance",
        "strength",
    ]
    assert inputs[0] is runner.archive and inputs[1].value == list(METHODS)
    assert [choice[1] for choice in inputs[1].choices] == list(INVERSIONS)
    assert inputs[2].value == BUDGET and (inputs[2].minimum, inputs[2].maximum) == (20, 500)
    assert event.concurrency_id == "compare_methods" and event.api_visibility == "public"


def test_the_arguments_of_the_event_are_those_of_the_request():
    assert list(CompareRequest.defaults()) == [
        "session",
        "methods",
        "budget",
        "target",
        "target_prompt",
        "guidance",
        "strength",
    ]
    defaults = CompareRequest.defaults()
    assert defaults["methods"] == ("ddim", "residual", "edit_friendly", "belm", "sdedit")
    assert (defaults["budget"], defaults["target"]) == (100, "9")
    assert (defaults["guidance"], defaults["strength"]) == (3.0, 0.8)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"methods": []}, "Choose one method or more"),
        ({"methods": None}, "Methods must be a list"),
        ({"methods": "ddim"}, "Methods must be a list"),
        ({"methods": ["magic"]}, "Methods must be one of ddim"),
        ({"methods": [{}]}, "Methods must be one of ddim"),
        ({"budget": 19}, "Budget must be a whole number in 20..500, got 19"),
        ({"budget": "much"}, "Budget must be a whole number"),
        ({"target": "12"}, "Target label must be one of"),
        ({"guidance": 21}, "Guidance must be a number in 0..20, got 21"),
        ({"strength": 1.5}, "Start level must be a number in 0..1, got 1.5"),
        ({"strength": 0}, "from a start level above 0"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_shown(digits, arguments, said):
    running = contest(digits, **arguments)
    with pytest.raises(ValueError, match=said):
        next(running)


def test_bad_prompts_are_refused_and_without_an_inversion_there_is_nothing(emoji):
    assert "Target prompt must be text" in refused(contest, emoji, target_prompt=9)
    assert "Invert a picture first; then" in refused(contest)


def test_a_comparison_of_the_recorded_run_is_as_long_as_any_other(digits):
    archive = Archive("run", result=digits)
    assert seconds("recorded", METHODS, 500) == seconds(archive, METHODS, 500) > 12
    assert seconds(None, METHODS, 500) == seconds(Archive("run"), METHODS, 500) == 0


def test_what_is_said_when_it_is_stopped_follows_the_language():
    assert "compare.stopped" in STOPPED and "Stopped: the rows that are done stay." in STOPPED
