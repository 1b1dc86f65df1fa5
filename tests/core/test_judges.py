"""The judge of emoji scenes and the interval of what it counts."""

import math

import pytest
import torch

from core.classifiers import read_scenes, scene_features
from core.data.emoji import draw_pose, draw_scene, labels_of, tensor_of
from core.metrics import gradient_energy, interval
from tests.benchmarks.nearest import distances, found
from tests.benchmarks.quality_clarity import plain
from tests.benchmarks.quality_emoji import real


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (150, 200, 0.6857, 0.8050)],
)
def test_wilsons_interval(hits, count, low, high):
    assert interval(hits, count) == pytest.approx((low, high), abs=2e-3)


def test_the_judge_reads_real_scenes():
    generator = torch.Generator().manual_seed(5)
    scenes = [draw_scene(generator, None) for _ in range(60)]
    pictures = [tensor_of(scene.picture(draw_pose(generator))) for scene in scenes]
    x = torch.stack(pictures).float() / 127.5 - 1
    labels = torch.tensor([labels_of(scene) for scene in scenes])
    heads = read_scenes(x)
    right = {
        head: (logits.argmax(1) == labels[:, k]).double().mean().item()
        for k, (head, logits) in enumerate(heads.items())
    }
    assert right["subject"] > 0.8 and right["background"] > 0.97 and right["tint"] > 0.9
    assert scene_features(x).shape == (60, 256)


def test_the_nearest_picture_of_a_real_one_is_its_own():
    chosen = plain(30)
    pictures = real(chosen, seed=1)
    assert found(pictures, chosen) == [30, 30]
    assert found(pictures, chosen[1:] + chosen[:1]) == [0, 30]
    exact = torch.stack([tensor_of(scene.picture()) for scene in chosen]).float() / 255
    moved = exact.roll((3, -3), (2, 3))
    torch.testing.assert_close(distances(moved).amin(1), torch.zeros(30), atol=1e-6, rtol=0)


def test_gradient_energy_of_a_sine():
    """The mean square of a sin(w (x + 1)) - a sin(w x) is 2 a^2 sin(w/2)^2."""
    w = 2 * math.pi / 16
    x = 0.3 * torch.sin(w * torch.arange(65, dtype=torch.float64)).expand(1, 1, 8, -1)
    assert gradient_energy(x) == pytest.approx(2 * (0.3 * math.sin(w / 2)) ** 2, rel=1e-9)
