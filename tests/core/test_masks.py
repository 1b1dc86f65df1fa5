"""Parts of a picture: what they cover, at any size."""

import pytest
import torch

from core.masks import PARTS, enlarged, part


@pytest.mark.parametrize("sides", [(28, 28), (16, 24), (9, 7)])
def test_halves_are_halves_and_complete_each_other(sides):
    for one, other in (("right", "left"), ("top", "bottom")):
        assert torch.equal(part(one, *sides) + part(other, *sides), torch.ones(1, 1, *sides))
    assert part("right", 4, 4)[0, 0].tolist() == [[0, 0, 1, 1]] * 4
    assert part("bottom", 4, 2)[0, 0].tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]


def test_the_middle_has_a_border_on_all_sides():
    middle = part("middle", 8, 8)
    assert middle.sum() == 16 and middle[..., 2:6, 2:6].all()
    assert len({part(name, 8, 8).numpy().tobytes() for name in PARTS}) == len(PARTS)


def test_another_part_is_refused():
    with pytest.raises(ValueError, match="right, left, top, bottom, middle, got 'all'"):
        part("all", 4, 4)


def test_a_mask_of_latents_covers_the_same_pixels():
    large = enlarged(part("top", 4, 4), torch.zeros(2, 3, 16, 16))
    assert large.shape == (1, 1, 16, 16) and large.dtype == torch.bool
    assert torch.equal(large, part("top", 16, 16).bool())
