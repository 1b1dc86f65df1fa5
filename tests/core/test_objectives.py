"""What a network learns: its loss has the right answer as its zero, in every noise and target."""

import pytest
import torch
from torch import nn

from core.denoisers import CONVERSIONS, target_of
from core.objectives import NETWORKS, NOISES, Objective
from core.schedules import Level


@pytest.mark.parametrize("kind", CONVERSIONS)
def test_a_target_is_what_its_conversion_reads(kind):
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 3, 1, 4, 4, generator=generator, dtype=torch.float64)
    level = Level(500.0, 0.6, 0.8)
    x = level.alpha * x0 + level.sigma * eps
    seen = CONVERSIONS[kind](x, level, target_of(kind, x0, eps, level.alpha, level.sigma))
    torch.testing.assert_close(seen.x0, x0)
    torch.testing.assert_close(seen.eps, eps)


def test_an_unknown_target_is_named():
    zero = torch.zeros(1)
    with pytest.raises(ValueError, match=r"kind must be one of epsilon, .* got 'score'"):
        target_of("score", zero, zero, 1.0, 0.0)


class Knows(nn.Module):
    """Stands for a perfect network of a data set of one picture: x0 = 0.5 everywhere."""

    def __init__(self, objective):
        super().__init__()
        self.objective = objective

    def forward(self, x, t):
        schedule = self.objective.schedule
        alpha, sigma = (s[t].view(-1, 1, 1, 1).to(x) for s in (schedule.alpha, schedule.sigma))
        x0 = torch.full_like(x, 0.5)
        return target_of(self.objective.target, x0, (x - alpha * x0) / sigma, alpha, sigma)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("target", CONVERSIONS)
def test_the_loss_of_the_right_answer_is_zero(noise, target):
    objective = Objective("points", noise, target, channels=2, side=1)
    x0 = torch.full((64, 2, 1, 1), 0.5)
    knows = Knows(objective)
    loss = objective.loss(knows, x0, torch.Generator().manual_seed(0))
    assert loss.item() < 1e-6  # float32, and eps is a difference over a small sigma
    denoise = objective.denoiser(knows)
    x = torch.randn(8, 2, 1, 1, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        denoise(x, objective.schedule.level(500)).x0, torch.full_like(x, 0.5)
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32])
@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "points"])
def test_every_network_takes_every_picture(network, side, channels):
    objective = Objective(network, channels=channels, side=side)
    x = torch.zeros(2, channels, side, side)
    assert objective.call(objective.made(), x, torch.tensor([0, 999])).shape == x.shape


def test_a_network_that_is_not_told_t_answers_the_same_at_all_levels():
    torch.manual_seed(0)
    told, blind = Objective("small"), Objective("small", told=False)
    network, x = told.made().eval(), torch.zeros(1, 1, 28, 28)
    first, last = torch.tensor([0]), torch.tensor([999])
    assert not torch.equal(told.call(network, x, first), told.call(network, x, last))
    assert torch.equal(blind.call(network, x, first), blind.call(network, x, last))


def test_the_basic_network_works_on_pixels_of_0_to_1():
    class Half(nn.Module):
        def forward(self, x):
            assert x.min() >= 0 and x.max() <= 1
            return torch.full_like(x, 0.5)

    x = torch.linspace(-1, 1, 784).view(1, 1, 28, 28)
    answer = Objective("basic", "uniform", "sample").call(Half(), x, torch.tensor([5]))
    assert torch.equal(answer, torch.zeros_like(x))
