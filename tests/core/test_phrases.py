"""Captions as people write them: they say what the scene is, in words that the tokenizer has."""

import re
from functools import cache

import pytest
import torch

from core.data.captions import unknown, vocabulary
from core.data.emoji import Scene, subjects
from core.data.phrases import article, plural, wording, written
from core.data.synonyms import SYNONYMS, SYNONYMS_ZH
from core.training.tokenizer import PIECES, TOKENS, tokenizer
from tests.core import many


@cache
def drawn(scene, language="en", count=400):
    """Captions of one scene, drawn with one generator."""
    generator = torch.Generator().manual_seed(0)
    return [written(scene, generator, language) for _ in range(count)]


def test_the_same_generator_draws_the_same_captions():
    scene = Scene("dog face", "red", "blue", "small", "sketch")
    assert drawn(scene) == drawn(scene) and len(set(drawn(scene))) > 100


@pytest.mark.parametrize(
    "phrase",
    [
        "penguin",
        "a penguin",
        "the penguin",
        "a picture of a penguin",
        "an image of a penguin",
        "a drawing of a penguin",
        "an emoji of a penguin",
        "penguin on a white background",
        "penguin in the middle",
        "a large penguin",
    ],
)
def test_a_plain_scene_is_said_in_many_forms(phrase):
    assert phrase in {text.lower().rstrip(".!") for text in drawn(Scene("penguin"), count=20_000)}


@pytest.mark.parametrize(
    "phrase", ["一只企鹅", "企鹅的图片", "白色背景上的企鹅", "企鹅，白色背景"]
)
def test_the_same_in_chinese(phrase):
    assert phrase in set(drawn(Scene("penguin"), "zh", 20_000))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_a_scene_says_is_in_every_caption(language):
    said = {
        "en": ("red", "blue", r"sketch", r"left", r"guitar"),
        "zh": ("红色", "蓝色", "素描", "左边", "吉他"),
    }[language]
    for text in drawn(Scene("guitar", "red", "blue", "on the left", "sketch"), language):
        assert all(word in text.lower() for word in said), text


def test_no_caption_says_what_is_not_so():
    colours = re.compile(r"\b(grey|black|red|orange|yellow|green|blue|purple|pink|small|tiny)\b")
    for text in drawn(Scene("guitar"), count=2_000):
        assert not colours.search(text.lower()), text


def test_synonyms_name_one_subject_each():
    for table, names in (
        (SYNONYMS, set(subjects())),
        (SYNONYMS_ZH, {subject.name_zh for subject in subjects().values()}),
    ):
        said = [other for others in table.values() for other in others]
        assert set(table) <= set(subjects()) and len(said) == len(set(said))
        assert not set(said) & names


def test_plurals_and_articles():
    several = ("penguin", "wolf", "fox", "candy", "tomato", "glasses", "deer", "bus", "butterfly")
    assert [plural(name) for name in several] == [
        "penguins", "wolves", "foxes", "candies", "tomatoes", "glasses", "deer", "buses",
        "butterflies",
    ]  # fmt: skip
    assert plural("book") == "book"  # "books" are another picture
    assert plural("heart on fire") == "heart on fire"
    assert not {plural(name) for name in subjects()} & (
        set(subjects()) - {name for name in subjects() if plural(name) == name}
    )
    one = ("owl", "unicorn", "hourglass", "ufo", "penguin", "orange dog")
    assert [article(name) for name in one] == [
        "an owl", "a unicorn", "an hourglass", "a ufo", "a penguin", "an orange dog",
    ]  # fmt: skip


def test_every_english_word_is_one_token_and_fits():
    tokens, generator = tokenizer(), torch.Generator().manual_seed(0)
    for scene in many(1000):
        text = written(scene, generator)
        ids = tokens(text).input_ids
        assert len(ids) == len(re.findall(PIECES, text)) + 2 <= TOKENS
        assert tokens(text.upper()).input_ids == ids


def test_chinese_captions_are_cut_into_few_tokens():
    tokens = tokenizer()
    assert tokens.tokenize("在白色背景上的一只企鹅的图片")[0]
    cut = [tokens.decode([k]) for k in tokens("在白色背景上的一只企鹅的图片").input_ids[1:-1]]
    assert cut == ["在", "白色", "背景上的", "一", "只", "企鹅", "的图片"]


def test_the_words_of_the_page_know_them():
    english, chinese = wording()
    assert set(re.findall(r"[^\W\d_]+", " ".join(english))) <= vocabulary()
    assert {"小猫", "老虎"} <= set(chinese)
    generator = torch.Generator().manual_seed(0)
    for scene in many(300):
        for language in ("en", "zh"):
            assert not unknown(written(scene, generator, language))
    assert unknown("一只企鹅的图片，白色背景。") == {} == unknown("A picture of the tiger!")
    assert list(unknown("一只企鹅的宫殿 on a sofa")) == ["一只企鹅的宫殿", "sofa"]
