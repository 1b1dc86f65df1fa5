"""Trainings to watch: when they look, what they see, that they go on, and learn."""

import pytest
import torch
from PIL import Image

from core.data import mnist
from core.data.points import swiss_roll, two_moons
from core.models import add_trained, forget, load
from core.models.registry import MODELS
from core.objectives import Objective
from core.training.apart import apart
from core.training.plans import Plan, moments, snapshots
from core.training.rows import Rows, digit_rows, picture_rows, point_rows


def points(count, seed=0):
    return swiss_roll(count, torch.Generator().manual_seed(seed))


def plan(**changed):
    given = {"steps": 40, "batch": 32, "seed": 3} | changed
    objective = Objective("points", "cosine", channels=2, side=1)
    return Plan(objective, Rows(points(4000), points(200, 1)), **given)


def small(**changed):
    pictures = (torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 255).byte()
    objective = Objective("basic", "uniform", "sample", told=False)
    return Plan(
        objective, Rows(pictures[:30], pictures[30:]), **({"steps": 4, "batch": 4} | changed)
    )


def test_looks_come_at_first_often_and_at_the_end():
    for steps in (1, 2, 10, 600, 20_000):
        found = moments(steps)
        assert found == sorted(set(found)) and found[0] == 1 and found[-1] == steps
    gaps = [b - a for a, b in zip(moments(600), moments(600)[1:], strict=False)]
    assert gaps == sorted(gaps)


def test_a_snapshot_says_how_it_stands(tmp_path):
    found = list(snapshots(plan(), tmp_path))
    assert [each.step for each in found] == moments(40)
    assert sum(len(each.losses) for each in found) == 40
    last = found[-1]
    assert last.noisy.shape == last.guesses.shape == (8, 2, 1, 1)
    assert last.samples.shape == (400, 2, 1, 1)
    assert last.field is not None and last.field.shape == (8, 17 * 17, 2, 1, 1)
    ratios = [level.log_snr for level in last.levels]
    assert ratios == sorted(ratios, reverse=True) and len(last.errors) == len(last.bound) == 8
    assert (tmp_path / "objective.json").is_file()


@pytest.mark.slow
def test_a_training_that_is_closed_goes_on_as_if_it_had_not_been(tmp_path):
    whole = list(snapshots(plan(), tmp_path / "a"))
    run = snapshots(plan(), tmp_path / "b")
    seen = [next(run) for _ in range(5)]
    run.close()
    assert (tmp_path / "b" / "objective.json").is_file(), "what is there can be used"
    seen += list(snapshots(plan(), tmp_path / "b"))
    assert [each.step for each in seen] == [each.step for each in whole]
    for one, other in zip(whole, seen, strict=True):
        assert one.losses == other.losses
        assert torch.equal(one.samples, other.samples)


@pytest.mark.slow
def test_in_a_process_of_its_own_it_is_the_same(tmp_path):
    here = list(snapshots(small(), tmp_path / "a"))
    there = list(apart(snapshots, small(), tmp_path / "b"))
    assert [each.step for each in there] == [each.step for each in here]
    for one, other in zip(here, there, strict=True):
        torch.testing.assert_close(one.samples, other.samples)


def counted(most):
    yield from range(most)


def refuses():
    yield 1
    raise ValueError("no more than one")


def ends():
    yield 1
    import os

    os._exit(3)


@pytest.mark.slow
def test_values_errors_and_ends_cross_to_the_other_process():
    assert list(apart(counted, 3)) == [0, 1, 2]
    run = apart(refuses)
    assert next(run) == 1
    with pytest.raises(ValueError, match="no more than one"):
        next(run)
    run = apart(ends)
    assert next(run) == 1
    with pytest.raises(RuntimeError, match="the process of the training has ended"):
        next(run)


def test_what_is_trained_can_be_loaded_by_name_and_is_not_offered(tmp_path):
    list(snapshots(small(), tmp_path))
    name = "trained-in-a-test"
    card = add_trained(name, tmp_path, "mnist")
    try:
        assert card.private and name in MODELS and name not in list(MODELS)
        model = load(name)
        assert model.shape == (1, 28, 28) and card.noise == "uniform" and card.size == 309_057
        with pytest.raises(ValueError, match="knows no labels"):
            model.denoiser("7")
        x = model.start(model.draw(0), model.schedule.levels(4)[0])
        assert model.denoiser()(x, model.schedule.levels(4)[0]).x0.shape == x.shape
    finally:
        forget(name)
    assert name not in MODELS


def test_points_and_folders_without_a_network_are_no_models(tmp_path):
    with pytest.raises(ValueError, match="there is no trained network yet"):
        add_trained("nothing", tmp_path)
    list(snapshots(plan(steps=2), tmp_path))
    with pytest.raises(ValueError, match="points are no pictures"):
        add_trained("points", tmp_path)


@pytest.mark.slow
def test_a_swiss_roll_is_learned(tmp_path):
    """The mean distance of samples to the data falls to near that of other draws of the data."""

    def away(samples):
        return torch.cdist(samples.flatten(1), points(2000, 2).flatten(1)).amin(1).mean().item()

    *_, last = snapshots(plan(steps=2000, batch=256, rate=3e-3), tmp_path)
    data, noise = away(points(400, 5)), away(torch.randn(400, 2))
    assert away(last.samples) < data + 0.15 * (noise - data)


@pytest.mark.parametrize("made", [swiss_roll, two_moons])
def test_points_are_centred_and_of_unit_spread(made):
    found = made(3000, torch.Generator().manual_seed(0))
    assert found.shape == (3000, 2, 1, 1)
    assert found.mean(0).abs().max() < 1e-5
    assert found.square().mean().sqrt().item() == pytest.approx(1, abs=1e-5)


def test_rows_are_trained_on_or_held_out_and_never_both(tmp_path):
    (images, labels), others = mnist("train"), mnist("test")[0]
    assert torch.equal(digit_rows().seen, images) and torch.equal(digit_rows().held_out, others)
    assert torch.equal(digit_rows(3).seen, images[labels == 3])
    one, other = point_rows("two moons", 5), point_rows("two moons", 5)
    assert torch.equal(one.seen, other.seen) and len(one.seen) == len(one.held_out) == 4000
    assert not torch.equal(one.seen, one.held_out)


@pytest.mark.parametrize(("count", "held"), [(70, 70), (71, 8), (100, 10)])
def test_of_pictures_every_tenth_is_held_out_where_that_makes_eight(tmp_path, count, held):
    for k in range(count):
        Image.new("L", (28, 28), k).save(tmp_path / f"{k:03}.png")
    rows = picture_rows(tmp_path, 28, False)
    assert len(rows.held_out) == held
    values = [set(each[:, 0, 0, 0].tolist()) for each in (rows.seen, rows.held_out)]
    assert len(values[0] | values[1]) == count
    assert (rows.seen is rows.held_out) == (held == count)
    assert rows.seen is rows.held_out or not values[0] & values[1]
