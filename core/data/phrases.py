"""Captions as people write them: other words and another order for the same scenes.

`written` draws one for a scene: articles, "a picture of ...", a white background said aloud,
the style as a noun, plurals, synonyms, in English and Chinese. `core.data.captions` reads the
grammar that the page offers; this wording is what the model hears beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from core.data.emoji import CHINESE, Scene, subjects
from core.data.synonyms import SYNONYMS, SYNONYMS_ZH

OPENINGS = (
    ("a", 6), ("the", 4), ("one", 1), ("draw a", 1), ("show me a", 1), ("picture of a", 2),
    ("a picture of a", 4), ("a picture of the", 1), ("a picture of", 1), ("a photo of a", 2),
    ("a drawing of a", 2), ("an image of a", 2), ("an emoji of a", 2), ("an icon of a", 1),
)  # fmt: skip
STYLED = {
    "greyscale": ("a greyscale picture of a", "a grayscale image of a", "a black and white"),
    "sketch": ("a sketch of a", "a pencil sketch of a", "sketch of a", "sketched"),
    "pixel art": ("pixel art of a", "a pixel art picture of a", "a pixelated", "pixel art,"),
}
STYLES_SAID = {
    "greyscale": (", greyscale", ", black and white", " in greyscale", " in black and white"),
    "sketch": (", sketch", ", sketched", " as a sketch", ", pencil sketch"),
    "pixel art": (", pixel art", " as pixel art", " in pixel art style", ", pixelated"),
}
SIZES = {"small": ("small", "little", "tiny"), "": ("large", "big")}
PLACES_SAID = {
    "": ("in the middle", "in the centre", "in the center"),
    "on the left": ("on the left", "on the left side", "at the left", "to the left"),
    "on the right": ("on the right", "on the right side", "at the right", "to the right"),
    "at the top": ("at the top", "near the top", "in the upper half"),
    "at the bottom": ("at the bottom", "near the bottom", "in the lower half"),
}
GROUNDS = (
    (" on a {} background", 6), (" with a {} background", 2), (", {} background", 2),
    (" on {}", 2), (" against a {} background", 1), (" in front of a {} background", 1),
)  # fmt: skip
ENDS = (("", 12), (".", 2), ("!", 1))
OPENINGS_ZH = (("", 4), ("一{}", 4), ("画一{}", 1), ("一张", 1), ("这{}", 1))
ENDS_ZH = (("", 4), ("的图片", 2), ("图片", 1), ("的照片", 1), ("的画", 1), ("表情", 1))
STYLED_ZH = {
    "greyscale": ("黑白的", "黑白"),
    "sketch": ("素描的", "素描风格的"),
    "pixel art": ("像素风格的", "像素"),
}
ENDS_STYLED_ZH = {
    "greyscale": ("的黑白照片", "，黑白", "的黑白图片"),
    "sketch": ("的素描", "，素描", "的素描画"),
    "pixel art": ("的像素画", "，像素画", "，像素风格"),
}
GROUNDS_ZH = (("{}色背景上的", 4), ("{}色背景的", 2), ("在{}色背景上的", 1), ("，{}色背景", 3))
SIZES_ZH = {"small": ("小的", "小小的", "很小的"), "": ("大的", "很大的")}
PLACES_SAID_ZH = {
    "": ("，在中间", "，居中"),
    "on the left": ("，在左边", "，左边"),
    "on the right": ("，在右边", "，右边"),
    "at the top": ("，在上面", "，上面"),
    "at the bottom": ("，在下面", "，下面"),
}
LIVING = ("animals", "birds and reptiles", "sea animals", "insects")  # counted with 只, not 个
IRREGULAR = {
    "wolf": "wolves",
    "leaf": "leaves",
    "mouse": "mice",
    "die": "dice",
    "snowman": "snowmen",
}
UNCHANGED = (
    "bread", "broccoli", "cooking", "corn", "deer", "dice", "fish", "blowfish", "pufferfish",
    "fuji", "milk", "popcorn", "shrimp", "soccer", "spaghetti", "star-struck", "sushi",
    "voltage", "wool", "yarn",
)  # fmt: skip
JOINED = re.compile(r" (of|on|with|in|a|behind) ")


def written(scene: Scene, generator: torch.Generator, language: str = "en") -> str:
    """A caption of the scene as someone may write it, in English ("en") or Chinese ("zh").

    Three in ten are the grammar's own. A default (large, in the middle, on white) is said in
    some of the others, everything else that the scene says in all of them.
    """
    if _chance(0.3, generator):
        return scene.caption(language)
    return _chinese(scene, generator) if language == "zh" else _english(scene, generator)


def wording() -> tuple[list[str], list[str]]:
    """All English and all Chinese text that `written` adds to names and to the grammar."""
    english = [text for text, _ in (*OPENINGS, *GROUNDS)]
    chinese = [
        "一",
        "只",
        "个",
        "。",
        *(text for text, _ in (*OPENINGS_ZH, *ENDS_ZH, *GROUNDS_ZH)),
    ]
    for table in (STYLED, STYLES_SAID, SIZES, PLACES_SAID, SYNONYMS):
        english += [text for texts in table.values() for text in texts]
    for table in (STYLED_ZH, ENDS_STYLED_ZH, SIZES_ZH, PLACES_SAID_ZH, SYNONYMS_ZH):
        chinese += [text for texts in table.values() for text in texts]
    plurals = [plural(each) for name in subjects() for each in (name, *SYNONYMS.get(name, ()))]
    gap = re.compile(r"\{\}色?")
    return [gap.sub(" ", text) for text in [*english, *plurals]], [
        gap.sub(" ", text) for text in chinese
    ]


def plural(name: str) -> str:
    """The plural of a subject's name, or the name where it has none of its own."""
    head, space, last = name.rpartition(" ")
    if last in IRREGULAR:
        several = head + space + IRREGULAR[last]
    elif last.endswith(("ss", "us", "sh", "ch", "x", "ato")):
        several = f"{name}es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        several = f"{name[:-1]}ies"
    else:
        several = f"{name}s"
    stays = last in UNCHANGED or (last.endswith("s") and not last.endswith(("ss", "us")))
    taken = several in subjects()  # "books" are another picture than a "book"
    return name if stays or taken or JOINED.search(name) else several


