"""Training: it learns, it resumes where it was, its rate goes up, stays, and comes down."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from core.networks import dropped
from core.schedules import cosine, linear
from core.training import RECIPES, TrainStep, rate_at, train
from core.training.base import drawn_by, precision_of
from core.training.digits import basic_loss, digit_loss, noised, variance_loss


def tiny(saved, steps):
    recipe = RECIPES["mnist-classifier"]

    def save(network, models):
        saved.append(network)

    return replace(recipe, steps=steps, batch=16, rate=0.02, save=save)


def test_the_loss_falls(tmp_path):
    steps = list(train(tiny([], 60), tmp_path / "a", tmp_path))
    assert [step.index for step in steps] == list(range(60)) and isinstance(steps[0], TrainStep)
    assert sum(s.loss for s in steps[-10:]) < 0.9 * sum(s.loss for s in steps[:10])


def test_a_resumed_run_goes_on_where_it_was(tmp_path):
    whole, resumed = [], []
    list(train(tiny(whole, 12), tmp_path / "a", tmp_path, save_every=100))
    run = train(tiny(resumed, 12), tmp_path / "b", tmp_path, save_every=6)
    for _ in range(8):
        next(run)
    run.close()
    rest = list(train(tiny(resumed, 12), tmp_path / "b", tmp_path, save_every=6))
    assert rest[0].index == 8
    for one, other in zip(whole[0].parameters(), resumed[0].parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_rate():
    assert rate_at(0, 1000, 1.0) == pytest.approx(0.005)
    assert rate_at(500, 1000, 1.0) == 1.0
    assert rate_at(900, 1000, 1.0) == pytest.approx(0.5)
    assert rate_at(700, 1000, 1.0, fall=0.5) == pytest.approx(0.6)


def test_bfloat16_is_for_processors_that_have_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for capability, precision in (("AVX2", "no"), ("AVX512", "bf16")):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda c=capability: c)
        assert precision_of(RECIPES["emoji"]) == precision
    assert precision_of(RECIPES["mnist-classifier"]) == "no"


class Answers(nn.Module):
    """Stands for a perfect network: answers with what the loss compares it to."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x, t=None, class_labels=None):
        self.labels = class_labels
        return self.answer(x, t)


def test_digit_loss_compares_v_and_drops_a_tenth_of_the_labels():
    network = Answers(lambda x, t: SimpleNamespace(sample=torch.zeros_like(x)))
    x0, label = torch.zeros(4000, 1, 2, 2), torch.zeros(4000, dtype=torch.long)
    loss = digit_loss(network, x0, label, torch.Generator().manual_seed(0))
    t = (1000 * torch.rand(100_000) ** 2).long()
    assert loss.item() == pytest.approx((linear().alpha[t] ** 2).mean().item(), rel=0.05)
    assert (network.labels == 10).double().mean().item() == pytest.approx(0.1, abs=0.02)


def test_basic_loss_of_the_answer_is_zero():
    x0 = torch.full((8, 1, 2, 2), 0.5)
    network = Answers(lambda x, t: torch.full_like(x, 0.75))
    assert basic_loss(network, x0, torch.zeros(8), torch.Generator().manual_seed(0)).item() == 0


def test_a_training_leaves_the_randomness_of_the_process_alone(tmp_path):
    import random

    import numpy

    torch.manual_seed(42)
    numpy.random.seed(42)
    random.seed(42)
    run = train(tiny([], 4), tmp_path / "a", tmp_path, save_every=2)
    for _ in range(3):
        next(run)
    run.close()
    list(train(tiny([], 4), tmp_path / "a", tmp_path, save_every=2))  # resumed
    drawn = torch.rand(()).item(), float(numpy.random.rand()), random.random()
    torch.manual_seed(42)
    assert drawn[0] == torch.rand(()).item()
    assert drawn[1:] == (float(numpy.random.RandomState(42).rand()), random.Random(42).random())


@pytest.mark.parametrize("recipe", ["mnist", "mnist-classifier"])
def test_initial_weights_are_those_of_the_seed(recipe):
    made = []
    for other in (1, 2):
        torch.manual_seed(other)
        with drawn_by(torch.Generator().manual_seed(0)):
            made.append(RECIPES[recipe].network())
    torch.manual_seed(0)
    made.append(RECIPES[recipe].network())  # as torch draws them
    for one, *others in zip(*(each.parameters() for each in made), strict=True):
        assert all(torch.equal(one, other) for other in others)


def test_features_drop_out_by_the_generator():
    x = torch.ones(200, 64)
    kept = dropped(x, 0.3, torch.Generator().manual_seed(0))
    assert torch.equal(kept, dropped(x, 0.3, torch.Generator().manual_seed(0)))
    assert torch.equal(dropped(x, 0.3, None), x)
    assert (kept == 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert kept.max().item() == pytest.approx(1 / 0.7) and kept.mean().item() == pytest.approx(
        1, abs=0.03
    )


def test_the_bound_teaches_the_variance_alone():
    """Without its thousandth the gradient of v would be that of its own loss."""
    x0, label = torch.zeros(8, 1, 4, 4), torch.zeros(8, dtype=torch.long)
    out = torch.randn(8, 2, 4, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)

    network = Answers(lambda x, t: SimpleNamespace(sample=out))
    loss = variance_loss(network, x0, label, torch.Generator().manual_seed(0))
    (both,) = torch.autograd.grad(loss, out)
    generator = torch.Generator().manual_seed(0)
    t = torch.randint(1000, (8,), generator=generator)
    _, v, _ = noised(cosine(), t, x0, label, generator)
    torch.testing.assert_close(both[:, :1], 2 * (out[:, :1] - v).detach() / v.numel())
    assert both[:, 1:].abs().max() > 0
