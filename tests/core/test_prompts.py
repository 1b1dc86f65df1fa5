"""What a model is asked for: labels that are numbers, and how much of a text is read."""

from typing import Any

import numpy as np
import pytest
import torch

from core.models import MODELS, SD, add_folder, label_of, load, read
from core.models.text import Read
from tests.core.folders import edited

SHORT = "dog face on a blue background"
LONG = f"{SHORT}, " * 8 + "greyscale"


# ---- labels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "label", [True, False, 7, 7.0, 10, -1, None, b"7", {}, np.bool_(True), 10**99]
)
def test_a_prompt_is_text(label):
    with pytest.raises(ValueError, match="a prompt must be text"):
        load("exact").denoiser(label)
    with pytest.raises(ValueError, match="label must be a digit"):
        label_of(label)


@pytest.mark.parametrize("text", ["\ud800", "dog \udfff face"])
def test_half_of_a_character_is_refused(text):
    for name in ("emoji", "exact"):
        with pytest.raises(ValueError, match="half of a character"):
            load(name, device="cpu").denoiser(text)


# ---- texts --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emoji() -> Any:
    return load("emoji", device="cpu")


def test_a_prompt_that_fits_is_read_whole(emoji):
    assert emoji.read(SHORT) == Read(6, 30, "")
    assert emoji.read("") == Read(0, 30, "")
    assert emoji.read("红色的狗脸").cut == ""


def test_what_is_beyond_the_last_token_makes_no_difference(emoji):
    """The cut text is all that can be changed without changing what the model reads."""
    count, limit, cut = emoji.read(LONG)
    kept = LONG.removesuffix(cut).strip()
    assert count > limit == 30 and LONG.endswith(cut) and kept
    assert torch.equal(emoji.embed(LONG), emoji.embed(f"{kept} zebra crossing"))
    assert not torch.equal(emoji.embed(LONG), emoji.embed(f"zebra {kept}"))
    assert emoji.read(kept) == Read(30, 30, "")
    assert emoji.tokens(LONG) == emoji.tokens(kept)


@pytest.mark.parametrize("text", ["🐶" * 40, "word " * 31, "狗" * 60, "a" * 500, "x,y." * 30])
def test_the_cut_is_where_the_tokens_end(emoji, text):
    count, limit, cut = emoji.read(text)
    own = emoji.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    assert count == len(own) and (count > limit) == bool(cut)
    kept = text.strip().removesuffix(cut).strip()
    assert emoji.read(kept).count <= limit
    assert emoji.tokens(text)[1 : emoji.read(kept).count + 1] == own[: emoji.read(kept).count]


def test_reading_takes_the_tokenizer_alone(monkeypatch, own):
    """Advice is given while a prompt is typed: no model is loaded for it, and none is fetched."""

    def never(*args, **named):
        raise AssertionError("a model was loaded or fetched")

    monkeypatch.setattr("core.models._made", never)
    monkeypatch.setattr("core.models.fetched", never)
    assert read("emoji", SHORT) == Read(6, 30, "")
    assert read("digits", "7") is None
    monkeypatch.setattr("core.models.here", lambda card: None)
    assert read(SD, SHORT) is None
    name = add_folder(own)
    try:
        assert read(name, "dog") == Read(1, 30, "")
    finally:
        del MODELS[name]
    with pytest.raises(ValueError, match="model must be one of"):
        read("sdxl", SHORT)


def test_reading_from_a_broken_folder_is_refused_in_one_sentence(own):
    name = add_folder(own)
    try:
        edited(own, "tokenizer/tokenizer_config.json", model_max_length=1)
        with pytest.raises(ValueError, match=r"^own/tokenizer/tokenizer_config.json has a model_"):
            read(name, SHORT)
        edited(own, "text_encoder/config.json", max_position_embeddings="77")
        with pytest.raises(ValueError, match="max_position_embeddings must be a whole number"):
            read(name, SHORT)
    finally:
        del MODELS[name]
