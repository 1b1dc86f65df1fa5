# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Integers are integers: whatever has `__index__` and is no bool, wherever `core` takes one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.checks import integer, said, whole
from core.data.emoji import drawn
from core.inversion import INVERSIONS, finish
from core.inversion.mask import difference_mask
from core.models import load, prefer
from core.samplers import SAMPLERS, seeded
from core.schedules import SCHEDULES, from_betas, linear
from tests.core import gaussian, normal


class Seven:
    """A whole number of somebody's own."""

    def __index__(self):
        return 7


SEVENS = [7, np.int64(7), np.uint8(7), np.array(7), torch.tensor(7), Seven()]
NONE = [True, np.True_, torch.tensor(True), 7.0, np.float64(7), torch.tensor(7.0), "7", None, [7]]
X0, MODEL = normal(2, 1, 4, 4), gaussian()


def mask(maps):
    return difference_mask(MODEL, X0, "0.1", "0.5", maps=maps)


PLACES = {
    "seed": lambda n: seeded(n, 1)(X0[:1]),
    "batch": lambda n: seeded(0, n)(torch.empty(7, 2)),
    "steps": lambda n: [level.t for level in linear().levels(n)],
    "t": lambda n: linear().level(n),
    "timesteps": lambda n: SCHEDULES["cosine"](n).alpha,
    "inversion's steps": lambda n: finish(INVERSIONS["ddim"].invert(MODEL, X0, steps=n)).levels,
    "inversion's seed": lambda n: finish(
        INVERSIONS["sdedit"].invert(MODEL, X0, steps=2, seed=n)
    ).trajectory[-1],
    "maps": mask,
    "iterations": lambda n: finish(
        replace(INVERSIONS["fixed_point"], iterations=n).invert(MODEL, X0, steps=2)
    ).trajectory[-1],
    "memory": lambda n: finish(
        replace(INVERSIONS["anderson"], memory=n).invert(MODEL, X0, steps=2)
    ).trajectory[-1],
    "inner": lambda n: replace(INVERSIONS["null_text"], inner=n).inner == 7,
    "rows of noise": lambda n: MODEL.noise(3, n),
    "rows of a start": lambda n: MODEL.start(seeded(0, 7), linear().level(9), n),
    "rows of uniform noise": lambda n: load("basic").start(seeded(0, 7), linear().level(9), n),
    "pictures": lambda n: drawn(n, seed=0)[0],
    "seed of pictures": lambda n: drawn(1, seed=n)[0],
}


@pytest.mark.parametrize("place", PLACES)
def test_any_whole_number_is_taken_and_is_the_same_number(place):
    plain = PLACES[place](7)
    for seven in SEVENS[1:]:
        again = PLACES[place](seven)
        same = torch.equal(plain, again) if isinstance(plain, torch.Tensor) else plain == again
        assert same, seven


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_whole_number_is_refused(place):
    for value in NONE:
        with pytest.raises(ValueError, match="must be a whole number"):
            PLACES[place](value)


def test_threads_of_a_network_call():
    threads = torch.get_num_threads()
    try:
        prefer(threads=np.int64(2))
        assert torch.get_num_threads() == 2
        for value in (True, 1.5, "1", 0, 257):
            with pytest.raises(ValueError, match=r"threads must be a whole number in 1\.\.256"):
                prefer(threads=value)
    finally:
        torch.set_num_threads(threads)


def test_an_offset_of_numpy_survives_a_config():
    import json

    from core.bridge import config_of

    schedule = from_betas(linear().beta, offset=np.uint8(1))
    assert json.loads(json.dumps(config_of(schedule)))["steps_offset"] == 1
    assert schedule.levels(np.int64(20), "leading")[0].t == 951
    levels = linear().levels(np.int64(4))
    assert len([*SAMPLERS["ddim"](gaussian().denoiser(), X0, levels)]) == 4


def test_the_sentence_stays_short():
    assert integer(10**5000) == 10**5000 and said(10**5000) == "a huge number"
    with pytest.raises(ValueError, match=r"n must be at least 1, got 0"):
        whole(0, "n", 1)
    with pytest.raises(ValueError, match=r"n must be a whole number, got 'x+\.\.\.x+'"):
        whole("x" * 1000, "n", 1)
    with pytest.raises(ValueError, match=r"n must be a whole number in 1\.\.5, got 6"):
        whole(6, "n", 1, 5)
