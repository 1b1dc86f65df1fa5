"""Recipe `emoji`: the U-Net and the text encoder of the text-to-image model, trained together.

`emoji-vae` goes first: its latents are what is learned here. The result is a folder that
diffusers' StableDiffusionPipeline loads, assets/models/emoji.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data import signed
from core.data.emoji import Scene, drawn, labels_of, scene_of
from core.data.phrases import written
from core.data.synonyms import SYNONYMS, SYNONYMS_ZH
from core.denoisers import target_of
from core.paths import CHECKPOINTS
from core.schedules import Schedule, linear
from core.training.base import Recipe
from core.training.tokenizer import TOKENS, token_ids, tokenizer
from core.training.vae import FOLDER, NAME, SHARD, checksum, forget_paths, shipped_vae

PARTS, PICTURES = 6, 4_000  # how many parts of how many pictures `latents` has


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
    grow(text, tokenizer())
    return Conditioned(network.train(), text.train())


def grow(text: Any, encode: Any) -> None:
    """Give a text encoder rows for the tokens that were added to its tokenizer.

    A synonym begins with the meaning of the name that it stands for, any other word with that of
    "a": none.
    """
    known = text.get_input_embeddings().num_embeddings
    text.resize_token_embeddings(len(encode), mean_resizing=False)
    rows = text.get_input_embeddings().weight.data
    rows[known:] = rows[encode("a").input_ids[1]]
    for language, synonyms in (("en", SYNONYMS), ("zh", SYNONYMS_ZH)):
        for name, others in synonyms.items():
            meaning = rows[encode(Scene(name).caption(language)).input_ids[1:-1]].mean(0)
            for other in others:
                added = [token for token in encode(other).input_ids if token >= known]
                rows[added] = meaning


@cache
def _words() -> Any:
    return tokenizer()


def latents(parts: int = PARTS) -> tuple[Tensor, Tensor]:
    """Scaled latents (N, 4, 16, 16) of training pictures and their class labels (N, 5).

    Each part of PICTURES is kept beside the checkpoints, under the checksum of the encoder
    that made it: a longer run makes only what is missing.
    """
    kept = [_latents(part) for part in range(parts)]
    z, labels = (torch.cat([rows[name] for rows in kept]) for name in ("z", "labels"))
    return z.float(), labels.long()


def part_seed(part: int) -> int:
    """The seed of the pictures of a part."""
    return 1_000 + part


def _latents(part: int) -> dict[str, Tensor]:
    from safetensors.torch import load_file, save_file

    encoder = shipped_vae()
    kept = CHECKPOINTS / f"emoji-latents-{checksum(encoder)}-{part}.safetensors"
    if not kept.exists():
        pictures, scenes = drawn(PICTURES, seed=part_seed(part))
        with torch.no_grad():
            z = torch.cat([encoder.encode(signed(p)).latent_dist.mean for p in pictures.split(50)])
        z = z * encoder.config.scaling_factor
        labels = torch.tensor([labels_of(scene) for scene in scenes], dtype=torch.int16)
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_file({"z": z.half(), "labels": labels}, kept)
    return load_file(kept)


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
    network: nn.Module, x0: Tensor, labels: Tensor, generator: torch.Generator
) -> Tensor:
    """|v_theta(alpha_t x0 + sigma_t eps, t, caption) - v|^2, v = alpha_t eps - sigma_t x0.

    The captions of the labels (B, 5) are drawn anew each time: a quarter of them is Chinese, one
    in ten is dropped (see digit_loss for both sources).
    """
    schedule, count = linear(), len(x0)
    t = middling(schedule, count, generator)
    eps = torch.randn(x0.shape, generator=generator).to(x0)
    captions = [heard(scene_of(row), generator) for row in labels.tolist()]
    ids = token_ids(_words(), captions).to(x0.device)
    alpha, sigma = schedule.scales(t, x0)
    output = network(alpha * x0 + sigma * eps, t.to(x0.device), ids)
    return F.mse_loss(output, target_of("v_prediction", x0, eps, alpha, sigma))


def heard(scene: Scene, generator: torch.Generator) -> str:
    """The caption that one step of training hears for a scene: English, Chinese or none."""
    dropped, chinese = (torch.rand(2, generator=generator) < torch.tensor([0.1, 0.25])).tolist()
    return "" if dropped else written(scene, generator, "zh" if chinese else "en")


def save_emoji(network: Any, models: Path) -> None:
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
    pipeline.save_pretrained(models / NAME, max_shard_size=SHARD)
    forget_paths(models / NAME)


RECIPES: dict[str, Recipe] = {
    "emoji": Recipe(
        lambda: Conditioned(unet(), text_encoder(tokenizer())),
        latents,
        emoji_loss,
        save_emoji,
        steps=40_000,
        batch=32,
        rate=4e-4,
        precision="bf16",
        fall=1 / 3,
        decay=0.9995,
        shipped=shipped_emoji,
    )
}
