"""What is seen inside of a U-Net: its blocks, their maps, their cost."""

import threading
from typing import Any

import pytest
import torch

from core.features import blocks, described, inside, operations, time_embeddings, watched
from core.models import load
from tests.core import normal


@pytest.fixture(scope="module")
def network():
    model: Any = load("digits", device="cpu")
    watched(model.network)
    watched(model.network)  # once is enough
    return model.network


def call(network, rows=2, t=500):
    x = normal(rows, 1, 28, 28).float()
    with torch.no_grad():
        return network(x, t, class_labels=torch.zeros(rows).long()).sample


def test_every_block_leaves_its_mean_map_at_its_resolution(network):
    with inside() as seen:
        call(network)
    sizes = {name: each.shape[-1] for name, each in seen.items()}
    assert sizes == {
        "down 1": 28, "down 2": 14, "down 3": 7, "middle": 7, "up 3": 14, "up 2": 28, "up 1": 28,
    }  # fmt: skip
    assert all(seen[name].shape[:2] == (2, 1) for name in sizes)


def test_a_map_is_the_mean_over_the_channels(network):
    kept = []
    handle = network.mid_block.register_forward_hook(lambda *each: kept.append(each[-1]))
    try:
        with inside() as seen:
            call(network)
    finally:
        handle.remove()
    torch.testing.assert_close(seen["middle"], kept[0].mean(1, keepdim=True))


def test_looking_changes_nothing_and_nobody_else_is_looked_at(network):
    plain = call(network)
    with inside() as seen:
        other = threading.Thread(target=call, args=(network,))
        other.start()
        other.join()
        assert seen == {}
        torch.testing.assert_close(call(network), plain, rtol=0, atol=0)
    assert seen
    with inside() as later:
        pass
    assert later == {}


def test_the_blocks_are_described(network):
    found = {block.name: block for block in described(network)}
    assert list(found) == ["down 1", "down 2", "down 3", "middle", "up 3", "up 2", "up 1"]
    assert (found["down 1"].residual, found["down 1"].attention) == (2, 0)
    assert (found["middle"].residual, found["middle"].attention) == (2, 1)
    assert (found["up 1"].residual, found["up 1"].attention) == (3, 0)
    total = sum(each.numel() for each in network.parameters())
    assert 0.8 * total < sum(block.parameters for block in found.values()) < total


def test_the_cost_of_a_block_grows_with_the_batch(network):
    one, two = (operations(network, lambda n=n: call(network, n)) for n in (1, 2))
    assert set(one) == set(blocks(network))
    for name, count in one.items():
        assert count > 1e6 and two[name] == pytest.approx(2 * count, rel=0.02), name


@pytest.mark.parametrize("name", ["digits", "emoji"])
def test_what_is_told_of_a_timestep_is_what_the_network_hears(name):
    model: Any = load(name, device="cpu")
    levels = [model.schedule.level(t) for t in (3, 500, 999)]
    told = time_embeddings(model.network, torch.tensor([level.t for level in levels]))
    heard = []
    hook = model.network.time_embedding.register_forward_hook(
        lambda layers, given, output: heard.append(output)
    )
    for row, level in zip(told, levels, strict=True):
        model.denoiser()(normal(1, *model.shape).float(), level)
        assert torch.allclose(heard[-1][0].float(), row, atol=1e-6)
    hook.remove()


def test_a_network_of_latents_can_be_looked_into():
    model: Any = load("emoji", device="cpu")
    watched(model.network)
    with inside() as seen, torch.no_grad():
        model.denoiser("dog face")(normal(1, 4, 16, 16).float(), model.schedule.level(500))
    assert {"down 1", "middle", "up 1"} <= set(seen)
    assert seen["down 1"].shape == (1, 1, 16, 16)
