"""Classifier guidance: gradients, and Bayes' rule on the exact denoiser."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from core.classifier_guidance import ClassifierGuided, EmpiricalClassifier
from core.classifiers import noisy_digit_classifier
from core.denoisers import Empirical
from core.models import load
from core.schedules import Level, linear
from tests.core import normal

PICTURES, LABELS = normal(12, 1, 4, 4, seed=3), torch.arange(12) % 3
LEVELS = [linear().levels(4)[k] for k in (0, 1, 3)]
CLASSIFY = EmpiricalClassifier(PICTURES, LABELS, 3)


def guided(label, scale, denoise=None):
    return ClassifierGuided(denoise or Empirical(PICTURES), CLASSIFY, label, scale)


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_the_exact_classifier_gives_the_share_of_the_softmax(level):
    x = level.alpha * PICTURES[:5] + level.sigma * normal(5, 1, 4, 4)
    away = (x.flatten(1)[:, None] - level.alpha * PICTURES.flatten(1)).square().sum(2)
    weights = (-away / (2 * level.sigma**2)).softmax(1)
    shares = torch.stack([weights[:, k == LABELS].sum(1) for k in range(3)], dim=1)
    torch.testing.assert_close(CLASSIFY(x, level).exp(), shares, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("level", LEVELS, ids=str)
@pytest.mark.parametrize("label", range(3))
def test_at_scale_1_it_is_the_denoiser_of_the_label(level, label):
    """grad log p(y | x) = alpha / sigma^2 (E[x0 | x, y] - E[x0 | x]): Bayes' rule."""
    x = level.alpha * PICTURES[:5] + level.sigma * normal(5, 1, 4, 4)
    both, alone = Empirical(PICTURES)(x, level), Empirical(PICTURES[label == LABELS])(x, level)
    closed = level.alpha / level.sigma**2 * (alone.x0 - both.x0)
    torch.testing.assert_close(
        guided(label, 1).posterior.gradient(x, level), closed, rtol=0, atol=1e-9
    )
    seen = guided(label, 1)(x, level)
    torch.testing.assert_close(seen.eps, alone.eps, rtol=0, atol=1e-9)
    torch.testing.assert_close(seen.x0, alone.x0, rtol=0, atol=1e-7)
    torch.testing.assert_close(x, level.alpha * seen.x0 + level.sigma * seen.eps)


def test_the_gradient_is_that_of_finite_differences():
    level, x, h = LEVELS[1], normal(2, 1, 4, 4, seed=9), 1e-5
    gradient = guided(1, 1).posterior.gradient(x, level)
    for place in [(0, 0), (1, 2), (3, 3)]:
        moved = torch.zeros_like(x)
        moved[:, 0, *place] = h
        up, down = (CLASSIFY(x + each, level)[:, 1] for each in (moved, -moved))
        assert gradient[:, 0, *place] == pytest.approx((up - down) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("scale", [0, 2.5])
def test_the_scale_is_a_factor_of_the_gradient(scale):
    level, x = LEVELS[1], normal(2, 1, 4, 4)
    pushed, plain = guided(2, scale).branches(x, level)
    gradient, seen = guided(2, scale).posterior.gradient(x, level), guided(2, scale)(x, level)
    torch.testing.assert_close(seen.eps, plain.eps - scale * level.sigma * gradient)
    added = level.sigma**2 / level.alpha * gradient
    torch.testing.assert_close(pushed.x0, plain.x0 + added)
    torch.testing.assert_close(plain.eps, Empirical(PICTURES)(x, level).eps)


def test_without_noise_nothing_is_guided():
    clean, x = Level(-1, 1.0, 0.0), normal(1, 1, 4, 4)
    seen, plain = guided(0, 3)(x, clean), Empirical(PICTURES)(x, clean)
    assert seen.x0.equal(plain.x0) and seen.eps.equal(plain.eps)


def test_a_scale_has_to_be_finite_and_the_cost_is_that_of_the_denoiser():
    with pytest.raises(ValueError, match="must be a finite number, got inf"):
        guided(0, float("inf"))
    assert guided(0, 3).cost == Empirical.cost


def test_the_classifier_is_told_the_timestep_at_which_it_knows_the_noise():
    """Whatever the schedule of a model calls it: the classifier was trained on DDPM's."""
    own: Any = load("digits")
    other: Any = load("digits-variance")
    x = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for t in (0, 150, 600, 990):
        level = own.schedule.level(t)
        told = noisy_digit_classifier()(x, torch.tensor([t]))
        torch.testing.assert_close(own.classifier()(x, level), told)
        same = replace(level, t=-5.0)  # the noise counts, not its name
        torch.testing.assert_close(other.classifier()(x, same), told)


def test_a_classifier_keeps_a_learned_variance():
    model: Any = load("digits-variance")
    x, level = torch.zeros(1, 1, 28, 28), model.schedule.level(500)
    plain, pushed = (
        each(x, level).log_variance
        for each in (model.denoiser(""), model.classifier_guided("3", 2.0))
    )
    assert plain.shape == x.shape and torch.equal(pushed, plain)
