"""The tokenizer made of the captions' words, and the parts of the recipes."""

import re

import pytest
import torch

from core.training.emoji import emoji_loss, middling
from core.training.tokenizer import PIECES, TOKENS, token_ids, tokenizer
from core.training.vae import FOLDER, fit_preview
from tests.core import many


@pytest.fixture(scope="module")
def tokens():
    return tokenizer()


def test_every_word_is_one_token(tokens):
    for scene in many(300):
        words = re.findall(PIECES, scene.caption())
        assert len(tokens.tokenize(scene.caption())) == len(words)
    assert len(tokens.tokenize("橙色背景上的小的红色的狗脸，像素画")) == 8
    longest = max(len(tokens(scene.caption()).input_ids) for scene in many(2000))
    assert longest <= TOKENS


def test_the_tokenizer_is_always_the_same_and_the_shipped_one(tokens):
    from transformers import CLIPTokenizer

    assert tokenizer().get_vocab() == tokens.get_vocab()
    shipped = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer")
    for text in ("dog face on a blue background, sketch", "红色的狗脸", "an astronaut", ""):
        assert shipped(text).input_ids == tokens(text).input_ids
    assert shipped.model_max_length == TOKENS


def test_an_unknown_word_is_spelled(tokens):
    ids = tokens("zyzzyva").input_ids
    assert tokens.decode(ids, skip_special_tokens=True).strip() == "zyzzyva"


# ---- the recipes --------------------------------------------------------------------------------


class Listening(torch.nn.Module):
    """Stands for a network that answers zero, and remembers what it was told."""

    def forward(self, x, t, ids):
        self.ids = ids
        return torch.zeros_like(x)


def test_emoji_loss_compares_v_and_mixes_languages_and_drops_captions(tokens):
    from core.schedules import linear

    count = 2000
    english, chinese = (token_ids(tokens, [text]) for text in ("dog face", "狗脸"))
    network = Listening()
    x0 = torch.zeros(count, 4, 2, 2)
    rows = english.expand(count, -1), chinese.expand(count, -1)
    loss = emoji_loss(network, x0, *rows, torch.Generator().manual_seed(0))
    t = middling(linear(), 100_000, torch.Generator().manual_seed(1))
    assert loss.item() == pytest.approx((linear().alpha[t] ** 2).mean().item(), rel=0.1)
    same = [(network.ids == ids).all(1).double().mean().item() for ids in (english, chinese)]
    assert same == pytest.approx([0.675, 0.225], abs=0.03)
    empty = token_ids(tokens, [""])
    assert (network.ids == empty).all(1).double().mean().item() == pytest.approx(0.1, abs=0.02)


def test_half_of_the_timesteps_have_medium_noise():
    from core.schedules import linear

    schedule = linear()
    t = middling(schedule, 50_000, torch.Generator().manual_seed(0))
    counts = torch.histc(t.double(), 10, 0, 1000) / len(t)
    assert (counts > 0.045).all() and int(t.max()) == 999  # the uniform half
    inner = (schedule.log_snr[t].abs() < 2).double().mean().item()
    uniform = (schedule.log_snr.abs() < 2).double().mean().item()
    assert inner == pytest.approx((uniform + 0.683) / 2, abs=0.02)


def test_the_preview_is_found_where_it_is_exactly_linear():
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(20, 4, 8, 8, generator=generator)
    weight = torch.randn(12, 4, 3, 3, generator=generator)
    bias = torch.randn(12, generator=generator)
    pixels = torch.nn.functional.conv2d(latents, weight, bias, padding=1)
    pictures = torch.nn.functional.pixel_shuffle(pixels, 2)
    found, offset = fit_preview(latents, pictures)
    torch.testing.assert_close(found, weight, atol=1e-3, rtol=0)
    torch.testing.assert_close(offset, bias, atol=1e-3, rtol=0)