def article(text: str) -> str:
    """The text with "a" or "an" before it, or with nothing where its noun is a plural."""
    silent = text.startswith("hour")
    sounded = text.startswith(("uni", "ufo", "eu", "one"))
    return f"{'an' if silent or (text[0] in 'aeiou' and not sounded) else 'a'} {text}"


def _english(scene: Scene, generator: torch.Generator) -> str:
    name = _named(scene.subject, SYNONYMS, generator)
    opening = _weighted(OPENINGS, generator) if _chance(0.75, generator) else ""
    ending = _one(STYLES_SAID.get(scene.style, ("",)), generator)
    if scene.style and _chance(0.4, generator):
        opening, ending = _one(STYLED[scene.style], generator), ""
    several = plural(name)
    if several == name or _chance(0.05, generator):
        name, opening = several, opening.removesuffix("a").rstrip()
    size = _one(SIZES[scene.place], generator) if scene.place == "small" else ""
    if not scene.place and _chance(0.08, generator):
        size = _one(SIZES[""], generator)
    thing = " ".join(filter(None, (size, scene.tint, name)))
    if scene.tint and _chance(0.15, generator):
        thing = " ".join(filter(None, (size, name, "in", scene.tint)))
    if opening == "a" or opening.endswith(" a"):
        opening, thing = opening[:-1].rstrip(), article(thing)
    thing = f"{opening} {thing}".strip()
    said = PLACES_SAID.get(scene.place, ()) if scene.place or _chance(0.08, generator) else ()
    place = f" {_one(said, generator)}" if said else ""
    ground = _ground(scene, GROUNDS, scene.background, generator)
    if ground.startswith(" on a") and _chance(0.12, generator):
        text = f"{ground.strip()}, {thing}{place}{ending}"
    else:
        text = f"{thing}{place}{ground}{ending}"
    text = text.replace(" a orange", " an orange") + _weighted(ENDS, generator)
    return text.capitalize() if _chance(0.2, generator) else text


def _chinese(scene: Scene, generator: torch.Generator) -> str:
    name = _named(scene.subject, SYNONYMS_ZH, generator, subjects()[scene.subject].name_zh)
    counted = "只" if subjects()[scene.subject].group in LIVING else "个"
    opening = "" if name[0] == "一" else _weighted(OPENINGS_ZH, generator).format(counted)
    ending = _weighted(ENDS_ZH, generator) if opening in ("", "一张") else ""
    look = ""
    if scene.style and _chance(0.5, generator):
        look = _one(STYLED_ZH[scene.style], generator)
    elif scene.style:
        ending = _one(ENDS_STYLED_ZH[scene.style], generator)
    size = _one(SIZES_ZH["small"], generator) if scene.place == "small" else ""
    if not scene.place and _chance(0.08, generator):
        size = _one(SIZES_ZH[""], generator)
    tint = f"{CHINESE[scene.tint]}色的" if scene.tint else ""
    said = PLACES_SAID_ZH.get(scene.place, ()) if scene.place or _chance(0.08, generator) else ()
    place = _one(said, generator) if said else ""
    ground = _ground(scene, GROUNDS_ZH, CHINESE[scene.background], generator)
    before, after = ("", ground) if ground.startswith("，") else (ground, "")
    if opening.startswith("画") or _chance(0.5, generator):
        before, opening = opening, before
    end = "。" if _chance(0.1, generator) else ""
    return f"{before}{opening}{size}{look}{tint}{name}{ending}{place}{after}{end}"


def _named(
    subject: str, table: dict[str, tuple[str, ...]], generator: torch.Generator, name: str = ""
) -> str:
    """The name of a subject, or in a fifth of the captions one of its synonyms."""
    others = table.get(subject, ())
    return _one(others, generator) if others and _chance(0.2, generator) else name or subject


def _ground(
    scene: Scene, forms: Sequence[tuple[str, int]], colour: str, generator: torch.Generator
) -> str:
    """The background, which white need not say."""
    if scene.background == "white" and _chance(0.65, generator):
        return ""
    return _weighted(forms, generator).format(colour)


def _chance(share: float, generator: torch.Generator) -> bool:
    return float(torch.rand((), generator=generator)) < share


def _one(options: Sequence[str], generator: torch.Generator) -> str:
    return options[int(torch.randint(len(options), (), generator=generator))]


def _weighted(options: Sequence[tuple[str, int]], generator: torch.Generator) -> str:
    return _one([text for text, weight in options for _ in range(weight)], generator)
