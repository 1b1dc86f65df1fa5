"""What a network learns: which network, in which noise, to predict what.

An `Objective` is all that must be known of trained weights to run them again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.denoisers import Denoiser, Network, target_of
from core.lazy import imported
from core.networks import BasicUNet, PointNetwork
from core.noise import Noise, uniform
from core.schedules import Schedule, cosine, flow, linear

Call = Callable[[nn.Module, Tensor, Tensor], Tensor]  # network, x, t (B,) to its output


class Kind(NamedTuple):
    """A kind of network: how it is made for so many channels and pixels a side, and called."""

    make: Callable[[int, int], nn.Module]
    call: Call
    told: bool = True
    half: bool = False  # whether it is trained in bfloat16: that is faster, where it is large


def unet(
    channels: int,
    side: int,
    widths: tuple[int, ...],
    layers: int,
    attends: bool,
    out: int | None = None,
    **more: Any,
) -> Any:
    """A UNet2DModel of diffusers; its deeper levels have attention if `attends`.

    `out` are the channels of its output, without it those of its input.
    """
    deeper = "AttnDownBlock2D" if attends else "DownBlock2D"
    upper = "AttnUpBlock2D" if attends else "UpBlock2D"
    count = len(widths) - 1
    return imported("diffusers", "UNet2DModel")(
        sample_size=side,
        in_channels=channels,
        out_channels=out or channels,
        layers_per_block=layers,
        block_out_channels=widths,
        down_block_types=("DownBlock2D", *[deeper] * count),
        up_block_types=(*[upper] * count, "UpBlock2D"),
        attention_head_dim=widths[0],
        norm_num_groups=min(32, widths[0]),
        **more,
    )


NETWORKS: dict[str, Kind] = {
    "basic": Kind(
        lambda channels, side: BasicUNet(channels, F.relu),
        lambda network, x, t: 2 * network((x + 1) / 2) - 1,
        told=False,
    ),
    "small": Kind(
        partial(unet, widths=(16, 48, 64), layers=1, attends=False),
        lambda network, x, t: network(x, t).sample,
        half=True,
    ),
    "unet": Kind(
        partial(unet, widths=(32, 64, 64), layers=2, attends=True),
        lambda network, x, t: network(x, t).sample,
        half=True,
    ),
    "points": Kind(lambda channels, side: PointNetwork(), lambda network, x, t: network(x, t)),
}
NOISES: dict[str, tuple[Callable[[], Schedule], bool]] = {  # and whether it is uniform
    "linear": (linear, False),
    "cosine": (cosine, False),
    "flow": (flow, False),
    "uniform": (flow, True),
}


@dataclass(frozen=True)
class Objective:
    """What is learned.

    Attributes:
        network: key of NETWORKS.
        noise: key of NOISES.
        target: what the network predicts, key of `core.denoisers.CONVERSIONS`.
        told: whether it is told t; if not, it is told 0.
        channels: of the pictures; points have 2.
        side: of the pictures in pixels; points have 1.
    """

    network: str = "small"
    noise: str = "linear"
    target: str = "v_prediction"
    told: bool = True
    channels: int = 1
    side: int = 28

    def made(self) -> nn.Module:
        """The network, with random weights."""
        return NETWORKS[self.network].make(self.channels, self.side)

    @property
    def schedule(self) -> Schedule:
        """Of its noise."""
        return NOISES[self.noise][0]()

    @property
    def uniform(self) -> bool:
        """Whether its noise is uniform in [-1, 1]."""
        return NOISES[self.noise][1]

    @property
    def half(self) -> bool:
        """Whether its network is trained in bfloat16 where that is fast."""
        return NETWORKS[self.network].half

    def drawn(self, noise: Noise) -> Noise:
        """Its kind of noise, from Gaussian noise."""
        return uniform(noise) if self.uniform else noise

    def call(self, network: nn.Module, x: Tensor, t: Tensor) -> Tensor:
        """The output of its network, which may not be told t."""
        return NETWORKS[self.network].call(network, x, t if self.told else torch.zeros_like(t))

    def loss(self, network: nn.Module, x0: Tensor, generator: torch.Generator) -> Tensor:
        """Mean of |f(alpha_t x0 + sigma_t eps, t) - target|^2, t uniform: the simplified loss.

        Ho et al. 2020, equation 14, https://arxiv.org/abs/2006.11239, there with eps as target.
        """
        schedule = self.schedule
        t = torch.randint(len(schedule), (len(x0),), generator=generator)
        eps = self.drawn(lambda like: torch.randn(like.shape, generator=generator).to(like))(x0)
        alpha, sigma = schedule.scales(t, x0)
        output = self.call(network, alpha * x0 + sigma * eps, t.to(x0.device))
        return F.mse_loss(output, target_of(self.target, x0, eps, alpha, sigma))

    def denoiser(self, network: nn.Module) -> Denoiser:
        """The network as it stands, as a denoiser."""

        def forward(x: Tensor, t: float, condition: Tensor | None) -> Tensor:
            return self.call(network, x, torch.full((len(x),), int(t), device=x.device))

        return Network(forward, self.target)
