"""What every inversion method promises: any prediction, any schedule, calls, chained steps."""

from itertools import pairwise

import pytest
import torch

from core.bridge import schedule_of
from core.denoisers import Gaussian, Network
from core.inversion import INVERSIONS, finish, start_index
from core.metrics import rms
from core.schedules import linear
from tests.core import SD, Toy, gaussian, normal
from tests.core.mixtures import ANY_MODEL


def as_network(kind):
    """The exact denoiser of a Gaussian, as a network that predicts v or x0."""

    def made(prompt):
        exact, levels = Gaussian(float(prompt or 0.3), 0.5), {}
        schedule = schedule_of(SD)

        def forward(x, t, condition):
            level = levels.setdefault(t, schedule.level(int(t)))
            seen = exact(x, level)
            if kind == "sample":
                return seen.x0
            return level.alpha * seen.eps - level.sigma * seen.x0

        return Network(forward, kind)

    return Toy(made)


@pytest.mark.parametrize("name", ANY_MODEL)
def test_what_the_network_predicts_does_not_matter(name):
    method, x0 = INVERSIONS[name], normal(2, 1, 4, 4)
    results = []
    for model in (gaussian(), as_network("v_prediction"), as_network("sample")):
        inversion = finish(method.invert(model, x0, "0.3", steps=20, spacing="trailing"))
        results.append(finish(method.edit(inversion, "-0.8", strength=0.5)))
    for other in results[1:]:
        assert rms(other - results[0]) < 1e-10


@pytest.mark.parametrize("name", [n for n in ANY_MODEL if n != "belm"])
def test_a_schedule_without_signal_at_its_end(name):
    zero = linear(zero_terminal_snr=True)
    method, x0 = INVERSIONS[name], normal(2, 1, 4, 4)
    inversion = finish(method.invert(gaussian(schedule=zero), x0, steps=10))
    back = finish(method.edit(inversion, "", strength=0.8))
    assert torch.isfinite(inversion.trajectory[-1]).all() and torch.isfinite(back).all()


def test_belm_refuses_a_schedule_without_signal_at_its_end():
    zero = gaussian(schedule=linear(zero_terminal_snr=True))
    with pytest.raises(ValueError, match="O-BELM divides by alpha"):
        next(INVERSIONS["belm"].invert(zero, normal(1, 1, 4, 4), steps=10))


# ---- the interface ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANY_MODEL)
def test_calls_are_counted_and_steps_chain(name):
    counted = []

    def made(prompt):
        exact = Gaussian(float(prompt or 0.3), 0.5)

        def denoise(x, level):
            counted.append(level)
            return exact(x, level)

        denoise.cost = 1
        return denoise

    method, x0 = INVERSIONS[name], normal(2, 1, 4, 4)
    up: list = []
    run = method.invert(Toy(made), x0, "0.3", steps=7)
    inversion = finish(noted(run, up))
    assert inversion.calls == len(counted) and inversion.method == name
    assert inversion.calls <= 7 * method.calls_up
    assert len(up) == 7 and len(inversion.trajectory) == len(inversion.levels) == 8
    assert [step.index for step in up] == list(range(7))
    for step, x in zip(up, inversion.trajectory[1:], strict=True):
        assert torch.equal(step.x_next, x)
    counted.clear()
    down: list = []
    edited = finish(noted(method.edit(inversion, "-0.8", strength=0.6), down))
    assert len(down) == start_index(0.6, 7) and down[-1].calls == len(counted)
    assert down[-1].calls <= len(down) * method.calls_down
    assert torch.equal(down[-1].x_next, edited)
    for one, other in pairwise(down):
        assert torch.equal(one.x_next, other.x) and one.next_level == other.level


def noted(run, steps):
    """Pass a run on, and note its steps."""
    while True:
        try:
            step = next(run)
        except StopIteration as stop:
            return stop.value
        steps.append(step)
        yield step


@pytest.mark.parametrize("method", INVERSIONS.values(), ids=INVERSIONS)
def test_every_card_is_filled_in(method):
    assert "https://" in method.source and method.exact
    assert INVERSIONS[method.name] is method and 0 < method.strength <= 1
    assert len({each.title for each in INVERSIONS.values()}) == len(INVERSIONS)
