"""What kind of model a folder holds, from its configs: what can run here, and what others need.

A config that leaves a key out means the default of the class, which the constants here repeat:
https://huggingface.co/docs/diffusers/api/models/unet2d-cond
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from core.files import refusal

Config = Mapping[str, Any]

PARTS = {
    "vae": ("diffusers", "AutoencoderKL"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
}
BESIDE = ("scheduler", "safety_checker", "feature_extractor", "image_encoder")  # not used, or ours
HERE = "what runs here is text to image as Stable Diffusion 1 and 2, with one CLIP text encoder"
FURTHER = {  # a part beside those, and the model that it belongs to
    "transformer": "a model whose denoiser is a transformer, such as SD3, Flux, PixArt or DiT",
    "text_encoder_2": "a model with two text encoders, such as Stable Diffusion XL",
    "text_encoder_3": "a model with three text encoders, such as Stable Diffusion 3",
    "controlnet": "a ControlNet, which needs a second picture to steer by",
    "adapter": "a T2I adapter, which needs a second picture to steer by",
    "prior": "a model in two stages with a prior, such as unCLIP or Stable Cascade",
    "prior_prior": "a model in two stages with a prior, such as Kandinsky",
    "image_normalizer": "an unCLIP model, which varies the embedding of a picture",
    "movq": "a Kandinsky model, which is told the embedding of a picture",
    "vqvae": "a model with a VQ decoder, such as VQ-Diffusion",
    "bert": "a latent diffusion model of 2022 with a BERT text encoder",
    "low_res_scheduler": "an upscaling model, which needs a small picture to enlarge",
    "vocoder": "a model of sounds, such as AudioLDM",
    "motion_adapter": "a model of videos, such as AnimateDiff",
    "qformer": "a model that is shown a subject, such as BLIP-Diffusion",
}
CLASSES = {  # of a part, and the model that it belongs to
    "UNet2DModel": "a model of pixels that reads no text, such as DDPM",
    "UNet1DModel": "a model of sounds or motions",
    "UNet3DConditionModel": "a model of videos",
    "UNetMotionModel": "a model of videos",
    "UNetSpatioTemporalConditionModel": "a model of videos",
    "T5EncoderModel": "a model that reads text with T5, such as DeepFloyd IF",
    "CLIPTextModelWithProjection": "a model such as unCLIP, Kandinsky or Stable Cascade",
    "ClapTextModelWithProjection": "a model of sounds, such as AudioLDM",
}
CHANNELS = {
    9: "an inpainting model, which also needs a mask and what lies around it",
    8: "a model that changes pictures, such as InstructPix2Pix, which also needs a picture",
    7: "an upscaling model, which also needs a small picture to enlarge",
    5: "a depth-to-image model, which also needs a map of depths",
}
BLOCKS = {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D", "ResnetDownsampleBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D", "ResnetUpsampleBlock2D"),
    "mid_block_type": ("UNetMidBlock2DCrossAttn", "UNetMidBlock2D", None),
}
DEFAULT_BLOCKS = {
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
}
PLACES = "max_position_embeddings must be a whole number in 3..100000, such as 77"
COUNTS = (  # of what is built one by one
    "layers_per_block",
    "transformer_layers_per_block",
    "reverse_transformer_layers_per_block",
    "num_hidden_layers",
)
MOST_LAYERS, MOST_BLOCKS, LARGEST_SIDE = 100, 12, 512
TOLD: dict[str, tuple[Callable[[Any], bool], str]] = {  # what a U-Net is told beside the text
    "addition_embed_type": (
        lambda value: value is not None,
        "a model that is told more than one text, such as Stable Diffusion XL or Kandinsky",
    ),
    "class_embed_type": (
        lambda value: value is not None,
        "a model that is told a class or the embedding of a picture, such as unCLIP",
    ),
    "num_class_embeds": (lambda value: value is not None, "a model that is told a class"),
    "encoder_hid_dim_type": (
        lambda value: value not in (None, "text_proj"),
        "a model that is shown a picture, such as Kandinsky or an IP-Adapter",
    ),
    "attention_type": (
        lambda value: value not in (None, "default"),
        "a GLIGEN model, which is told boxes",
    ),
    "dual_cross_attention": (bool, "a model that is told a text and a picture, such as Versatile"),
}


def check_index(folder: str, index: Config) -> None:
    """ValueError, one sentence, unless a model_index.json names the four parts and no others."""
    there = {name: value for name, value in index.items() if is_part(value)}
    for name in [name for name in FURTHER if name in there] or there:
        if name not in PARTS and name not in BESIDE:
            kind = FURTHER.get(name, "a model of another kind")
            raise refusal(f"{folder} has a part {name} ({there[name][1]}): it is {kind}; {HERE}")
    for name, (library, kind) in PARTS.items():
        has = there.get(name, [None, None])
        if has[0] != library or has[1] not in (kind, f"{kind}Fast"):
            other = f", and this is {CLASSES[has[1]]}" if has[1] in CLASSES else ""
            raise refusal(
                f"{folder} has {has[1] or 'no'} {name}; a model here needs {library}'s {kind}"
                f"{other}"
            )


def is_part(value: Any) -> bool:
    """Whether an entry of a model_index.json names a part: ["library", "class"]."""
    return isinstance(value, list) and list(map(type, value)) == [str, str]


def check_kind(folder: str, configs: Mapping[str, Config]) -> None:
    """ValueError, one sentence that names file and field, for configs of what cannot run here."""
    for said in troubles(configs):
        raise refusal(f"{folder}/{said}")


def troubles(configs: Mapping[str, Config]) -> Iterator[str]:
    """What stands in the way, each as "FILE: FIELD ..."."""
    unet, vae, text = (configs[name] for name in ("unet", "vae", "text_encoder"))
    for part, config in configs.items():
        yield from (f"{part}/config.json: {said}" for said in counts(config))
    yield from (f"vae/config.json: {said}" for said in vae_troubles(vae))
    channels = vae.get("latent_channels", 4)
    yield from (f"unet/config.json: {said}" for said in unet_troubles(unet, channels))
    width = unet.get("encoder_hid_dim") or unet.get("cross_attention_dim", 1280)
    widths = width if isinstance(width, list) else [width]
    hidden = text.get("hidden_size", 512)
    if not whole(hidden) or not widths or any(each != hidden for each in widths):
        yield (
            f"unet/config.json: cross_attention_dim {shown(width)} does not fit the text encoder, "
            f"whose hidden_size is {shown(hidden)}; both must be the same number"
        )
    if places_of(text) is None:
        yield f"text_encoder/config.json: {PLACES}, got {shown(text['max_position_embeddings'])}"


def unet_troubles(unet: Config, channels: Any) -> Iterator[str]:
    """What stands in the way of a U-Net on latents with so many channels."""
    taken, given = unet.get("in_channels", 4), unet.get("out_channels", 4)
    if not whole(taken) or taken != channels:
        number = isinstance(taken, int)
        kind = CHANNELS.get(taken, "a model of another kind") if number else "no number"
        yield (
            f"in_channels is {shown(taken)} where the VAE's latents have {shown(channels)}: this "
            f"is {kind}; {HERE}"
        )
    if given != taken:
        yield (
            f"out_channels is {shown(given)} and in_channels {shown(taken)}: this model predicts "
            f"more than the noise, such as its variance; {HERE}"
        )
    for field, (other, kind) in TOLD.items():
        if other(unet.get(field)):
            yield f"{field} is {shown(unet[field])}: this is {kind}; {HERE}"
    guided = unet.get("time_cond_proj_dim")
    if guided is not None and not whole(guided, 4, 100_000):
        yield f"time_cond_proj_dim must be a whole number from 4 on, got {shown(guided)}"
    yield from block_troubles(unet)
    if sides(unet.get("sample_size")) is None:
        yield (
            "sample_size must be the side of its latents, such as 64, or height and width, such "
            f"as [64, 96], each in 1..{LARGEST_SIDE}, got {shown(unet.get('sample_size'))}"
        )


def block_troubles(unet: Config) -> Iterator[str]:
    """Blocks that are not known, or none that reads the text."""
    reads = False
    for field, known in BLOCKS.items():
        value = unet.get(field, DEFAULT_BLOCKS[field])
        given = [value] if field == "mid_block_type" else value
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_BLOCKS:
            yield f"{field} must be a list of 1 to {MOST_BLOCKS} names, got {shown(value)}"
            return
        for each in given:
            if each not in known:
                yield f"{field} has {shown(each)}, and known are {', '.join(map(str, known))}"
                return
        reads = reads or any("CrossAttn" in str(each) for each in given)
    if not reads:
        yield f"no block of down_block_types reads the text with cross attention; {HERE}"


def vae_troubles(vae: Config) -> Iterator[str]:
    """What stands in the way of a VAE of pictures."""
    for field in ("in_channels", "out_channels"):
        if vae.get(field, 3) != 3:
            yield f"{field} must be 3, as pictures have, got {shown(vae[field])}"
    channels = vae.get("latent_channels", 4)
    if not whole(channels, 1, 1024):
        yield f"latent_channels must be a whole number in 1..1024, got {shown(channels)}"
    scaling = vae.get("scaling_factor", 0.18215)
    if not real(scaling) or not 1e-6 <= scaling <= 1e6:
        yield f"scaling_factor must be a number above 0, such as 0.18215, got {shown(scaling)}"
    shift = vae.get("shift_factor")
    if shift is not None and not real(shift):
        yield f"shift_factor must be a number or null, got {shown(shift)}"
    for field in ("latents_mean", "latents_std"):
        if vae.get(field) is not None:
            yield f"{field} is given: means and spreads per channel are not known here"
    for field in ("down_block_types", "up_block_types", "block_out_channels"):
        value = vae.get(field, ["DownEncoderBlock2D"])
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_BLOCKS:
            yield f"{field} must be a list of 1 to {MOST_BLOCKS} entries, got {shown(value)}"


def counts(config: Config) -> Iterator[str]:
    """Numbers of layers that are none, or beyond all measure."""
    for field in COUNTS:
        given = flat(config.get(field, 1))
        optional = field.startswith("reverse") and given == [None]
        if not optional and not all(whole(each, 0, MOST_LAYERS) for each in given):
            yield f"{field} must be in 0..{MOST_LAYERS}, got {shown(config[field])}"


def places_of(text: Config) -> int | None:
    """How many tokens a text encoder has places for; None where its config says no number."""
    given = text.get("max_position_embeddings", 77)
    return given if whole(given, 3, 100_000) else None


def flat(value: Any) -> Sequence[Any]:
    """A number, or the numbers of a list of lists."""
    if not isinstance(value, list):
        return [value]
    return [each for part in value for each in (part if isinstance(part, list) else [part])]


def sides(size: Any) -> tuple[int, int] | None:
    """Height and width from the side of a square or from both; None for anything else."""
    pair = size if isinstance(size, (list, tuple)) else [size, size]
    if len(pair) != 2 or not all(whole(each, 1, LARGEST_SIDE) for each in pair):
        return None
    return pair[0], pair[1]


def whole(value: Any, low: int = 1, high: int = 10**9) -> bool:
    """Whether a value is a whole number in this range; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def real(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30


def shown(value: Any) -> str:
    """A value of a config in a sentence."""
    return "nothing" if value is None else repr(value)[:60]
