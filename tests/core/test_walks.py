"""Ways through noise: they stay noise."""

import math

import pytest
import torch

from core.walks import circle, poked, slerp


def draws(count=2, rows=1):
    generator = torch.Generator().manual_seed(3)
    return torch.randn(count, rows, 1, 64, 64, generator=generator)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_every_point_lies_at_its_share_of_the_angle(share):
    a, b = (each / each.norm() for each in draws().double())
    angle = (a * b).sum().arccos()
    point = slerp(a, b, share)
    assert point.norm().item() == pytest.approx(1)
    torch.testing.assert_close((a * point).sum(), (share * angle).cos())
    torch.testing.assert_close((b * point).sum(), ((1 - share) * angle).cos())


def test_noise_keeps_its_variance_along_the_arc_and_loses_half_on_the_line():
    a, b = draws(rows=2)
    assert slerp(a, b, 0.5).std().item() == pytest.approx(1, abs=0.03)
    assert torch.lerp(a, b, 0.5).std().item() == pytest.approx(0.5**0.5, abs=0.03)


def test_rows_are_walked_each_on_its_own_arc():
    a, b = draws(rows=2)
    torch.testing.assert_close(slerp(a, b, 0.3)[1:], slerp(a[1:], b[1:], 0.3))


def test_from_a_draw_to_itself_is_no_way():
    a, _ = draws()
    torch.testing.assert_close(slerp(a, a, 0.4), a)


def test_a_circle_closes_and_every_point_is_noise():
    a, b = draws()
    points = circle(a, b, 8)
    assert len(points) == 8 and torch.equal(points[0], a)
    torch.testing.assert_close(points[4], -a)
    for here, after in zip(points, [*points[1:], points[0]], strict=True):
        assert here.std().item() == pytest.approx(1, abs=0.03)
        assert (here - after).std().item() == pytest.approx(2 * math.sin(math.pi / 8), rel=0.03)
    with pytest.raises(ValueError, match="count"):
        circle(a, b, 0)


def test_a_poke_stays_where_it_is():
    a, b = draws()
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :16, :16] = 1
    mixed = poked(a, b, mask)
    assert torch.equal(mixed[..., :16, :16], b[..., :16, :16])
    assert torch.equal(mixed[..., 16:, :], a[..., 16:, :])
