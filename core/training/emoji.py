"""Recipe `emoji`: the U-Net and the text encoder of the text-to-image model, trained together.

`emoji-vae` goes first: its latents are what is learned here. The result is a folder that
diffusers' StableDiffusionPipeline loads, assets/models/emoji.
"""

from __future__ import annotations

import zlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data import signed
from core.data.emoji import drawn
from core.schedules import Schedule, linear
from core.training.base import CHECKPOINTS, Recipe
from core.training.tokenizer import TOKENS, token_ids, tokenizer
from core.training.vae import FOLDER, SHARD


def text_encoder(tokens: Any) -> nn.Module:
    """A CLIPTextModel of two layers, 128 wide, for this tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        projection_dim=128,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
        pad_token_id=tokens.pad_token_id,
    )
    return CLIPTextModel(config)


def unet() -> nn.Module:
    """A UNet2DConditionModel of 10.9 M parameters, with Stable Diffusion's kind of blocks."""
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import AttnProcessor

    network = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(64, 128, 192),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=128,
        attention_head_dim=4,  # the number of heads
    )
    # On the CPU the backward pass of torch's fused attention took a quarter of the time.
    network.set_attn_processor(AttnProcessor())
    return network


class Conditioned(nn.Module):
    """U-Net and text encoder as one module to train."""

    def __init__(self, network: nn.Module, text: nn.Module) -> None:
        """Keep both."""
        super().__init__()
        self.unet, self.text = network, text

    def forward(self, x: Tensor, t: Tensor, ids: Tensor) -> Tensor:
        """Latents (B, 4, 16, 16), timesteps (B,), token ids (B, TOKENS) to v."""
        return self.unet(x, t, self.text(ids)[0], return_dict=False)[0]


def shipped_emoji() -> nn.Module:
    """The shipped U-Net and text encoder, in single precision, to be trained further."""
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import AttnProcessor
    from transformers import CLIPTextModel

    network: Any = UNet2DConditionModel.from_pretrained(FOLDER / "unet", dtype=torch.float32)
    network.set_attn_processor(AttnProcessor())
    text = CLIPTextModel.from_pretrained(FOLDER / "text_encoder", dtype=torch.float32)
    return Conditioned(network.train(), text.train())


def latents() -> tuple[Tensor, Tensor, Tensor]:
    """60,000 scaled latents of training pictures with English and Chinese token ids.

    They are kept beside the checkpoints, under the checksum of the VAE that made them.
    """
    from diffusers import AutoencoderKL
    from safetensors.torch import load_file, save_file

    weights = (FOLDER / "vae" / "diffusion_pytorch_model.safetensors").read_bytes()
    kept = CHECKPOINTS / f"emoji-latents-{zlib.crc32(weights):08x}.safetensors"
    if not kept.exists():
        network: Any = AutoencoderKL.from_pretrained(FOLDER / "vae", dtype=torch.float32)
        pictures, scenes = drawn(60_000, seed=3)
        encode = tokenizer()
        with torch.no_grad():
            z = torch.cat(
                [network.encode(signed(p)).latent_dist.mean.half() for p in pictures.split(100)]
            )
        rows = {
            "z": z * network.config.scaling_factor,
            "en": token_ids(encode, [scene.caption("en") for scene in scenes]),
            "zh": token_ids(encode, [scene.caption("zh") for scene in scenes]),
        }
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_file(rows, kept)
    rows = load_file(kept)
    return rows["z"].float(), rows["en"], rows["zh"]


def middling(schedule: Schedule, count: int, generator: torch.Generator) -> Tensor:
    """Timesteps (count,): half of them uniform, half with log-SNR from N(0, 2^2).

    Most of what a picture shows is decided at medium noise: the logit-normal density of Esser et
    al. 2024, section 3.1, https://arxiv.org/abs/2403.03206, in terms of log-SNR.
    """
    uniform = torch.randint(len(schedule), (count,), generator=generator)
    log_snr = 2 * torch.randn(count, generator=generator, dtype=torch.float64)
    medium = torch.searchsorted(-schedule.log_snr, -log_snr).clamp(max=len(schedule) - 1)
    return torch.where(torch.rand(count, generator=generator) < 0.5, uniform, medium)


def emoji_loss(
    network: nn.Module, x0: Tensor, english: Tensor, chinese: Tensor, generator: torch.Generator
) -> Tensor:
    """|v_theta(alpha_t x0 + sigma_t eps, t, caption) - v|^2, v = alpha_t eps - sigma_t x0.

    A quarter of the captions is Chinese, one in ten is dropped (see digit_loss for both sources).
    """
    schedule, count = linear(), len(x0)
    t = middling(schedule, count, generator)
    eps = torch.randn(x0.shape, generator=generator).to(x0)
    chance = torch.rand(count, 1, generator=generator).to(x0.device)
    ids = torch.where(chance < 0.25, chinese, english)
    nothing = ids.new_full(ids.shape, int(ids[0, -1]))  # the padding is the end mark
    nothing[:, 0] = ids[:, 0]
    chance = torch.rand(count, 1, generator=generator).to(x0.device)
    ids = torch.where(chance < 0.1, nothing, ids)
    alpha, sigma = (
        scale[t].view(-1, 1, 1, 1).to(x0) for scale in (schedule.alpha, schedule.sigma)
    )
    output = network(alpha * x0 + sigma * eps, t.to(x0.device), ids)
    return F.mse_loss(output, alpha * eps - sigma * x0)


def save_emoji(network: Any) -> None:
    """Write the folder that StableDiffusionPipeline loads, in half precision."""
    import diffusers
    from diffusers.models.attention_processor import AttnProcessor2_0

    network.unet.set_attn_processor(AttnProcessor2_0())
    scheduler = diffusers.DDIMScheduler(
        clip_sample=False,
        timestep_spacing="trailing",
        prediction_type="v_prediction",
        steps_offset=1,  # StableDiffusionPipeline insists; trailing spacing has no offset
    )
    pipeline_of: Any = diffusers.StableDiffusionPipeline
    pipeline = pipeline_of(
        vae=diffusers.AutoencoderKL.from_pretrained(FOLDER / "vae"),
        text_encoder=network.text,
        tokenizer=tokenizer(),
        unet=network.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(torch.float16)
    network.text.float()  # transformers keeps the precision of the file, diffusers does not
    pipeline.save_pretrained(FOLDER, max_shard_size=SHARD)


RECIPES: dict[str, Recipe] = {
    "emoji": Recipe(
        lambda: Conditioned(unet(), text_encoder(tokenizer())),
        latents,
        emoji_loss,
        save_emoji,
        steps=40_000,
        batch=32,
        rate=6e-4,
        precision="bf16",
        shipped=shipped_emoji,
    )
}
