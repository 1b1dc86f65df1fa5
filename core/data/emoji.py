"""Emoji scenes: pictures of 64 x 64 pixels composed from 314 subjects, with their captions.

The caption grammar, English and Chinese; square brackets mark what may be left out:

    en: ["small "][TINT " "]NAME[" " PLACE][" on a " BACKGROUND " background"][", " STYLE]
    zh: [BACKGROUND "背景上的"]["小的"][TINT "的"]NAME["，" PLACE]["，" STYLE]

What a caption does not mention is the default: a subject in its own colours, large, in the
middle, on white. Pictures: Microsoft Fluent Emoji (MIT). Names and tags: emojibase (MIT).
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from core.checks import whole
from core.files import shipped

FOLDER = shipped("assets/data/emoji")
SIZE = 64
BACKGROUNDS = {
    "white": (255, 255, 255),
    "grey": (150, 150, 150),
    "black": (20, 20, 20),
    "red": (215, 45, 45),
    "orange": (245, 135, 35),
    "yellow": (250, 215, 60),
    "green": (60, 165, 80),
    "blue": (55, 110, 220),
    "purple": (135, 70, 190),
    "pink": (250, 160, 200),
}
BROKEN = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError, SyntaxError, OSError)
TINTS = ("", "red", "yellow", "green", "blue", "purple", "pink")
STYLES = ("", "greyscale", "sketch", "pixel art")
# place: (size of the subject, centre x, centre y), all as shares of the picture
PLACES = {
    "": (0.86, 0.5, 0.5),
    "small": (0.5, 0.5, 0.5),
    "on the left": (0.5, 0.29, 0.5),
    "on the right": (0.5, 0.71, 0.5),
    "at the top": (0.5, 0.5, 0.29),
    "at the bottom": (0.5, 0.5, 0.71),
}
CHINESE = {
    **dict(zip(BACKGROUNDS, "白灰黑红橙黄绿蓝紫粉", strict=True)),
    **dict(zip(PLACES, ("", "小", "在左边", "在右边", "在上面", "在下面"), strict=True)),
    **dict(zip(STYLES, ("", "黑白", "素描", "像素画"), strict=True)),
}


@dataclass(frozen=True)
class Subject:
    """One emoji: its code point, its names, its group of alike subjects, words that suggest it."""

    code: str
    name: str
    name_zh: str
    group: str
    tags: tuple[str, ...]
    tags_zh: tuple[str, ...]

    @cached_property
    def picture(self) -> Image.Image:
        """The picture, 128 x 128 RGBA."""
        file = "pictures.zip"
        try:
            with FOLDER.opened(file) as opened, zipfile.ZipFile(opened) as pictures:
                content = pictures.read(f"{self.code}.webp")
            return Image.open(BytesIO(content)).convert("RGBA")
        except BROKEN as error:
            raise FOLDER.refusal(file, "is cut short or broken") from error


@cache
def subjects() -> dict[str, Subject]:
    """The subjects by their English name, in a fixed order: their indices are class labels."""
    rows = FOLDER.json("subjects.json", list)
    try:
        return {
            row["name"]: Subject(
                **row | {"tags": tuple(row["tags"]), "tags_zh": tuple(row["tags_zh"])}
            )
            for row in rows
        }
    except (TypeError, KeyError) as error:
        raise FOLDER.refusal("subjects.json", "holds no subjects") from error


@dataclass(frozen=True)
class Pose:
    """How far a picture strays from its place: factors and pixels that no caption mentions."""

    scale: float = 1.0
    dx: float = 0.0
    dy: float = 0.0
    angle: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True)
class Scene:
    """What one caption says: a subject, its tint, its place, the background, the style."""

    subject: str
    tint: str = ""
    background: str = "white"
    place: str = ""
    style: str = ""

    def __post_init__(self) -> None:
        """ValueError for a word that the grammar does not know."""
        for value, known in (
            (self.subject, subjects()),
            (self.tint, TINTS),
            (self.background, BACKGROUNDS),
            (self.place, PLACES),
            (self.style, STYLES),
        ):
            if value not in known:
                raise ValueError(f"{value!r} is not one of {', '.join(filter(None, known))}")

    def caption(self, language: str = "en") -> str:
        """The caption in English ("en") or Chinese ("zh")."""
        if language == "zh":
            return self._chinese()
        place = self.place if self.place == "small" else ""
        words = [place, self.tint, self.subject, "" if place else self.place]
        if self.background != "white":
            article = "an" if self.background == "orange" else "a"
            words.append(f"on {article} {self.background} background")
        text = " ".join(filter(None, words))
        return f"{text}, {self.style}" if self.style else text

    def _chinese(self) -> str:
        ground = f"{CHINESE[self.background]}色背景上的" if self.background != "white" else ""
        small = "小的" if self.place == "small" else ""
        tint = f"{CHINESE[self.tint]}色的" if self.tint else ""
        ends = ["" if small else CHINESE[self.place], CHINESE[self.style]]
        end = "".join(f"，{each}" for each in ends if each)
        return f"{ground}{small}{tint}{subjects()[self.subject].name_zh}{end}"

    def picture(self, pose: Pose | None = None) -> Image.Image:
        """The picture that the caption describes, 64 x 64 RGB."""
        return Image.composite(*self.layers(pose))

    def layers(self, pose: Pose | None = None) -> tuple[Image.Image, Image.Image, Image.Image]:
        """Subject (RGB), background (RGB) and the subject's coverage (L), 64 x 64."""
        pose = pose or Pose()
        subject = styled(subjects()[self.subject].picture, self.tint, self.style)
        if pose.mirrored:
            subject = subject.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if pose.angle:
            subject = premultiplied_rotate(subject, pose.angle)
        share, x, y = PLACES[self.place]
        size = round(SIZE * share * pose.scale)
        subject = subject.resize((size, size), Image.Resampling.BOX, reducing_gap=2)
        left, top = round(x * SIZE + pose.dx - size / 2), round(y * SIZE + pose.dy - size / 2)
        canvas = Image.new("RGBA", (SIZE, SIZE))
        canvas.paste(subject, (left, top))
        if self.style == "pixel art":
            blocks = canvas.resize((SIZE // 4, SIZE // 4), Image.Resampling.BOX)
            canvas = blocks.resize((SIZE, SIZE), Image.Resampling.NEAREST)
        ground = Image.new("RGB", (SIZE, SIZE), BACKGROUNDS[self.background])
        return canvas.convert("RGB"), ground, canvas.getchannel("A")

    @property
    def held_out(self) -> bool:
        """Whether training never sees this scene.

        One in ten of all pairs (subject, tint), (subject, background) and (subject, style) is
        held out, chosen by a checksum of its words; a scene with such a pair is held out.
        """
        words = {"tint": self.tint, "background": self.background, "style": self.style}
        plain = ("", "white")
        return any(
            word not in plain and zlib.crc32(f"{self.subject}/{kind}/{word}".encode()) % 10 == 0
            for kind, word in words.items()
        )


def styled(picture: Image.Image, tint: str, style: str) -> Image.Image:
    """The RGBA picture in a tint or a style ("pixel art" is left to the composed picture).

    A tint maps luminance to a ramp from black over the colour to white; a sketch is the
    luminance divided by its blurred self, dark lines on white.
    """
    if not tint and style not in ("greyscale", "sketch"):
        return picture
    alpha = picture.getchannel("A")
    white = Image.new("RGBA", picture.size, "white")
    light = Image.alpha_composite(white, picture).convert("L")
    if style == "sketch":
        blurred = light.filter(ImageFilter.GaussianBlur(4))
        ratio = np.asarray(light, np.float32) / np.maximum(np.asarray(blurred, np.float32), 1)
        edge = alpha.filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(1))
        lines = 255 * np.clip(ratio, 0, 1) ** 4 - 2.0 * np.asarray(edge, np.float32)
        light = Image.fromarray(np.clip(lines, 0, 255).astype(np.uint8))
        alpha = alpha.filter(ImageFilter.MaxFilter(3))
    colour = np.asarray(light, np.float32)[..., None] / 255
    if tint:
        hue = np.asarray(BACKGROUNDS[tint], np.float32) / 255
        dark = hue * np.minimum(colour / 0.65, 1)
        colour = dark + (1 - hue) * np.clip((colour - 0.65) / 0.35, 0, 1) * 0.7
    colour = np.broadcast_to(np.round(colour * 255).astype(np.uint8), (*light.size[::-1], 3))
    result = Image.fromarray(np.ascontiguousarray(colour))
    result.putalpha(alpha)
    return result


def premultiplied_rotate(picture: Image.Image, angle: float) -> Image.Image:
    """Rotate by `angle` degrees without dark fringes at transparent edges."""
    rotated = picture.convert("RGBa").rotate(angle, Image.Resampling.BILINEAR)
    return rotated.convert("RGBA")


HEADS = ("subject", "tint", "background", "place", "style")  # what a classifier reads


def options() -> dict[str, list[str]]:
    """The words that each part of a scene can have; their indices are class labels."""
    words = (subjects(), TINTS, BACKGROUNDS, PLACES, STYLES)
    return {head: list(each) for head, each in zip(HEADS, words, strict=True)}


def labels_of(scene: Scene) -> list[int]:
    """The class labels of a scene, in the order of HEADS."""
    return [words.index(getattr(scene, head)) for head, words in options().items()]


def draw_scene(generator: torch.Generator, held_out: bool | None = False) -> Scene:
    """A random scene: of those that training sees, of those held out, or of all (None)."""

    def one_of(options: list[str], plain: float) -> str:
        """The first option with probability `plain`, else one of the others."""
        if float(torch.rand((), generator=generator)) < plain:
            return options[0]
        return options[1 + int(torch.randint(len(options) - 1, (), generator=generator))]

    while True:
        names = list(subjects())
        subject = names[int(torch.randint(len(names), (), generator=generator))]
        background = one_of(list(BACKGROUNDS), 0.4)
        style = one_of(list(STYLES), 0.75)
        tint = one_of(list(TINTS), 0.7)
        if style in ("greyscale", "sketch") or tint == background:
            tint = ""
        scene = Scene(subject, tint, background, one_of(list(PLACES), 0.85), style)
        if held_out in (None, scene.held_out):
            return scene


def draw_pose(generator: torch.Generator) -> Pose:
    """A random pose: 0.93 to 1.07 times the size, 2 pixels, 8 degrees, mirrored or not."""
    scale, dx, dy, angle, mirrored = (2 * torch.rand(5, generator=generator) - 1).tolist()
    return Pose(1 + 0.07 * scale, 2 * dx, 2 * dy, 8 * angle, mirrored > 0)


def tensor_of(picture: Image.Image) -> Tensor:
    """RGB to uint8 (3, H, W)."""
    return torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).permute(2, 0, 1)


def drawn(count: int, seed: int, held_out: bool | None = False) -> tuple[Tensor, list[Scene]]:
    """Pictures (count, 3, 64, 64) uint8 in random poses and their scenes, see `draw_scene`."""
    count, seed = whole(count, "count", 0), whole(seed, "seed", 0, 2**32 - 1)
    generator = torch.Generator().manual_seed(seed)
    scenes, pictures = [], torch.empty(count, 3, 64, 64, dtype=torch.uint8)
    for index in range(count):
        scenes.append(draw_scene(generator, held_out))
        pictures[index] = tensor_of(scenes[-1].picture(draw_pose(generator)))
    return pictures, scenes
