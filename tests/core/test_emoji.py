"""Emoji scenes, their captions, the tokenizer made of their words, and the recipes' parts."""

from collections import Counter

import pytest
import torch
from PIL import Image

from core.data.captions import EXAMPLES, parse, suggestions, unknown, vocabulary
from core.data.emoji import (
    BACKGROUNDS,
    HEADS,
    STYLES,
    TINTS,
    Pose,
    Scene,
    draw_pose,
    drawn,
    labels_of,
    options,
    scene_of,
    subjects,
    tensor_of,
)
from tests.core import many


def test_subjects_have_names_groups_and_pictures():
    assert len(subjects()) == 314
    assert len({subject.name_zh for subject in subjects().values()}) == 314
    assert min(Counter(subject.group for subject in subjects().values()).values()) >= 2
    for subject in subjects().values():
        assert subject.picture.size == (128, 128) and subject.picture.mode == "RGBA"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("held_out", [False, True])
def test_a_caption_is_read_back_as_its_scene(language, held_out):
    for scene in many(500, held_out):
        assert scene.held_out == held_out
        assert parse(scene.caption(language)) == scene


def test_captions():
    scene = Scene("dog face", "red", "orange", "small", "pixel art")
    assert scene.caption() == "small red dog face on an orange background, pixel art"
    assert scene.caption("zh") == "橙色背景上的小的红色的狗脸，像素画"
    assert Scene("dog face").caption() == "dog face"
    assert Scene("dog face", place="on the left").caption("zh") == "狗脸，在左边"
    assert parse("  Dog  Face ") == Scene("dog face")
    assert all(parse(example) for example in EXAMPLES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("puppy", "near it: pleading face, dog face"),
        ("dgo face on a blue background", "dog face"),
        ("dog face on a turquoise background", "is no scene"),
        ("", "is no scene"),
    ],
)
def test_other_text_is_refused_with_what_is_near(text, said):
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_unknown_words_come_with_suggestions():
    assert unknown("a puppy on a turquoise background") == {
        "puppy": ["pleading face", "dog face"],
        "turquoise": suggestions("turquoise"),
    }
    assert unknown("dog face") == {} and unknown("蓝色背景上的狗脸") == {}
    assert "dog" in suggestions("dgo")
    assert {"dog", "background", "sketch", "狗脸"} <= vocabulary()


def test_scenes_refuse_words_that_are_not_in_the_grammar():
    with pytest.raises(ValueError, match="'mauve' is not one of white, grey"):
        Scene("dog face", background="mauve")


def test_a_tenth_of_the_pairs_is_held_out():
    pairs = [Scene(name, background=b) for name in subjects() for b in list(BACKGROUNDS)[1:]]
    assert sum(scene.held_out for scene in pairs) / len(pairs) == pytest.approx(0.1, abs=0.02)
    assert not any(Scene(name).held_out for name in subjects())


def test_the_picture_is_what_the_caption_says():
    plain = tensor_of(Scene("full moon", background="blue").picture())
    assert plain.shape == (3, 64, 64)
    assert plain[:, 0, 0].tolist() == list(BACKGROUNDS["blue"])
    red = tensor_of(Scene("full moon", "red").picture())[:, 32, 32].tolist()
    assert red[0] > 1.5 * max(red[1:])
    grey = tensor_of(Scene("rose", style="greyscale").picture()).int()
    assert (grey.amax(0) - grey.amin(0)).max() == 0
    pixel_art = tensor_of(Scene("rose", style="pixel art").picture())
    assert torch.equal(pixel_art[:, ::4, ::4], pixel_art[:, 3::4, 3::4])
    sides = [Scene("full moon", place=place) for place in ("on the left", "on the right")]
    left, right = (255 - tensor_of(scene.picture()).float().mean(0) for scene in sides)
    assert left[:, :32].sum() > 5 * left[:, 32:].sum()
    assert right[:, 32:].sum() > 5 * right[:, :32].sum()


def test_poses_move_the_subject_a_little():
    scene = Scene("guitar")
    assert scene.picture(Pose()) == scene.picture()
    moved = scene.picture(Pose(angle=8, mirrored=True))
    assert moved != scene.picture() and moved.size == (64, 64)
    poses = [draw_pose(torch.Generator().manual_seed(seed)) for seed in range(50)]
    assert all(abs(p.dx) <= 2 and 0.93 <= p.scale <= 1.07 for p in poses)
    assert all(abs(p.angle) <= 4 for p in poses) and max(p.angle for p in poses) > 3
    assert not any(p.mirrored for p in poses)  # no caption says which way a subject looks


def test_labels_name_the_words():
    scene = Scene("dog face", "red", "blue", "at the top", "")
    words = options()
    read = {head: words[head][k] for head, k in zip(HEADS, labels_of(scene), strict=True)}
    assert read == {"subject": "dog face", "tint": "red", "background": "blue",
                    "place": "at the top", "style": ""}  # fmt: skip
    assert all(scene_of(labels_of(each)) == each for each in many(50))
    assert [len(words[head]) for head in ("tint", "background", "style")] == [
        len(TINTS),
        len(BACKGROUNDS),
        len(STYLES),
    ]


# ---- the tokenizer ------------------------------------------------------------------------------


def test_training_pictures_are_never_held_out():
    pictures, scenes = drawn(200, seed=7)
    assert pictures.shape == (200, 3, 64, 64) and pictures.dtype == torch.uint8
    assert not any(scene.held_out for scene in scenes)
    again, _ = drawn(3, seed=7)
    assert torch.equal(pictures[:3], again)


def test_pictures_are_rgb():
    assert isinstance(Scene("ghost").picture(), Image.Image)
    assert Scene("ghost").picture().mode == "RGB"
