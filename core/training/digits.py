"""Recipes of the pixel models: digits, the basic U-Net, the digit classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data import mnist
from core.denoisers import Prediction, target_of
from core.likelihood import log_variance, term
from core.models.digits import early_unet
from core.networks import BasicUNet, DigitClassifier, NoisyDigitClassifier
from core.objectives import unet
from core.paths import WEIGHTS
from core.schedules import Schedule, cosine, linear
from core.training.base import Recipe, save_weights

NULL = 10  # the class "no label", trained for classifier-free guidance


def digit_loss(
    network: nn.Module, x0: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """|v_theta(alpha_t x0 + sigma_t eps, t, label) - v|^2, v = alpha_t eps - sigma_t x0.

    Salimans & Ho 2022, section 4, https://arxiv.org/abs/2202.00512: unlike the noise, v still
    asks for the picture where there is hardly any signal left, so that a short training already
    gets the whole digit right. t = T u^2, u uniform: half of the steps go to the quarter with the
    least noise, where the errors of inversion arise. One label in ten is dropped: Ho & Salimans
    2022, algorithm 1, https://arxiv.org/abs/2207.12598.
    """
    schedule = linear()
    t = (len(schedule) * torch.rand(label.shape, generator=generator) ** 2).long()
    x, v, label = noised(schedule, t, x0, label, generator)
    return F.mse_loss(network(x, t.to(x0.device), class_labels=label).sample, v)


def noised(
    schedule: Schedule, t: Tensor, x0: Tensor, label: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """x_t, the v in it, and the labels, of which one in ten is dropped."""
    eps = torch.randn(x0.shape, generator=generator).to(x0)
    dropped = torch.rand(label.shape, generator=generator) < 0.1
    alpha, sigma = schedule.scales(t, x0)
    v = target_of("v_prediction", x0, eps, alpha, sigma)
    return alpha * x0 + sigma * eps, v, torch.where(dropped.to(label.device), NULL, label)


def variance_loss(
    network: nn.Module, x0: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """L_hybrid: the loss of v, and a thousandth of the bound, which teaches the variance alone.

    Nichol & Dhariwal 2021, equation 16, https://arxiv.org/abs/2102.09672, on their cosine
    schedule: the bound is the sum of T terms, of which t picks one; x0_hat is not changed by it.
    """
    schedule = cosine()
    t = torch.randint(len(schedule), label.shape, generator=generator)
    x, wanted, label = noised(schedule, t, x0, label, generator)
    output = network(x, t.to(x0.device), class_labels=label).sample.float()
    v, place = output.chunk(2, dim=1)
    alpha, sigma = schedule.scales(t, x0)
    guess = alpha * x - sigma * v.detach()
    spread = log_variance(schedule, t, Prediction(guess, guess, (place + 1) / 2), "learned")
    bound = len(schedule) * term(schedule, t, x0, guess, spread).mean()
    return F.mse_loss(v, wanted) + bound / 1000


def basic_loss(
    network: nn.Module, x0: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """|f(corrupt(x0, amount)) - x0|^2 on pixels in [0, 1], amount and noise uniform in [0, 1]."""
    x0 = (x0 + 1) / 2
    amount = torch.rand(len(x0), 1, 1, 1, generator=generator).to(x0)
    noise = torch.rand(x0.shape, generator=generator).to(x0)
    return F.mse_loss(network(x0 * (1 - amount) + noise * amount), x0)


def classifier_loss(
    network: nn.Module, x0: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """Cross-entropy of the label, on digits shifted by up to two pixels."""
    dy, dx = torch.randint(-2, 3, (2,), generator=generator).tolist()
    return F.cross_entropy(network(x0.roll((dy, dx), (2, 3)), generator), label)


def noisy_classifier_loss(
    network: nn.Module, x0: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """Cross-entropy of the label in alpha_t x0 + sigma_t eps, t uniform, digits shifted.

    Dhariwal & Nichol 2021, section 4.1, https://arxiv.org/abs/2105.05233.
    """
    schedule = linear()
    dy, dx = torch.randint(-2, 3, (2,), generator=generator).tolist()
    t = torch.randint(len(schedule), label.shape, generator=generator)
    alpha, sigma = schedule.scales(t, x0)
    eps = torch.randn(x0.shape, generator=generator).to(x0)
    noisy = alpha * x0.roll((dy, dx), (2, 3)) + sigma * eps
    return F.cross_entropy(network(noisy, t.to(x0.device), generator), label)


def digit_unet() -> nn.Module:
    """The class-conditional U-Net of 1.7 M parameters, as a diffusers UNet2DModel."""
    return unet(1, 28, (32, 64, 64), layers=2, attends=True, num_class_embeds=NULL + 1)


def save_early(network: nn.Module, models: Path) -> None:
    """Write the weights of the small U-Net, in half precision."""
    save_weights(network.half(), models / "digits-early")


def save_digits(network: Any, models: Path) -> None:
    """Write the U-Net and its scheduler in the diffusers folder format."""
    from diffusers import DDIMScheduler

    folder = models / "digits"
    network.save_pretrained(folder / "unet")
    scheduler = DDIMScheduler(
        clip_sample=False, timestep_spacing="trailing", prediction_type="v_prediction"
    )
    scheduler.save_pretrained(folder / "scheduler")


def variance_unet() -> nn.Module:
    """The shipped U-Net with a second channel of output, where the variance lies: at the middle.

    It was trained on DDPM's linear schedule, and has to learn what the timesteps of another mean.
    """
    from diffusers import UNet2DModel

    shipped: Any = UNet2DModel.from_pretrained(WEIGHTS / "digits" / "unet")
    weights = shipped.state_dict()
    for name in ("conv_out.weight", "conv_out.bias"):
        weights[name] = torch.cat([weights[name], torch.zeros_like(weights[name])])
    network = unet(1, 28, (32, 64, 64), layers=2, attends=True, out=2, num_class_embeds=NULL + 1)
    network.load_state_dict(weights)
    return network


def save_variance(network: Any, models: Path) -> None:
    """Write the U-Net, in half precision, and its scheduler in the diffusers folder format."""
    from diffusers import DDPMScheduler

    folder = models / "digits-variance"
    network.half().save_pretrained(folder / "unet")
    scheduler = DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        clip_sample=False,
        timestep_spacing="trailing",
        prediction_type="v_prediction",
        variance_type="learned_range",
    )
    scheduler.save_pretrained(folder / "scheduler")


def save_basic(network: nn.Module, models: Path) -> None:
    """Write the weights of the basic U-Net."""
    save_weights(network, models / "basic")


def save_classifier(network: nn.Module, models: Path) -> None:
    """Write the weights of the classifier."""
    save_weights(network, models / "digit-classifier")


def save_noisy_classifier(network: nn.Module, models: Path) -> None:
    """Write the weights of the classifier of noisy digits."""
    save_weights(network, models / "noisy-digit-classifier")


RECIPES: dict[str, Recipe] = {
    "mnist": Recipe(digit_unet, mnist, digit_loss, save_digits, steps=12_000, batch=32),
    "mnist-early": Recipe(early_unet, mnist, digit_loss, save_early, steps=1_500, batch=32),
    "mnist-variance": Recipe(
        variance_unet,
        mnist,
        variance_loss,
        save_variance,
        steps=2_000,
        batch=32,
        rate=5e-4,
        precision="bf16",
    ),
    "mnist-basic": Recipe(BasicUNet, mnist, basic_loss, save_basic, steps=3_000, batch=64),
    "mnist-classifier": Recipe(
        DigitClassifier, mnist, classifier_loss, save_classifier, steps=3_000, batch=64
    ),
    "mnist-noisy-classifier": Recipe(
        NoisyDigitClassifier,
        mnist,
        noisy_classifier_loss,
        save_noisy_classifier,
        steps=20_000,
        batch=128,
    ),
}
