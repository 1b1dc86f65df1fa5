"""Text-to-image in the latent space of a VAE: any folder in Stable Diffusion's format.

Rombach et al. 2022, https://arxiv.org/abs/2112.10752. One code path for the embedded model and
for Stable Diffusion: what differs between them is read from their configs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.denoisers import Denoiser, Guided, Network
from core.engine import shared
from core.files import Folder
from core.images import from_pil, to_pil
from core.models.attention import Attention, Coupling
from core.models.base import ModelBase, builds, check_guidance, prompts_of, sized
from core.models.cards import ModelCard
from core.models.folder import Layout, folder_of, looked_at, schedule_in, weight_files
from core.models.kinds import sides
from core.models.parts import CONFIG, built, filled, fitting
from core.models.text import Read, Reader
from core.networks import waves
from core.weights import all_of

# Latents of Stable Diffusion 1 to RGB in [-1, 1], one row per channel, by K. Turner, 2022:
# https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204
SD_RGB = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)
SD_SCALING = 0.18215  # the scaling factor by which Stable Diffusion 1's and 2's VAE is known
FITTED = "preview.safetensors"
TRIAL = 8  # latents of a side when the networks are tried


@builds("latent")
class LatentModel(ModelBase):
    """A U-Net with text conditions on the latents of a VAE.

    Latents are x = (z - shift_factor) scaling_factor with z the mean of the VAE's posterior, so
    that their variance is about one. `told` says whether the U-Net is told the guidance, as that
    of a latent consistency model: then there is no second branch and no negative prompt.
    """

    def __init__(
        self,
        card: ModelCard,
        folder: Path,
        device: str,
        dtype: torch.dtype,
        tiny: Path | None = None,
    ) -> None:
        """Load the parts from a folder; ValueError, one sentence, where it holds something else.

        `tiny` is the folder of an AutoencoderTiny that knows the same latents, for previews.
        """
        self.card, self.device, self.dtype = card, device, dtype
        layout = looked_at(folder_of(card, folder))
        self.schedule, self.kind = schedule_in(layout.folder)
        self.told = layout.told
        self.embed = lru_cache(64)(self._embed)
        self._take(layout)
        self._try(layout.folder)
        self.rgb = self._rgb(layout.folder)
        self.tiny = self._tiny(folder_of(card.tiny or card, tiny)) if tiny else None

    def _take(self, layout: Layout) -> None:
        """Build the networks and give them their weights."""
        folder, made = layout.folder, {}
        for name in ("vae", "unet", "text_encoder"):
            made[name] = built(name, folder.at(name), layout.configs[name])
        made["unet"].set_attn_processor(Attention())
        unet, vae, text = (made[name].config for name in ("unet", "vae", "text_encoder"))
        height, width = sides(unet.sample_size) or (0, 0)  # `looked_at` has refused others
        self.shape = (int(unet.in_channels), height, width)
        factor = 2 ** (len(vae.block_out_channels) - 1)
        self.sides, self.size = (height * factor, width * factor), max(height, width) * factor
        self.scaling = float(vae.scaling_factor)
        self.shift = float(getattr(vae, "shift_factor", None) or 0.0)
        self.reader = Reader(folder.at("tokenizer"), text.max_position_embeddings)
        self.tokenizer = self.reader.tokenizer
        overflows = vae.force_upcast and self.dtype == torch.float16
        dtypes = {"vae": torch.float32} if overflows else {}
        parts = [
            filled(made[name], folder.at(name), files, dtypes.get(name, self.dtype))
            for name, files in layout.weights.items()
        ]
        self.vae, self.unet, self.text_encoder = placed(parts, self.device)

    @torch.no_grad()
    def _try(self, folder: Folder) -> None:
        """Call each network once on little; ValueError where they do not fit each other."""
        with fitting(folder.at("text_encoder")):
            text = self.embed("")
        factor = self.size // max(self.shape[1:])
        x = torch.zeros(1, self.shape[0], TRIAL, TRIAL)
        with fitting(folder.at("unet")):
            seen = self.forward(x, 0.0, text, guidance=1.0 if self.told else None)
        with fitting(folder.at("vae")):
            pixels = self.pixels(x)
            again = self.vae.encode(pixels.to(self.device, self.vae.dtype)).latent_dist.mode()
        if seen.shape != x.shape:
            raise folder.at("unet").refusal(CONFIG, "does not give latents of their own size")
        if pixels.shape[1:] != (3, TRIAL * factor, TRIAL * factor) or again.shape != x.shape:
            said = f"does not map {factor} x {factor} pixels in colour to one latent and back"
            raise folder.at("vae").refusal(CONFIG, said)

    def _tiny(self, folder: Folder) -> Any:
        network = built("tiny", folder, folder.json(CONFIG))
        files = weight_files(folder, "diffusion_pytorch_model")
        return placed([filled(network, folder, files, self.dtype)], self.device)[0]

    def denoiser(
        self,
        prompt: str | Sequence[str] = "",
        negative: str | Sequence[str] = "",
        guidance: float = 1.0,
        record: list[Tensor] | None = None,
        coupling: Coupling | None = None,
    ) -> Denoiser:
        """The denoiser of a prompt; `guidance` pushes away from `negative`.

        A list `record` holds the cross attention of the last call (see `attention_maps`), the
        rows of the prompt first. With a `coupling` the prompts are sources and targets.
        """
        check_guidance(guidance)
        asked = {"record": record, "coupling": coupling}
        given: dict[str, Any] = {key: each for key, each in asked.items() if each is not None}
        if self.told:
            if any(prompts_of(negative)):
                raise ValueError(
                    f"the model {self.card.name} is told the guidance and has no second branch; "
                    "leave the negative prompt empty"
                )
            given["guidance"] = guidance
        forward = partial(self.forward, **given) if given else self.forward

        def branch(prompts: str | Sequence[str]) -> Network:
            condition = torch.cat([self.embed(each) for each in prompts_of(prompts)])
            return Network(forward, self.kind, condition)

        yes = branch(prompt)
        return yes if guidance == 1 or self.told else Guided(yes, branch(negative), guidance)

    @shared
    def forward(
        self,
        x: Tensor,
        t: float | Tensor,
        condition: Tensor | None,
        guidance: float | None = None,
        **asked: Any,
    ) -> Tensor:
        """The network call: latents (B, C, H, W), timestep, text (B, L, D) to its output.

        `guidance` is what a model is told that is told it, as waves of 1000 (guidance - 1): Luo et
        al. 2023, section 4.2, https://arxiv.org/abs/2310.04378. `asked` is what `Attention` is
        asked for besides.
        """
        named: dict[str, Any] = {"encoder_hidden_states": condition, "return_dict": False}
        if guidance is not None:
            width = self.unet.config.time_cond_proj_dim
            named["timestep_cond"] = waves(torch.tensor([1000.0 * (guidance - 1)]), width).to(
                self.device, self.dtype
            )
        if asked:
            named["cross_attention_kwargs"] = asked
        if "record" in asked:
            asked["record"].clear()
        return self.unet(x.to(self.device, self.dtype), t, **named)[0].to(x)

    @property
    def network(self) -> Any:
        """The U-Net."""
        return self.unet

    def read(self, prompt: str) -> Read:
        """How many tokens a prompt has, how many may be read, and the text that is not."""
        return self.reader.read(prompt)

    def words(self, prompt: str) -> list[tuple[str, list[int]]]:
        """The words of a prompt, each with the places of its tokens in the text's L."""
        return self.reader.words(prompt)

    def tokens(self, prompt: str) -> list[int]:
        """The L tokens of a prompt, which is cut or filled up."""
        return self.reader.tokens(prompt)

    @torch.no_grad()
    def _embed(self, prompt: str) -> Tensor:
        """The text encoder's last hidden states, (1, L, D); a long prompt is cut."""
        tokens, known = self.reader.encoded(prompt), self.text_encoder.config.vocab_size
        if int(tokens.input_ids.max()) >= known:
            raise ValueError(
                f"the text encoder of {self.card.name} knows {known} tokens, and its tokenizer "
                "has more; take both from the same model"
            )
        masked = getattr(self.text_encoder.config, "use_attention_mask", False)
        mask = tokens.attention_mask.to(self.device) if masked else None
        return self.text_encoder(tokens.input_ids.to(self.device), attention_mask=mask)[0]

    @torch.no_grad()
    def encode(self, images: Sequence[Image.Image]) -> Tensor:
        """PIL images, or one, of the model's size to latents (B, C, H, W)."""
        pixels = from_pil(sized(images, self.sides), "RGB").to(self.device, self.vae.dtype)
        z = self.vae.encode(pixels * 2 - 1).latent_dist.mode()
        return ((z - self.shift) * self.scaling).to(torch.promote_types(self.dtype, torch.float32))

    @torch.no_grad()
    def pixels(self, x: Tensor) -> Tensor:
        """The decoded latents, (B, 3, H, W) in [0, 1], clipped."""
        z = x.to(self.device, self.vae.dtype) / self.scaling + self.shift
        return (self.vae.decode(z, return_dict=False)[0].float() / 2 + 0.5).clamp(0, 1)

    def decode(self, x: Tensor) -> list[Image.Image]:
        """One PIL image per row."""
        return to_pil(self.pixels(x))

    @torch.no_grad()
    def preview_pixels(self, x: Tensor) -> Tensor:
        """The latents as pixels in [0, 1], approximately: by the tiny decoder, or a linear map.

        The map sees k x k latents and gives f x f pixels for each, with weights (3 f f, C, k, k);
        it is 10^4 times cheaper than decoding. The tiny decoder, O. Boer Bohan's TAESD,
        https://github.com/madebyollin/taesd, takes a sixteenth of the time.
        """
        if self.tiny is not None:
            pixels = self.tiny.decode(x.to(self.device, self.dtype), return_dict=False)[0]
            return (pixels.float() / 2 + 0.5).clamp(0, 1)
        weight, bias, f = self.rgb
        x = x.to(weight)
        pixels = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        return F.pixel_shuffle(pixels, f).clamp(0, 1)

    def preview(self, x: Tensor) -> list[Image.Image]:
        """`preview_pixels`, one PIL image per row; approximate."""
        return to_pil(self.preview_pixels(x))

    def _rgb(self, folder: Folder) -> tuple[Tensor, Tensor, int]:
        """Weight and bias of the preview, from latents to [0, 1], and its pixels per latent.

        Fitted, published or grey.
        """
        channels = self.shape[0]
        if folder.has(FITTED):
            weight, bias = fitted(folder, channels)
        else:
            known = channels == len(SD_RGB) and self.scaling == SD_SCALING
            rows = SD_RGB if known else [[1 / channels] * 3] * channels
            weight = torch.tensor(rows).T[:, :, None, None].contiguous()
            bias = weight.new_zeros(3)
        weight, bias = weight.to(self.device), bias.to(self.device)
        return weight / 2, bias / 2 + 0.5, int((len(bias) / 3) ** 0.5)


