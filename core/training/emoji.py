"""Recipes of the latent text-to-image model: its VAE, its U-Net with text encoder, its judge.

In this order: `emoji-vae`, `emoji`. The result is a folder that diffusers'
StableDiffusionPipeline loads: assets/models/emoji.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data import signed
from core.data.emoji import (
    BACKGROUNDS,
    CHINESE,
    PLACES,
    STYLES,
    Scene,
    draw_pose,
    draw_scene,
    labels_of,
    options,
    subjects,
    tensor_of,
)
from core.networks import EmojiClassifier
from core.schedules import Schedule, linear
from core.training.base import CHECKPOINTS, MODELS, Recipe, save_weights

FOLDER = MODELS / "emoji"
TOKENS = 32  # of a caption, start and end included
SHARD = "9MB"
PIECES = r"[^\W\d]+|\d|[^\s\w]+"  # how CLIP cuts a text into words


def drawn(count: int, seed: int, held_out: bool | None = False) -> tuple[Tensor, list[Scene]]:
    """Pictures (count, 3, 64, 64) uint8 in random poses and their scenes, see `draw_scene`."""
    generator = torch.Generator().manual_seed(seed)
    scenes, pictures = [], torch.empty(count, 3, 64, 64, dtype=torch.uint8)
    for index in range(count):
        scenes.append(draw_scene(generator, held_out))
        pictures[index] = tensor_of(scenes[-1].picture(draw_pose(generator)))
    return pictures, scenes


# ---- the VAE ------------------------------------------------------------------------------------


def vae() -> nn.Module:
    """A diffusers AutoencoderKL of 1.5 M parameters: 3 x 64 x 64 to 4 x 16 x 16."""
    from diffusers import AutoencoderKL

    autoencoder: Any = AutoencoderKL
    return autoencoder(
        block_out_channels=(24, 48, 96),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=64,
    )


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
    difference = y - x
    edges = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    return difference.abs().mean() + difference.square().mean() + edges + 1e-4 * kl


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
def save_vae(network: Any) -> None:
    """Write the VAE in half precision and the preview of its latents.

    The scaling factor makes the latents' variance one.
    """
    from safetensors.torch import save_file

    x = signed(drawn(1_000, seed=2)[0])
    z = torch.cat([network.vae.encode(part).latent_dist.mean for part in x.split(50)])
    scaling = round(1 / z.std().item(), 4)
    network.vae.register_to_config(scaling_factor=scaling)
    network.vae.half().save_pretrained(FOLDER / "vae", max_shard_size=SHARD)
    weight, bias = fit_preview(scaling * z, x)
    save_file({"weight": weight, "bias": bias}, FOLDER / "preview.safetensors")


def fit_preview(latents: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The linear map of 3 x 3 latents to the pixels of the middle one, by least squares.

    Latents (N, C, h, w) and pictures (N, 3, f h, f w) in [-1, 1] give the weights
    (3 f f, C, 3, 3) and the bias (3 f f,) of a convolution followed by a pixel shuffle.
    """
    factor = pictures.shape[-1] // latents.shape[-1]
    seen = F.unfold(latents, 3, padding=1).transpose(1, 2).flatten(0, 1)
    wanted = F.pixel_unshuffle(pictures, factor).flatten(2).transpose(1, 2).flatten(0, 1)
    seen = torch.cat([seen, seen.new_ones(len(seen), 1)], dim=1).double()
    solution = torch.linalg.solve(seen.T @ seen, seen.T @ wanted.double()).float()
    weight = solution[:-1].T.reshape(-1, latents.shape[1], 3, 3)
    return weight.contiguous(), solution[-1].contiguous()


# ---- the U-Net and the text encoder -------------------------------------------------------------


def tokenizer() -> Any:
    """A CLIPTokenizer that has each word of the captions as one token, English and Chinese.

    Byte-pair encoding, Sennrich et al. 2016, https://arxiv.org/abs/1508.07909, merged until
    every word is whole. A Chinese caption is one run of characters, so its words are merged
    with and without the end-of-word mark.
    """
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    named = subjects().values()
    english = [s.name for s in named] + [*BACKGROUNDS, *PLACES, *STYLES, "on a an background"]
    chinese = [s.name_zh for s in named] + [f"{CHINESE[each]}色" for each in BACKGROUNDS]
    chinese += [CHINESE[each] for each in (*PLACES, *STYLES) if each and each != "small"]
    chinese += ["背景上的", "小的", "的", "，"]
    merges: Any = _merges(english, "</w>")
    for left, right in _merges(chinese, ""):
        merges += [(left, right), (left, f"{right}</w>")]
    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{each}</w>" for each in alphabet), *map("".join, merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TOKENS)


def _merges(texts: list[str], end: str) -> list[tuple[str, str]]:
    """The merges that make one token of each word, in the order of their frequency."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    learner = Tokenizer(BPE(end_of_word_suffix=end))
    learner.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = BpeTrainer(
        vocab_size=100_000,
        min_frequency=1,
        end_of_word_suffix=end,
        special_tokens=[f"{each}{end}" for each in sorted(ByteLevel.alphabet())],  # fix their ids
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    pieces = [piece for text in texts for piece in re.findall(PIECES, text)]
    learner.train_from_iterator(sorted(set(pieces)), trainer)
    return [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]


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
        network: Any = AutoencoderKL.from_pretrained(FOLDER / "vae", torch_dtype=torch.float32)
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


def token_ids(encode: Any, captions: list[str]) -> Tensor:
    """Captions to ids (B, TOKENS), padded and cut as StableDiffusionPipeline does."""
    return encode(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids


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


# ---- the judge ----------------------------------------------------------------------------------


def classifier() -> nn.Module:
    """The network that reads generated pictures for the figures in the card."""
    return EmojiClassifier([len(words) for words in options().values()])


def classifier_data() -> tuple[Tensor, Tensor]:
    """40,000 pictures, held-out combinations among them, and their class labels (N, 5)."""
    pictures, scenes = drawn(40_000, seed=4, held_out=None)
    return pictures, torch.tensor([labels_of(scene) for scene in scenes])


def classifier_loss(
    network: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator
) -> Tensor:
    """The sum of the heads' cross-entropies, on pictures shifted by up to two pixels."""
    dy, dx = torch.randint(-2, 3, (2,), generator=generator).tolist()
    heads = network(x.roll((dy, dx), (2, 3)))
    return sum((F.cross_entropy(h, labels[:, i]) for i, h in enumerate(heads)), x.new_zeros(()))


def save_classifier(network: nn.Module) -> None:
    """Write the weights of the classifier, in half precision."""
    save_weights(network.half(), "emoji-classifier")


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
    ),
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
    ),
    "emoji-classifier": Recipe(
        classifier, classifier_data, classifier_loss, save_classifier, steps=5_000, batch=64
    ),
}
