"""Pipelines with random weights in the layouts of Stable Diffusion 1.x and 2.x, and threads."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from core.models import MODELS, add_folder, load
from core.training.tokenizer import tokenizer
from tests.core.folders import copied, small

SD1 = {
    "prediction_type": "epsilon",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "clip_sample": False,
    "timestep_spacing": "leading",
}
SD2 = {**SD1, "prediction_type": "v_prediction"}
ZERO = {
    **SD2,
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "set_alpha_to_one": True,
}
LAYOUTS = {"sd1": (SD1, 32), "sd2": (SD2, 48), "zero": (ZERO, 48)}


def built(folder, scheduler, width):
    """A pipeline with random weights in Stable Diffusion's layout, saved to a folder."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    kinds: Any = diffusers
    tokens = tokenizer()
    text = CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=32,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
        pad_token_id=tokens.pad_token_id,
    )
    second = width == 48
    unet = kinds.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width,
        attention_head_dim=[2, 4] if second else 4,
        use_linear_projection=second,
    )
    vae = kinds.AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=8,
        sample_size=16,
        scaling_factor=0.7,
    )
    kinds.StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokens,
        unet=unet,
        scheduler=kinds.DDIMScheduler(**scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    return {
        name: built(tmp_path_factory.mktemp("models") / name, *layout)
        for name, layout in LAYOUTS.items()
    }


@pytest.fixture(params=LAYOUTS)
def layout(request, folders):
    name = add_folder(folders[request.param])
    yield request.param, load(name), folders[request.param]
    del MODELS[name]


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """The smallest folder; not to be changed."""
    return small(tmp_path_factory.mktemp("small") / "plain")


@pytest.fixture
def own(plain, tmp_path):
    """A copy of it that may be changed."""
    return copied(plain, tmp_path / "own")


@pytest.fixture
def pool():
    """Threads for many runs at once."""
    with ThreadPoolExecutor(64) as threads:
        yield threads
