"""Reading captions: back to scenes, and which words the emoji model never saw."""

from __future__ import annotations

import difflib
import re
from functools import cache

from core.data.emoji import BACKGROUNDS, CHINESE, PLACES, STYLES, TINTS, Scene, Subject, subjects
from core.data.phrases import wording

ENGLISH = re.compile(
    r"(?P<small>small )?(?:(?P<tint>{tints}) )?(?P<subject>.+?)(?: (?P<place>{places}))?"
    r"(?: on an? (?P<background>{backgrounds}) background)?(?:, (?P<style>{styles}))?".format(
        tints="|".join(filter(None, TINTS)),
        places="|".join(list(PLACES)[2:]),
        backgrounds="|".join(BACKGROUNDS),
        styles="|".join(filter(None, STYLES)),
    )
)
EXAMPLES = (
    "dog face on a blue background",
    "pink elephant",
    "small rocket on a purple background",
    "castle on a pink background, sketch",
    "alarm clock, pixel art",
    "cat face, greyscale",
    "green pizza on a yellow background",
    "黄色背景上的熊猫",
)


CHINESE_CAPTION = re.compile(
    r"(?:(?P<background>.)色背景上的)?(?P<small>小的)?(?:(?P<tint>.)色的)?(?P<subject>.+?)"
    r"(?:，(?P<place>{places}))?(?:，(?P<style>{styles}))?".format(
        places="|".join(CHINESE[place] for place in list(PLACES)[2:]),
        styles="|".join(CHINESE[style] for style in filter(None, STYLES)),
    )
)


def parse(caption: str) -> Scene:
    """The scene of an English or Chinese caption of the grammar.

    ValueError, one sentence with the nearest subjects, for any other text.
    """
    text = " ".join(caption.lower().split())
    names = {subject.name_zh.lower(): name for name, subject in subjects().items()}
    found, words = CHINESE_CAPTION.fullmatch(text), {CHINESE[word]: word for word in CHINESE}
    if found is None or found["subject"] not in names:
        found, words = ENGLISH.fullmatch(text), {}
        names = {name: name for name in subjects()}
    if found is None or found["subject"] not in names:
        raise ValueError(
            f"{caption!r} is no scene; write one like 'dog face on a blue background'"
            f"{_suggested(found['subject'] if found else text)}"
        )
    part = {key: words.get(value, value) for key, value in found.groupdict(default="").items()}
    place = "small" if part["small"] else part["place"]
    background = part["background"] or "white"
    return Scene(names[found["subject"]], part["tint"], background, place, part["style"])


def unknown(prompt: str) -> dict[str, list[str]]:
    """The words of a prompt that no caption has, each with subjects that may be meant.

    A run of Chinese characters is one word, known when it is cut into words of the captions.
    """
    words = dict.fromkeys(re.findall(r"[^\W\d_]+", prompt.lower()))
    heard = vocabulary()
    return {
        word: suggestions(word)
        for word in words
        if word not in heard and not chinese_text().fullmatch(word)
    }


@cache
def vocabulary() -> frozenset[str]:
    """Every word of the captions, English words and Chinese names."""
    named = subjects().values()
    texts = [*(subject.name for subject in named), *BACKGROUNDS, *PLACES, *STYLES, *wording()[0]]
    english = re.findall(r"[^\W\d_]+", " ".join([*texts, "on a an background"]))
    return frozenset(english) | {subject.name_zh for subject in named}


@cache
def chinese_text() -> re.Pattern[str]:
    """What runs of the Chinese words of the captions match."""
    words = {subject.name_zh.lower() for subject in subjects().values()}
    words |= {piece for text in wording()[1] for piece in re.findall(r"[^\W\d_]+", text)}
    words |= {f"{CHINESE[each]}色" for each in BACKGROUNDS} | {"背景上的", "的"}
    words |= {CHINESE[each] for each in (*PLACES, *STYLES) if each}
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(f"(?:{'|'.join(map(re.escape, longest_first))})+")


def suggestions(word: str, count: int = 3) -> list[str]:
    """Subjects that a word may mean: by their tags, then by spelling."""
    word = word.lower()
    tagged = [name for name, subject in subjects().items() if _tagged(subject, word)]
    close = difflib.get_close_matches(word, list(subjects()), count, cutoff=0.6)
    return list(dict.fromkeys([*tagged, *close]))[:count]


def _tagged(subject: Subject, word: str) -> bool:
    return word in subject.tags or word in subject.tags_zh or word in subject.name.split()


def _suggested(text: str) -> str:
    near = [name for word in text.split()[-2:] for name in suggestions(word)]
    near += difflib.get_close_matches(text, list(subjects()), 3)
    return f"; near it: {', '.join(dict.fromkeys(near))}" if near else ""
