"""The bound on the likelihood against closed forms."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from core.denoisers import Gaussian, Network, Prediction
from core.likelihood import STEP, log_variance, log_variances, prior, term, terms
from core.noise import seeded
from core.schedules import cosine, linear
from tests.core import normal


@pytest.mark.parametrize("variance", ["posterior", "beta"])
@pytest.mark.parametrize("t", [1, 10, 500, 999])
def test_a_term_is_the_divergence_of_two_gaussians(t, variance):
    schedule, times = linear(), torch.tensor([t])
    x0, guess, x = (normal(1, 1, 4, 4, seed=seed) for seed in range(3))
    seen = Prediction(guess, guess)
    spread = log_variance(schedule, times, seen, variance)
    std = {"posterior": schedule.posterior_variance, "beta": schedule.beta}[variance][t].sqrt()
    true, said = (
        Normal(schedule.posterior_x0[t] * clean + schedule.posterior_x_t[t] * x, width)
        for clean, width in ((x0, schedule.posterior_variance[t].sqrt()), (guess, std))
    )
    wanted = kl_divergence(true, said).mean() / math.log(2)
    assert term(schedule, times, x0, guess, spread).item() == pytest.approx(wanted.item())


def test_with_the_posterior_it_is_the_weighted_loss():
    """Ho et al. 2020, equation 12: loss_weight |eps - eps_hat|^2."""
    schedule = cosine()
    for t in (3, 400, 990):
        level, x0, eps, said = schedule.level(t), *(normal(2, 1, 3, 3, seed=k) for k in range(3))
        x = level.alpha * x0 + level.sigma * eps
        guess, times = (x - level.sigma * said) / level.alpha, torch.tensor([t, t])
        spread = log_variance(schedule, times, Prediction(guess, said))
        wanted = schedule.loss_weight[t] * (eps - said).square().mean((1, 2, 3)) / math.log(2)
        torch.testing.assert_close(term(schedule, times, x0, guess, spread), wanted)


def test_the_probabilities_of_all_values_of_a_pixel_add_up_to_one():
    schedule, values = linear(), torch.arange(256).double() * STEP - 1
    for guess in (-1.2, -0.5, 0.01, 1.0):
        for spread in (-12.0, -8.0, -2.0):
            x0, t = values.view(256, 1, 1, 1), torch.zeros(256, dtype=torch.long)
            bits = term(schedule, t, x0, torch.full_like(x0, guess), torch.tensor(spread))
            assert (-bits * math.log(2)).exp().sum().item() == pytest.approx(1, abs=1e-9)


def test_a_learned_variance_lies_where_the_network_says():
    schedule, t = cosine(), torch.tensor([0, 7, 999])
    low, high = log_variances(schedule)
    assert low[0] == low[1] and (low < high).all()  # at t = 0 the posterior has none of its own
    for place in (0.0, 0.25, 1.0):
        x = torch.zeros(3, 1, 2, 2, dtype=torch.float64)
        seen = Prediction(x, x, torch.full_like(x, place))
        found = log_variance(schedule, t, seen, "learned")[:, 0, 0, 0]
        torch.testing.assert_close(found, torch.lerp(low, high, place)[t])
    with pytest.raises(ValueError, match="not learned"):
        log_variance(schedule, t, Prediction(x, x), "learned")


def test_pure_noise_keeps_nothing_of_the_picture():
    x0 = torch.ones(2, 1, 4, 4)
    assert (prior(linear(), x0) < 1e-4).all() and (prior(linear(), x0) > 0).all()


def test_the_best_variance_of_gaussian_data_has_the_smallest_bound():
    """Data of variance s^2: p(x_(t-1) | x_t) is Gaussian, with a variance between both others.

    Its place between them is known, so a network that says it must do better than either.
    """
    schedule, std = linear(), 0.3
    low, high = (each.exp() for each in log_variances(schedule))
    alpha, sigma = schedule.alpha, schedule.sigma
    kept = std**2 * sigma**2 / (alpha**2 * std**2 + sigma**2)  # of x0, given x_t
    best = (schedule.posterior_variance + schedule.posterior_x0**2 * kept).log()
    place = ((best - low.log()) / (high.log() - low.log())).clamp(0, 1)
    exact = Gaussian(0.0, std)

    def forward(x, t, condition):
        seen = exact(x, schedule.level(int(t)))
        return torch.cat([seen.x0, torch.full_like(x, 2 * place[int(t)].item() - 1)], dim=1)

    x0 = std * normal(200, 1, 2, 2)
    found = list(terms(Network(forward, "sample"), schedule, x0, seeded(0, 200),
                       ("posterior", "beta", "learned")))  # fmt: skip
    posterior, beta, learned = (sum(each) for each in zip(*found[1:], strict=True))
    assert learned < posterior and learned < beta
