"""The words of the page: sentences in two languages, figures rounded as by the server."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from demos import words as python
from demos.ui.player import Player, page_head
from tests.e2e.bench import mounted, tape

VALUES = [0, 0.004, 0.0051, 0.01, 0.005, 0.125, 0.375, 0.713, 0.985, 0.99, 0.991, 0.9999, 1]
SHORTS = [0, 1, -0.859, 0.00635, 1.125, 0.1235, 12.35, 123.5, 999.5, 1234, 0.00001234, 0.0001234]


def filled(page, template, **values):
    return page.evaluate(
        "([key, values]) => stepwise.words.say([key, values])", [template, values]
    )


def test_figures_are_rounded_as_the_server_rounds_them(bench):
    page = bench()
    for value in VALUES:
        assert filled(page, "{x:percent}", x=value) == python.percent(value)
    for value in SHORTS:
        assert filled(page, "{x:short}", x=value) == python.short(value), value
    for value in (28.05, 28.15, 0.25, 100):
        assert filled(page, "{x:decibel}", x=value) == python.decibel(value)
    for value in (0.5, 1.5, 2.5, 999.49):
        assert filled(page, "{x:whole}", x=value) == f"{value:.0f}"
    assert filled(page, "{x:decibel}, {y:short}", x="inf", y="-inf") == "∞ dB, −∞"
    assert filled(page, "{x:decibel}, {y:short}", x="∞", y="−∞") == "∞ dB, −∞"


def test_plurals_nested_texts_and_lists_are_said(bench):
    page = bench()
    steps = "{n} {n:plural:step|steps}"
    assert [filled(page, steps, n=n) for n in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]
    assert filled(page, "{a} | {b}", a=["player.play", {}], b="{n}") == "Play | {n}"
    said = [["player.frame", {"number": 3}], "and", ["player.done"]]
    assert page.evaluate("(said) => stepwise.words.say(said)", said) == "frame 3 and done"
    said = ["以上", "（log-SNR 1）。", "共", "(1)"]
    assert page.evaluate("(said) => stepwise.words.say(said)", said) == "以上（log-SNR 1）。共 (1)"
    assert filled(page, "no.such.key") == "no.such.key"
    assert filled(page, "{absent}") == "{absent}"
    assert page.evaluate("stepwise.words.say('plain {text}')") == "plain {text}"


@pytest.mark.parametrize(
    ("locale", "language"), [("zh-CN", "zh"), ("zh-Hant-TW", "zh"), ("de-DE", "en")]
)
def test_the_first_language_is_that_of_the_browser(bench, locale, language):
    page = bench(locale)
    assert page.evaluate("stepwise.words.language") == language
    assert page.locator("html").get_attribute("lang") == language
    assert f"stepwise_language={language}" in page.evaluate("document.cookie")


def test_a_chosen_language_is_filled_in_told_and_remembered(bench):
    page = bench()
    player = mounted(page, tape())
    expect(player.locator(".save")).to_have_text("Save frame")
    page.evaluate(
        """() => document.addEventListener("stepwise:language",
             (event) => { window.told = event.detail.language; })"""
    )
    page.evaluate("() => { one.seek(4); stepwise.words.choose('zh'); }")
    expect(player.locator(".save")).to_have_text("保存这一帧")
    expect(player.locator(".frame-count")).to_have_text("第 5 帧，共 51 帧")
    expect(player.locator(".thumb").first).to_have_attribute("aria-label", "第 1 帧")
    late = """() => { const node = document.createElement("i");
      node.dataset.say = '["player.done"]'; document.body.append(node); return node; }"""
    node = page.evaluate_handle(late)
    page.wait_for_function("(node) => node.textContent === '已完成'", arg=node)
    changed = '["player.pause"]'
    node.evaluate("(node, said) => { node.dataset.say = said; }", changed)
    page.wait_for_function("(node) => node.textContent === '暂停'", arg=node)
    assert page.evaluate("told") == "zh"
    assert "stepwise_language=zh" in page.evaluate("document.cookie")
    page.reload()
    assert page.evaluate("stepwise.words.language") == "zh"


def test_the_head_has_the_words_and_a_player_no_more_than_one_call():
    head = page_head()
    tables = re.search(r'id="stepwise-words">(.*?)</script>', head, re.S)
    assert tables and "<" not in tables[1]
    assert json.loads(tables[1])["en"]["player.play"] == "Play"
    assert head.count("class Run ") == 1
    player: Any = Player(name="x", render=False)
    assert player.js_on_load.startswith("stepwise.mount(element, props, watch, {")
    assert len(player.js_on_load) < 200
