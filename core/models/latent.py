"""Text-to-image in the latent space of a VAE: any folder in Stable Diffusion's format.

Rombach et al. 2022, https://arxiv.org/abs/2112.10752. One code path for the embedded model and
for Stable Diffusion: what differs between them is read from their configs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.denoisers import CONVERSIONS, Denoiser, Guided, Network
from core.images import from_pil, to_pil
from core.lazy import imported
from core.models.attention import Attention, Coupling
from core.models.base import ModelCard, Seeded, check_guidance, prompts_of, sized

PARTS = {
    "vae": ("diffusers", "AutoencoderKL"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
}
CLASSES = {**PARTS, "tiny": ("diffusers", "AutoencoderTiny")}
# Latents of Stable Diffusion 1 to RGB in [-1, 1], one row per channel, by K. Turner, 2022:
# https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204
SD_RGB = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)
SD_SCALING = 0.18215  # the scaling factor by which Stable Diffusion 1's and 2's VAE is known


class LatentModel(Seeded):
    """A U-Net with text conditions on the latents of a VAE.

    Latents are x = (z - shift_factor) scaling_factor with z the mean of the VAE's posterior, so
    that their variance is about one.
    """

    def __init__(
        self,
        card: ModelCard,
        folder: Path,
        device: str,
        dtype: torch.dtype,
        tiny: Path | None = None,
    ) -> None:
        """Load the parts from a folder; ValueError where it holds something else.

        `tiny` is the folder of an AutoencoderTiny that knows the same latents, for previews.
        """
        self.card, self.device, self.dtype = card, device, dtype
        check_folder(folder)
        config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        from core.bridge import schedule_of

        self.schedule = schedule_of(config)
        self.kind = config.get("prediction_type", "epsilon")
        if self.kind not in CONVERSIONS:
            raise ValueError(f"the model {card.name} predicts {self.kind!r}, which is not known")
        parts = [self._part(folder / name, name) for name in ("vae", "unet", "text_encoder")]
        self.vae, self.unet, self.text_encoder = placed(parts, device)
        if self.vae.config.force_upcast and dtype == torch.float16:
            self.vae.float()  # this VAE overflows in half precision
        self.unet.set_attn_processor(Attention())
        self.tokenizer = _class("tokenizer").from_pretrained(folder / "tokenizer")
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        side = int(self.unet.config.sample_size)
        self.shape = (int(self.unet.config.in_channels), side, side)
        self.size = side * factor
        self.scaling = float(self.vae.config.scaling_factor)
        self.shift = float(getattr(self.vae.config, "shift_factor", None) or 0.0)
        self.rgb = self._rgb(folder)
        self.tiny = placed([self._part(tiny, "tiny")], device)[0] if tiny else None
        self.embed = lru_cache(64)(self._embed)

    def _part(self, folder: Path, name: str) -> Any:
        part = _class(name).from_pretrained(
            folder, use_safetensors=True, dtype=self.dtype, **_variant(folder)
        )
        return part.eval().requires_grad_(False)

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
        given = {name: value for name, value in asked.items() if value is not None}
        forward = partial(self.forward, **given) if given else self.forward
        yes, no = (
            Network(forward, self.kind, torch.cat([self.embed(p) for p in prompts_of(each)]))
            for each in (prompt, negative)
        )
        return yes if guidance == 1 else Guided(yes, no, guidance)

    def forward(self, x: Tensor, t: float, condition: Tensor | None, **asked: Any) -> Tensor:
        """The network call: latents (B, C, H, W), timestep, text (B, L, D) to its output.

        `asked` is what `Attention` is asked for besides.
        """
        named: dict[str, Any] = {"encoder_hidden_states": condition, "return_dict": False}
        if asked:
            named["cross_attention_kwargs"] = asked
        if "record" in asked:
            asked["record"].clear()
        return self.unet(x.to(self.device, self.dtype), t, **named)[0].to(x)

    def words(self, prompt: str) -> list[tuple[str, list[int]]]:
        """The words of a prompt, each with the places of its tokens in the text's L.

        Chinese has no spaces between words, so there each token counts as one.
        """
        read = self.tokenizer(
            prompt,
            max_length=self.tokenizer.model_max_length,
            truncation=True,
            return_offsets_mapping=True,
        )
        words: dict[Any, tuple[int, int, list[int]]] = {}
        for place, (start, end) in enumerate(read["offset_mapping"]):
            ascii_word = prompt[start:end].isascii()
            key = read.word_ids(0)[place] if ascii_word else f"token {place}"
            if end > start:
                first, _, places = words.get(key, (start, end, []))
                words[key] = (first, end, [*places, place])
        return [(prompt[start:end], places) for start, end, places in words.values()]

    def tokens(self, prompt: str) -> list[int]:
        """The L tokens of a prompt, which is cut or filled up."""
        return self._read(prompt).input_ids[0].tolist()

    def _read(self, prompt: str) -> Any:
        return self.tokenizer(
            prompt,
            padding="max_length",
            max_length=self.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )

    @torch.no_grad()
    def _embed(self, prompt: str) -> Tensor:
        """The text encoder's last hidden states, (1, L, D); a long prompt is cut."""
        tokens = self._read(prompt)
        masked = getattr(self.text_encoder.config, "use_attention_mask", False)
        mask = tokens.attention_mask.to(self.device) if masked else None
        return self.text_encoder(tokens.input_ids.to(self.device), attention_mask=mask)[0]

    @torch.no_grad()
    def encode(self, images: Sequence[Image.Image]) -> Tensor:
        """PIL images, or one, of the model's size to latents (B, C, H, W)."""
        pixels = from_pil(sized(images, self.size), "RGB").to(self.device, self.vae.dtype)
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

    def _rgb(self, folder: Path) -> tuple[Tensor, Tensor, int]:
        """Weight and bias of the preview, from latents to [0, 1], and its pixels per latent.

        Fitted, published or grey.
        """
        from safetensors.torch import load_file

        fitted, channels = folder / "preview.safetensors", self.shape[0]
        if fitted.exists():
            parts = load_file(fitted, device=self.device)
            weight, bias = parts["weight"], parts["bias"]
        else:
            known = channels == len(SD_RGB) and self.scaling == SD_SCALING
            rows = SD_RGB if known else [[1 / channels] * 3] * channels
            weight = torch.tensor(rows, device=self.device).T[:, :, None, None].contiguous()
            bias = weight.new_zeros(3)
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


