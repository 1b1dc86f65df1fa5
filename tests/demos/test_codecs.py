"""The noise tab: what lies between two pictures, for two autoencoders."""

import pytest
import torch

from core.codebook import emoji_codebook
from core.data.captions import EXAMPLES, parse
from core.images import from_pil
from core.metrics import psnr
from core.models import load
from core.tapes import Frame
from demos.forward.codecs import coloured
from demos.forward.request import CODECS, NoiseRequest
from demos.forward.run import run
from demos.words import Refusal, sentence


@pytest.fixture(scope="module")
def shown():
    request = NoiseRequest.of(model="emoji", source="scene", process=CODECS, frames=3)
    tape, *frames = run(request)
    return tape, frames


@pytest.fixture(scope="module")
def ends():
    return from_pil([parse(caption).picture() for caption in EXAMPLES[:2]], "RGB")


def test_both_ends_are_round_trips_of_the_vae(shown, ends):
    model = load("emoji", device="cpu")
    z = model.encode([parse(EXAMPLES[0]).picture()])
    first = shown[1][0]
    assert first.numbers["kl"] == pytest.approx(psnr(model.pixels(z), ends[:1]), abs=1e-3)
    assert first.numbers["mean"] == pytest.approx(z.mean().item(), abs=1e-5)
    assert first.numbers["variance"] == pytest.approx(z.var().item(), abs=1e-5)
    for frame in (first, shown[1][-1]):
        text = sentence(frame.say)
        assert f"Round trip of the VAE: {frame.numbers['kl']:.1f} dB" in text
        assert "12 times fewer numbers" in text, "3 x 64 x 64 pixels, 4 x 16 x 16 latents"


def test_the_codebook_says_the_picture_in_its_words(shown, ends):
    book, last = emoji_codebook(), shown[1][-1]
    codes = book.codes(book.encode(2 * ends - 1)[1:])  # both at once, as on the stage
    back = (book.decode(book.latents(codes)) / 2 + 0.5).clamp(0, 1)
    assert last.numbers["words"] == len(codes.unique())
    assert last.numbers["vq"] == pytest.approx(psnr(back, ends[1:]), abs=1e-3)
    wanted = f"with {len(codes.unique())} of its {len(book.words)} words at 256 places"
    assert wanted in sentence(last.say)


def test_the_middle_is_mixed_in_both_spaces(shown, ends):
    model, middle = load("emoji", device="cpu"), shown[1][1]
    z = model.encode([parse(caption).picture() for caption in EXAMPLES[:2]])
    mixed = model.pixels(z.mean(0, keepdim=True))
    ratio = psnr(mixed, ends.mean(0, keepdim=True))
    assert middle.numbers["kl"] == pytest.approx(ratio, abs=1e-3) and ratio < 30
    wanted = f"50 % of the second picture: decoded, the mix of latents has a PSNR of {ratio:.1f}"
    assert wanted in sentence(middle.say)
    assert [frame.pos for frame in shown[1]] == list(shown[0].axis.ticks) == [0, 0.5, 1]


def test_a_mix_that_is_nearly_that_of_pixels_says_so():
    same = NoiseRequest.of(
        model="emoji", source="scene", process=CODECS, frames=3, other=EXAMPLES[0]
    )
    middle = [*run(same)][2]
    assert isinstance(middle, Frame)
    assert "laid out like a small picture" in sentence(middle.say)


def test_the_title_names_both_pictures(shown):
    assert sentence(shown[0].title).startswith(
        f"from “{EXAMPLES[0]}” to “{EXAMPLES[1]}”, autoencoder"
    )


def test_a_model_of_pixels_has_none():
    with pytest.raises(Refusal, match="without an autoencoder"):
        NoiseRequest.of(model="digits", process=CODECS)


def test_each_code_has_its_own_colour():
    colours = coloured(torch.arange(64).view(1, 8, 8))
    assert colours.shape == (1, 3, 8, 8) and len(colours.flatten(2)[0].T.unique(dim=0)) == 64
