"""Methods that work on what a prompt is for the network: against it, fitted, or attended to."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image

from core.bridge import schedule_of
from core.denoisers import Gaussian, Guided, Network
from core.inversion import INVERSIONS, finish
from core.inversion.negative_prompt import Proximal
from core.inversion.prompt_to_prompt import aligned
from core.metrics import rms
from core.models.attention import Attention, Coupling
from core.models.latent import LatentModel
from core.schedules import linear
from tests.core import SD, Toy, distance, gaussian, normal
from tests.core.mixtures import ANY_MODEL, WAYS, draws, mixture, round_trip

# ---- negative prompts ---------------------------------------------------------------------------


@pytest.mark.parametrize("guidance", [0, 1, 5])
def test_a_negative_prompt_like_the_target_takes_guidance_out(guidance):
    x0 = draws()
    ddim, ours = INVERSIONS["ddim"], INVERSIONS["negative_prompt"]
    plain = finish(ddim.edit(finish(ddim.invert(mixture(), x0, "left", **WAYS)), "left"))
    inversion = finish(ours.invert(mixture(), x0, "left", guidance=guidance, **WAYS))
    assert rms(finish(ours.edit(inversion, "left")) - plain) < 1e-12


OPEN = [name for name in ANY_MODEL if not INVERSIONS[name].needs_branches]


def test_ddim_away_from_the_source_is_negative_prompt_inversion():
    x0 = draws()
    how: Any = {"guidance": 5.0, "strength": 0.8}
    ddim, ours = INVERSIONS["ddim"], INVERSIONS["negative_prompt"]
    inversion = finish(ddim.invert(mixture(), x0, "left", **WAYS))
    theirs = finish(ours.invert(mixture(), x0, "left", **WAYS))
    edited = finish(ddim.edit(inversion, "right", negative="left", **how))
    assert rms(edited - finish(ours.edit(theirs, "right", **how))) < 1e-12
    assert rms(edited - finish(ddim.edit(inversion, "right", **how))) > 1e-2


@pytest.mark.parametrize("name", OPEN)
def test_away_from_what_is_asked_for_guidance_does_nothing(name):
    method = INVERSIONS[name]
    inversion = finish(method.invert(mixture(), draws(), "left", **WAYS))
    edits = [
        finish(method.edit(inversion, "right", negative=negative, guidance=w, strength=0.5))
        for negative, w in (("right", 5.0), ("left", 1.0), ("", 5.0))
    ]
    if name != "residual":  # which corrects by the guided step of the source
        assert rms(edits[0] - edits[1]) < 1e-12
    assert rms(edits[0] - edits[2]) > 1e-3


@pytest.mark.parametrize("name", ["negative_prompt", "proximal", "null_text"])
def test_a_method_that_chooses_the_negative_prompt_refuses_another(name):
    method = INVERSIONS[name]
    inversion = finish(INVERSIONS["ddim"].invert(mixture(), draws(), "left", **WAYS))
    with pytest.raises(ValueError, match=f"{name} chooses what guidance pushes away from"):
        next(method.edit(inversion, "right", negative="left"))


@pytest.mark.parametrize("kind", ["l1", "l0"])
def test_the_proximal_difference(kind):
    yes, no = (Network(lambda x, t, c, v=v: v * x) for v in (1.0, 0.5))
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, -5.0]).view(1, 1, 1, 5)
    level = linear().level(500)
    seen = Proximal(Guided(yes, no, 2.0), kind, 0.5)(x, level)
    # differences 0.5 x, their sizes 0.5 .. 2.5, the quantile 1.5
    left = {"l1": [0, 0, 0, 0.5, -1.0], "l0": [0, 0, 0, 2.0, -2.5]}[kind]
    expected = 0.5 * x + 2 * torch.tensor(left).view(x.shape)
    torch.testing.assert_close(seen.eps, expected)
    torch.testing.assert_close(level.alpha * seen.x0 + level.sigma * seen.eps, x)


# ---- null-text ----------------------------------------------------------------------------------


def embedded():
    """The exact denoiser of a Gaussian whose mean is the embedding of its prompt."""

    def forward(x, t, mean):
        level = schedule_of(SD).level(int(t))
        return Gaussian(mean[:, :, None, None], 0.5)(x, level).eps

    def made(prompt):
        return Network(forward, condition=torch.full((1, 1), float(prompt or 0)).double())

    return Toy(made)


def test_null_text_keeps_guidance_on_the_path():
    x0 = 0.3 + 0.5 * normal(2, 1, 4, 4)
    ddim = INVERSIONS["ddim"]
    pivot = finish(ddim.invert(embedded(), x0, "0.3", **WAYS))
    guided = rms(finish(ddim.edit(pivot, "0.3", guidance=7.5)) - x0)
    fitted = round_trip(INVERSIONS["null_text"], embedded(), x0, "0.3", 7.5)
    assert fitted < guided / 4
    assert round_trip(INVERSIONS["null_text"], embedded(), x0, "0.3", 1.0) == pytest.approx(
        rms(finish(ddim.edit(pivot, "0.3")) - x0)
    )


def test_null_text_in_more_than_a_hundred_steps_keeps_a_positive_rate():
    """A rate that falls by a hundredth per step turns negative after 100 of them."""
    x0 = 0.3 + 0.5 * normal(1, 1, 4, 4)
    inversion = finish(
        INVERSIONS["null_text"].invert(embedded(), x0, "0.3", guidance=7.5, steps=125)
    )
    back = finish(INVERSIONS["null_text"].edit(inversion, "0.3"))
    assert rms(back - x0) < 0.1


def test_null_text_needs_an_embedding():
    with pytest.raises(ValueError, match="fits the embedding of the empty prompt"):
        next(INVERSIONS["null_text"].invert(gaussian(), normal(1, 1, 4, 4), "1", guidance=3))


# ---- prompt-to-prompt ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source, target, columns",
    [
        ([1, 5, 6, 2, 0], [1, 5, 7, 2, 0], [[0], [1], [2], [3], [4]]),  # a word for a word
        ([1, 5, 2, 0, 0], [1, 5, 7, 8, 2], [[0], [1], [], [], [2]]),  # words are added
        ([1, 5, 6, 2, 0], [1, 9, 2, 0, 0], [[0], [1, 2], [3], [4], []]),  # one for two
    ],
)
def test_tokens_are_aligned(source, target, columns):
    weights = aligned(source, target)
    assert [column.nonzero().flatten().tolist() for column in weights.T] == columns
    assert weights.max() == 1


def test_attention_of_one_word_is_shared_by_the_two_that_replace_it():
    torch.testing.assert_close(
        aligned([1, 5, 2], [1, 7, 8, 2]),
        torch.tensor([[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1]]),
    )


def layer(text: int | None = None) -> Any:
    """An attention layer of diffusers with random weights and 2 heads, to itself or to a text."""
    from diffusers.models.attention_processor import Attention as Layer

    torch.manual_seed(0)
    return Layer(query_dim=8, cross_attention_dim=text, heads=2, dim_head=4).double()


def test_coupled_cross_attention_is_that_of_the_source_for_shared_words():
    """Against the softmax written out: shared words, a new word, and rows left alone."""
    attn, x, text = layer(6), normal(3, 9, 8), normal(3, 4, 6, seed=1)
    shared = torch.zeros(1, 4, 4).double()
    shared[0, [0, 1, 2], [0, 1, 3]] = 1  # the third word of the target is new
    with torch.no_grad():
        out = Attention()(attn, x, text, coupling=Coupling(1, shared, 0))
        q, k, v = (
            f(each).unflatten(-1, (2, 4)).transpose(1, 2)
            for f, each in ((attn.to_q, x), (attn.to_k, text), (attn.to_v, text))
        )
        maps = (q @ k.mT / 2).softmax(-1)
        source, target, rest = maps
        mixed = torch.stack([source[..., 0], source[..., 1], target[..., 2], source[..., 2]], -1)
        expected = torch.stack([source, mixed, rest]) @ v
        expected = attn.to_out[0](expected.transpose(1, 2).flatten(2))
    torch.testing.assert_close(out, expected)


def test_coupled_self_attention_looks_where_the_source_looks():
    attn, x = layer(), normal(3, 9, 8)
    with torch.no_grad():
        plain = Attention()(attn, x)
        finer = Attention()(attn, x, coupling=Coupling(1, None, 8))
        taken = Attention()(attn, x, coupling=Coupling(1, None, 9))
        q, k, v = (attn.head_to_batch_dim(f(x)) for f in (attn.to_q, attn.to_k, attn.to_v))
        maps = attn.get_attention_scores(q, k)
        maps[2:4] = maps[:2]  # two heads a row
        expected = attn.to_out[0](attn.batch_to_head_dim(maps @ v))
    torch.testing.assert_close(finer, plain)
    torch.testing.assert_close(taken, expected)
    assert not torch.allclose(taken[1], plain[1])


@pytest.fixture
def exact(layout):
    """The random pipeline in double precision."""
    _, model, folder = layout
    return LatentModel(model.card, folder, "cpu", torch.float64)


def test_prompt_to_prompt_attends_as_the_source(exact):
    x0 = exact.encode(Image.new("RGB", (16, 16), "blue"))
    method = INVERSIONS["prompt_to_prompt"]
    inversion = finish(method.invert(exact, x0, "dog face on a blue background", steps=4))
    target = "cat face on a blue background"
    free = replace(method, words=0, layout=0)
    ends = [finish(each.edit(inversion, target, guidance=3)) for each in (method, free)]
    residual = INVERSIONS["residual"].edit(inversion, target, guidance=3)
    assert distance(ends[1], finish(residual)) < 1e-11  # uncoupled, it is the residual's edit
    assert distance(*ends) > 0.01


@pytest.mark.parametrize("guidance", [1, 3, 7.5])
def test_prompt_to_prompt_reconstructs_at_any_guidance(exact, guidance):
    x0 = exact.encode(Image.new("RGB", (16, 16), "blue"))
    method = INVERSIONS["prompt_to_prompt"]
    inversion = finish(method.invert(exact, x0, "dog face", steps=4, guidance=guidance))
    assert rms(finish(method.edit(inversion, "dog face")) - x0) < 1e-12


def test_prompt_to_prompt_takes_a_prompt_per_row(exact):
    pictures = exact.encode([Image.new("RGB", (16, 16), colour) for colour in ("blue", "red")])
    method, pairs = (
        INVERSIONS["prompt_to_prompt"],
        (("dog face", "cat face"), ("fox", "a red fox")),
    )
    inversion = finish(method.invert(exact, pictures, [old for old, _ in pairs], steps=4))
    both = finish(method.edit(inversion, [new for _, new in pairs], guidance=3))
    for row, (old, new) in enumerate(pairs):
        alone = finish(method.invert(exact, pictures[row : row + 1], old, steps=4))
        one = finish(method.edit(alone, new, guidance=3))
        assert distance(both[row : row + 1], one) < 1e-11


def test_prompt_to_prompt_needs_attention_to_text():
    method = INVERSIONS["prompt_to_prompt"]
    inversion = finish(method.invert(gaussian(), normal(1, 1, 4, 4), "0", steps=4))
    with pytest.raises(ValueError, match="couples the attention to two texts"):
        next(method.edit(inversion, "1"))