def placed(parts: Sequence[Any], device: str) -> list[Any]:
    """The networks on the device, or lent to it call by call where its memory is short.

    The second is accelerate's offloading: each layer's weights visit the device for its call.
    """
    sizes = [p.numel() * p.element_size() for part in parts for p in part.parameters()]
    if room(device) > 1.5 * sum(sizes):  # the rest is for activations
        return [part.to(device) for part in parts]
    from accelerate import cpu_offload

    return [cpu_offload(part, execution_device=torch.device(device)) for part in parts]


def room(device: str) -> float:
    """Free bytes on a cuda device; no limit elsewhere."""
    return torch.cuda.mem_get_info(device)[0] if device.startswith("cuda") else math.inf


def fitted(folder: Folder, channels: int) -> tuple[Tensor, Tensor]:
    """Weight (3 f f, C, k, k), k odd, and bias of a preview; ValueError for other shapes."""
    parts = all_of(folder, FITTED)
    weight, bias = parts.get("weight"), parts.get("bias")
    if weight is not None and bias is not None and weight.dim() == 4 and bias.dim() == 1:
        count, taken, *kernel = weight.shape
        square = 3 * math.isqrt(count // 3) ** 2 == count == len(bias)
        if square and taken == channels and kernel[0] == kernel[1] and kernel[0] % 2:
            return weight, bias
    raise folder.refusal(FITTED, f"holds no map from {channels} latent channels to pixels")
