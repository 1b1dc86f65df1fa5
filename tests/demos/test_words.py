"""Every text in every language: nothing missing, nothing unused, the same values in all."""

import ast
import json
import math
import re

import pytest

from core.paths import ROOT
from demos.views.html import spoken
from demos.words import FOLDER, LANGUAGES, Refusal, percent, said, sentence, table
from demos.words.reasons import BEGIN

PLACE = re.compile(r"\{(\w+)")
SOURCES = [*(ROOT / "demos").rglob("*.py"), ROOT / "app.py"]
SCRIPTS = [*(ROOT / "assets/ui").rglob("*.js"), ROOT / "assets/ui/player.html"]


def texts():
    """Every string of the sources, and the constant beginnings of those that are composed."""
    whole, begun = set(), set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                first = node.values[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    begun.add(first.value)
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        whole |= set(re.findall(r"[\"'`]([\w.]+)[\"'`]", text))
        begun |= set(re.findall(r"`([\w.]+)\$\{", text))
    for path in (ROOT / "assets/ui").glob("*.html"):  # pages of their own
        whole |= set(re.findall(r"\{\{([\w.]+)\}\}", path.read_text(encoding="utf-8")))
    return whole, begun


def events():
    """The names of the public events, and of their fields: their words are found by name."""
    from demos.runs.requests import Request

    found, classes = set(), [Request]
    while classes:
        request = classes.pop()
        classes += request.__subclasses__()
        found |= {(getattr(request, "event", ""), name) for name in request.controls()}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_in_order(language):
    assert list(table(language)) == sorted(table("en"))
    assert all(text.strip() for text in table(language).values())
    written = (FOLDER / f"{language}.json").read_text(encoding="utf-8")
    assert written == json.dumps(table(language), ensure_ascii=False, indent=1) + "\n"


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_a_translation_has_the_values_of_the_original(language):
    plurals = re.compile(r"\{\w+:plural:[^}]*\}")
    for key, text in table("en").items():
        wanted = set(PLACE.findall(plurals.sub("", text)))
        found = set(PLACE.findall(plurals.sub("", table(language)[key])))
        only_counted = set(PLACE.findall(text)) - wanted
        assert wanted <= found <= wanted | only_counted, key


def test_no_key_is_unused():
    whole, begun = texts()
    fields = {name for _, name in events()}
    parts = {f"{event}.{name}" for event, name in events()} | fields
    unused = []
    for key in table("en"):
        if key.startswith(BEGIN):  # tests/demos/test_reasons.py
            continue
        stem = re.sub(r"\.(label|info|option\..*|value)$", "", key)
        named = stem in parts or key in whole or any(key.startswith(b) and b for b in begun)
        number = re.fullmatch(r"number\.(\w+)\.(label|value)", key)
        if number:
            named = number[1] in whole or any(number[1] in text for text in whole)
        if not named:
            unused.append(key)
    assert not unused


def test_no_key_is_missing():
    whole, _ = texts()
    prefixes = {key.split(".")[0] for key in table("en")}
    keys = {
        text
        for text in whole
        if re.fullmatch(r"[a-z]\w*(\.[a-z]\w*)+", text)
        and text.split(".")[0] in prefixes
        and not text.endswith((".py", ".json", ".html", ".js"))
    }
    missing = sorted(keys - set(table("en")))
    assert not [key for key in missing if not any(k.startswith(key) for k in table("en"))]


def test_a_sentence_is_made_of_values():
    say = said("sample.step", step=3, steps=50, share=0.712)
    assert sentence(say) == "Step 3 of 50: noise is 71 % of the power;"
    assert sentence([say, said("sample.moved", share=0.001)]).endswith(
        "the guess moved under 1 %."
    )
    assert sentence(say, "zh") == "第 3 步，共 50 步：噪声占功率的 71 %；"
    assert sentence("as it is") == "as it is"
    assert sentence(["以上", "（log-SNR 1）。", "共", "(1)"]) == "以上（log-SNR 1）。共 (1)"
    one, many = (said("sample.done.guess", steps=n) for n in (1, 2))
    assert "after 1 step." in sentence(one) and "after 2 steps." in sentence(many)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.001, "under 1 %"), (0.01, "1 %"), (0.994, "over 99 %"), (1, "100 %")],
)
def test_a_share_never_says_0_or_100_without_being_it(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(2**32 - 1, "4294967295"), (7.0, "7"), (0.5, "0.5"), ("as it is", "as it is")],
)
def test_a_number_is_said_as_it_is(value, text):
    say = said("refused.whole", name="Seed", low=0, high=value, got=-5)
    assert f"in 0..{text}, got -5." in sentence(say)


def test_a_refusal_speaks_every_language():
    refusal = Refusal("refused.whole", name=said("steps.label"), low=1, high=9, got="0")
    assert str(refusal) == "Steps must be a whole number in 1..9, got 0."
    assert sentence(refusal.say, "zh") == "步数必须是 1..9 之间的整数，收到的是 0。"


@pytest.mark.parametrize(("ratio", "text"), [(math.inf, "∞ dB"), (20.0, "20.0 dB")])
def test_what_is_said_is_json_also_where_a_figure_is_infinite(ratio, text):
    """The browser reads no Infinity: the whole message would be lost, and the sentence with it."""
    for say in (said("compare.figure", ratio=ratio), Refusal("compare.figure", ratio=ratio).say):
        sent = json.loads(json.dumps(say, allow_nan=False))
        assert sent == say and sentence(sent).startswith(text)
    assert "Infinity" not in spoken(said("compare.figure", ratio=ratio))
