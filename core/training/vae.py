"""Recipe `emoji-vae`: the autoencoder of the text-to-image model, and its linear preview."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data import signed
from core.data.emoji import drawn
from core.paths import WEIGHTS
from core.training.base import Recipe

NAME = "emoji"
FOLDER = WEIGHTS / NAME  # what is shipped, from which others go on
SHARD = "9MB"  # no file larger than this


SHAPE = {  # of both autoencoders: 3 x 64 x 64 to 4 x 16 x 16
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "latent_channels": 4,
    "norm_num_groups": 8,
    "mid_block_add_attention": False,
    "sample_size": 64,
}


def vae() -> nn.Module:
    """A diffusers AutoencoderKL of 1.5 M parameters: 3 x 64 x 64 to 4 x 16 x 16."""
    from diffusers import AutoencoderKL

    autoencoder: Any = AutoencoderKL
    return autoencoder(block_out_channels=(24, 48, 96), **SHAPE)


def vae_data() -> tuple[Tensor]:
    """20,000 training pictures."""
    return (drawn(20_000, seed=1)[0],)


def vae_loss(network: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
    """|y - x| + |y - x|^2 + |grad y - grad x| + 1e-4 KL(q(z | x), N(0, I)), means per element.

    Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; the weak prior as in Rombach et al.
    2022, appendix G, https://arxiv.org/abs/2112.10752.
    """
    y, posterior = network(x, generator)
    kl = -0.5 * (1 + posterior.logvar - posterior.mean**2 - posterior.var).mean()
    return shape_loss(y - x) + 1e-4 * kl


def shape_loss(difference: Tensor) -> Tensor:
    """|d| + |d|^2 + |grad d| of differences between pictures, means per element."""
    edges = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    return difference.abs().mean() + difference.square().mean() + edges


def shipped_vae() -> Any:
    """The shipped VAE in single precision."""
    from diffusers import AutoencoderKL

    network: Any = AutoencoderKL.from_pretrained(FOLDER / "vae", dtype=torch.float32)
    return network.eval()


def checksum(network: Any) -> str:
    """Of the encoder's weights: it names the latents, which no decoder changes."""
    parts = network.encoder.state_dict() | network.quant_conv.state_dict()
    content = b"".join(weight.half().numpy().tobytes() for weight in parts.values())
    return f"{zlib.crc32(content):08x}"


class Autoencoder(nn.Module):
    """The VAE as one module to train: picture to reconstruction and posterior."""

    def __init__(self, network: nn.Module) -> None:
        """Wrap a diffusers AutoencoderKL."""
        super().__init__()
        self.vae: Any = network

    def forward(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Any]:
        """The decoded sample of the posterior, and the posterior."""
        posterior = self.vae.encode(x).latent_dist
        z = posterior.sample(generator)
        return self.vae.decode(z).sample, posterior


@torch.no_grad()
def save_vae(network: Any, models: Path) -> None:
    """Write the VAE in half precision and the preview of its latents.

    The scaling factor makes the latents' variance one.
    """
    from safetensors.torch import save_file

    x = signed(drawn(1_000, seed=2)[0])
    z = torch.cat([network.vae.encode(part).latent_dist.mean for part in x.split(50)])
    scaling = round(1 / z.std().item(), 4)
    network.vae.register_to_config(scaling_factor=scaling)
    write_vae(network.vae, models / NAME)
    weight, bias = fit_preview(scaling * z, x)
    save_file({"weight": weight, "bias": bias}, models / NAME / "preview.safetensors")


def write_vae(network: Any, folder: Path) -> None:
    """Write the weights and the configuration of a VAE, in half precision."""
    network.half().save_pretrained(folder / "vae", max_shard_size=SHARD)
    forget_paths(folder)


def forget_paths(folder: Path) -> None:
    """Take out of the configurations where this machine read the weights that they go on from."""
    for path in folder.rglob("config.json"):
        settings = json.loads(path.read_text(encoding="utf-8"))
        settings.pop("_name_or_path", None)
        path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def fit_preview(latents: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The linear map of 3 x 3 latents to the pixels of the middle one, by least squares.

    Latents (N, C, h, w) and pictures (N, 3, f h, f w) in [-1, 1] give the weights
    (3 f f, C, 3, 3) and the bias (3 f f,) of a convolution followed by a pixel shuffle.
    """
    factor = pictures.shape[-1] // latents.shape[-1]
    seen = F.unfold(latents, 3, padding=1).transpose(1, 2).flatten(0, 1)
    wanted = F.pixel_unshuffle(pictures, factor).flatten(2).transpose(1, 2).flatten(0, 1)
    seen = torch.cat([seen, seen.new_ones(len(seen), 1)], dim=1).cpu().double()
    solution = torch.linalg.solve(seen.T @ seen, seen.T @ wanted.cpu().double()).float()
    weight = solution[:-1].T.reshape(-1, latents.shape[1], 3, 3)
    return weight.contiguous(), solution[-1].contiguous()


RECIPES: dict[str, Recipe] = {
    "emoji-vae": Recipe(
        lambda: Autoencoder(vae()),
        vae_data,
        vae_loss,
        save_vae,
        steps=4_000,
        batch=16,
        rate=2e-3,
        precision="bf16",
    )
}