def check_folder(folder: Path) -> None:
    """ValueError, one sentence, unless the folder holds a Stable Diffusion pipeline, safely.

    Only the classes of PARTS and safetensors weights are accepted; code beside them is not.
    """
    index = folder / "model_index.json"
    if not index.exists():
        raise ValueError(
            f"{folder} is not a model in the diffusers format: it has no model_index.json"
        )
    parts = json.loads(index.read_text(encoding="utf-8"))
    code = next(folder.rglob("*.py"), None)
    if code is not None:
        raise ValueError(f"{folder} brings code of its own ({code.name}), which is never run")
    for name, (library, kind) in PARTS.items():
        given = parts.get(name) or [None, None]
        if given[0] != library or given[1] not in (kind, f"{kind}Fast"):
            raise ValueError(
                f"{folder} has {given[1] or 'no'} {name}; a model here needs {library}'s {kind}"
            )
        if name != "tokenizer" and not any((folder / name).glob("*.safetensors")):
            raise ValueError(
                f"{folder / name} has no safetensors weights; pickled weights can run code and "
                "are refused, convert them with diffusers' save_pretrained"
            )


def _class(name: str) -> Any:
    for library in ("diffusers", "transformers"):  # weights are on disk: no bars on the terminal
        imported(f"{library}.utils.logging", "disable_progress_bar")()
    return imported(*CLASSES[name])


def _variant(folder: Path) -> dict[str, str]:
    """The half-precision files where there are no others."""
    files = [file.name for file in folder.glob("*.safetensors")]
    return {"variant": "fp16"} if files and all(".fp16" in file for file in files) else {}
