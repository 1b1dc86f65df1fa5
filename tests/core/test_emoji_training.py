"""The tokenizer made of the captions' words, and the parts of the recipes."""

import re
from typing import Any

import pytest
import torch

from core.data.emoji import Scene, labels_of
from core.training.decoder import Decoder, decoder_loss, local_strength
from core.training.emoji import emoji_loss, grow, middling, text_encoder
from core.training.tokenizer import PIECES, TOKENS, token_ids, tokenizer
from core.training.vae import FOLDER, fit_preview, shipped_vae
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

    count, network = 2000, Listening()
    labels = torch.tensor([labels_of(Scene("penguin"))]).expand(count, -1)
    x0 = torch.zeros(count, 4, 2, 2)
    loss = emoji_loss(network, x0, labels, torch.Generator().manual_seed(0))
    t = middling(linear(), 100_000, torch.Generator().manual_seed(1))
    assert loss.item() == pytest.approx((linear().alpha[t] ** 2).mean().item(), rel=0.1)
    heard = tokens.batch_decode(network.ids, skip_special_tokens=True)
    english = [text for text in heard if text.strip() and text.isascii()]
    assert heard.count("") / count == pytest.approx(0.1, abs=0.02)
    assert len(english) / count == pytest.approx(0.675, abs=0.03)
    assert all("penguin" in text for text in english) and len(set(english)) > 100
    assert (network.ids == token_ids(tokens, [""])).all(1).sum() == heard.count("")


def test_a_resumed_step_hears_the_same_captions(tokens):
    labels = torch.tensor([labels_of(Scene("penguin"))]).expand(20, -1)
    heard = []
    for seed in (5, 5, 6):
        network = Listening()
        emoji_loss(network, torch.zeros(20, 4, 2, 2), labels, torch.Generator().manual_seed(seed))
        heard.append(network.ids)
    assert torch.equal(heard[0], heard[1]) and not torch.equal(heard[0], heard[2])


def test_added_words_follow_the_old_ones_which_keep_their_ids(tokens):
    """The merges of the grammar alone gave the ids that the first shipped weights know."""
    known = {"dog</w>", "background</w>", "<|startoftext|>", "<|endoftext|>"}
    words = tokens.get_vocab()
    end = tokens.eos_token_id
    assert end == 3836 and all(words[each] <= end for each in known)
    assert all(words[f"{each}</w>"] > end for each in ("picture", "penguins", "bunny"))


def test_new_rows_of_the_text_encoder_begin_with_what_their_words_mean(tokens):
    text: Any = text_encoder(tokens)
    weight = text.get_input_embeddings().weight.detach().clone()
    text.resize_token_embeddings(tokens.eos_token_id + 1, mean_resizing=False)
    grow(text, tokens)
    grown = text.get_input_embeddings().weight.detach()

    def row(word):
        return grown[tokens(word).input_ids[1]]

    assert grown.shape == weight.shape and text.config.vocab_size == len(tokens)
    assert torch.equal(grown[: tokens.eos_token_id + 1], weight[: tokens.eos_token_id + 1])
    assert torch.equal(row("picture"), row("a"))
    torch.testing.assert_close(row("bunny"), (row("rabbit") + row("face")) / 2)


def test_the_decoder_learns_and_its_encoder_stays():
    network = Decoder(shipped_vae())
    learned = {name for name, each in network.named_parameters() if each.requires_grad}
    assert learned and all(
        name.startswith(("vae.decoder.", "vae.post_quant_conv.")) for name in learned
    )
    z = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        sharp = network(z)
    blurred = torch.nn.functional.avg_pool2d(sharp, 3, 1, 1)
    assert (local_strength(sharp) > local_strength(blurred)).double().mean() > 0.95

    def loss(x):
        return decoder_loss(network, z, x, torch.Generator().manual_seed(1)).item()

    assert loss(sharp) < 0.3 * loss(blurred)


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
