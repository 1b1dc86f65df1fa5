"""Attention in half precision, recorded and coupled, against diffusers' own processors."""

from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import Attention as Layer
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0

from core.models.attention import Attention, Coupling, attention_maps, grid, softmax
from tests.core import normal

HALVES = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
UPCAST = pytest.mark.parametrize("upcast", [False, True])


def layer(dtype, upcast, heads=2, size=64):
    """A layer whose queries and keys are what it is given."""
    kind: Any = Layer
    made = kind(
        heads * size, heads * size, heads=heads, dim_head=size, upcast_attention=upcast, bias=False
    )
    for part in (made.to_q, made.to_k):
        torch.nn.init.eye_(part.weight)
    return made.to(dtype).eval().requires_grad_(False)


def large(dtype, rows=1, places=16, tokens=7, size=128):
    """Queries and keys of which each product is about 102,400 = 40^2 64, beyond float16."""
    x = 40 + normal(rows, places, size, dtype=torch.float32) / 4
    text = 40 + normal(rows, tokens, size, seed=1, dtype=torch.float32) / 4
    return x.to(dtype), text.to(dtype)


def theirs(made, x, text):
    made.set_processor(AttnProcessor())
    out = made(x, encoder_hidden_states=text)
    made.set_processor(AttnProcessor2_0())
    return out, made(x, encoder_hidden_states=text)


@HALVES
@UPCAST
def test_large_products_stay_finite_as_in_diffusers(dtype, upcast):
    made, (x, text) = layer(dtype, upcast), large(dtype)
    out, fused = theirs(made, x, text)
    products = x[0, :, :64] @ text[0, :, :64].T
    assert products.isinf().all() == (dtype == torch.float16)
    made.set_processor(Attention())
    record: list[Any] = []
    seen = made(x, encoder_hidden_states=text, record=record)
    assert seen.isfinite().all() and record[0].isfinite().all()
    torch.testing.assert_close(record[0].sum(-1).float(), torch.ones(1, 16), rtol=0, atol=0.02)
    torch.testing.assert_close(seen, out)
    torch.testing.assert_close(made(x, encoder_hidden_states=text), fused)


@HALVES
@UPCAST
def test_coupled_attention_stays_finite_too(dtype, upcast):
    made, (x, text) = layer(dtype, upcast), large(dtype, rows=2)
    out, _ = theirs(made, x, text)
    made.set_processor(Attention())
    alone = Coupling(1, torch.zeros(1, 7, 7), 0)  # every word keeps its own map
    torch.testing.assert_close(made(x, encoder_hidden_states=text, coupling=alone), out)
    source = Coupling(1, torch.eye(7)[None], 0)  # every word takes that of the source
    taken = made(x, encoder_hidden_states=text, coupling=source)
    weights = softmax(made, *(each.unflatten(-1, (2, -1)).transpose(1, 2) for each in (x, text)))
    value = made.to_v(text).unflatten(-1, (2, -1)).transpose(1, 2)
    expected = (weights[:1].to(dtype) @ value[1:]).transpose(1, 2).flatten(2)
    torch.testing.assert_close(taken[1:], made.to_out[0](expected))


@HALVES
def test_the_softmax_is_upcast_where_the_config_says_so(dtype):
    q, k = (normal(1, 2, 5, 64, seed=seed, dtype=torch.float32).to(dtype) for seed in (0, 1))
    exact = (q.double() @ k.double().transpose(-1, -2) / 8).softmax(-1)
    rough, fine = (softmax(layer(dtype, upcast), q, k) for upcast in (False, True))
    assert (rough.dtype, fine.dtype) == (dtype, torch.float32)
    assert (fine - exact).abs().max() < 1e-6 < (rough - exact).abs().max()


@pytest.mark.parametrize(
    ("places", "sides", "expected"),
    [
        (64, (8, 8), (8, 8)),
        (128, (8, 16), (8, 16)),
        (32, (16, 8), (8, 4)),
        (35, (9, 13), (5, 7)),
        (25, (9, 9), (5, 5)),
        (1, (1, 4), (1, 1)),
    ],
)
def test_the_grid_of_a_layer(places, sides, expected):
    assert grid(places, sides) == expected


def test_maps_of_pictures_that_are_not_square():
    """A word that is looked at in the upper half alone, on two grids."""
    record = []
    for height, width in ((4, 8), (2, 4)):
        layer = torch.zeros(1, height, width, 3)
        layer[:, : height // 2, :, 1] = 1
        record.append(layer.flatten(1, 2))
    seen = attention_maps(record, [1], (4, 8))
    assert seen.shape == (1, 4, 8)
    assert seen[0, 0].min() == 1 and seen[0, -1].max() == 0
