"""The autoencoder with a codebook: its nearest words, diffusers as its oracle, its training."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from core.codebook import Codebook, emoji_codebook
from core.data import signed
from core.data.emoji import drawn
from core.metrics import psnr
from core.training.vae import shipped_vae
from core.training.vq import CODES, IDLE, Quantised, vq


def words_of(network: Any):
    return network.quantize.embedding.weight


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = vq()
    torch.nn.init.normal_(words_of(made))
    return made.eval().requires_grad_(False)


@pytest.fixture
def x():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_a_code_is_the_nearest_word(network, x):
    book = Codebook(network)
    h = book.encode(x)
    codes = book.codes(h)
    assert h.shape == (2, 4, 16, 16) and codes.shape == (2, 16, 16)
    away = (h[:, None] - book.words[None, :, :, None, None]).square().sum(2)
    assert torch.equal(codes, away.argmin(1))
    e = book.latents(codes)
    assert torch.equal(e[1, :, 3, 5], book.words[codes[1, 3, 5]])
    assert torch.equal(book.codes(e), codes), "a word is the nearest to itself"


def test_the_round_trip_is_that_of_diffusers(network, x):
    book = Codebook(network)
    ours = book.decode(book.latents(book.codes(book.encode(x))))
    torch.testing.assert_close(ours, network(x).sample, atol=1e-4, rtol=0)


def test_the_shipped_one_is_worth_its_place():
    """Beside the VAE, with the same 16 x 16 places and half of the weights."""
    pictures = signed(drawn(40, seed=9)[0])
    book, model = emoji_codebook(), shipped_vae()
    codes = book.codes(book.encode(pictures))
    back = (book.decode(book.latents(codes)) / 2 + 0.5).clamp(0, 1)
    with torch.no_grad():
        z = model.encode(pictures).latent_dist.mode()
        theirs = (model.decode(z).sample / 2 + 0.5).clamp(0, 1)
    ours, vae = (psnr(each, pictures / 2 + 0.5) for each in (back, theirs))
    assert ours > 27 and vae - ours < 4
    assert len(codes.unique()) > CODES / 2, "most words are in use"


# ---- training -----------------------------------------------------------------------------------


def test_the_loss_of_the_codebook_pulls_words_and_latents_to_each_other(x):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Quantised(vq())
    module.idle.zero_()
    torch.nn.init.normal_(words_of(module.vq))
    y, loss = module(x, torch.Generator())
    book = Codebook(module.vq)
    h = module.vq.encode(x).latents
    codes = book.codes(h)
    e = book.words[codes].movedim(-1, 1)
    torch.testing.assert_close(loss, 1.25 * F.mse_loss(e, h))
    wanted = F.mse_loss(e, h.detach())  # the part that moves the words
    (ours,) = torch.autograd.grad(loss, book.words, retain_graph=True)
    (theirs,) = torch.autograd.grad(wanted, book.words)
    torch.testing.assert_close(ours, theirs)
    y.sum().backward()
    assert module.vq.encoder.conv_in.weight.grad is not None, "straight through the choice"


def test_a_word_that_nobody_chooses_begins_anew(x):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Quantised(vq())
    words = words_of(module.vq)
    module.idle.zero_()
    with torch.no_grad():
        words.fill_(1e3)
        words[0] = 0.0
    generator = torch.Generator().manual_seed(0)
    for _ in range(IDLE):
        module(x, generator)
    assert (words[1:] == 1e3).all() and module.idle[0] == 0
    module(x, generator)
    h = module.vq.encode(x).latents.movedim(1, -1).flatten(0, -2)
    away = torch.cdist(words, h, compute_mode="donot_use_mm_for_euclid_dist").amin(1)
    assert away[1:].max() < 1e-6, "each is a latent of the batch"
    assert (words[0] == 0).all()
