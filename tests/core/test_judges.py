"""The judge of emoji scenes and the interval of what it counts."""

import pytest
import torch

from core.data.emoji import draw_pose, draw_scene, labels_of, tensor_of
from core.metrics import interval, read_scenes, scene_features


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
