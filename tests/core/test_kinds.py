"""What the configs of well-known models say they are, without their weights."""

import pytest

from core.models.kinds import check_index, check_kind, sides

DOWN = ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
UP = ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3
VAE = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 2,
    "out_channels": 3,
    "sample_size": 512,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
TEXT1 = {"hidden_size": 768, "num_hidden_layers": 12, "max_position_embeddings": 77}
TEXT2 = {"hidden_size": 1024, "num_hidden_layers": 23, "max_position_embeddings": 77}
UNET1 = {
    "_class_name": "UNet2DConditionModel",
    "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280],
    "cross_attention_dim": 768,
    "down_block_types": DOWN,
    "in_channels": 4,
    "layers_per_block": 2,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": UP,
}
UNET2 = {
    **UNET1,
    "attention_head_dim": [5, 10, 20, 20],
    "cross_attention_dim": 1024,
    "dual_cross_attention": False,
    "num_class_embeds": None,
    "only_cross_attention": False,
    "sample_size": 96,
    "upcast_attention": True,
    "use_linear_projection": True,
}
LATER = {  # what later versions write of a model that needs none of it
    "addition_embed_type": None,
    "addition_embed_type_num_heads": 64,
    "attention_type": "default",
    "class_embed_type": None,
    "class_embeddings_concat": False,
    "conv_in_kernel": 3,
    "cross_attention_norm": None,
    "dropout": 0.0,
    "encoder_hid_dim": None,
    "encoder_hid_dim_type": None,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "projection_class_embeddings_input_dim": None,
    "resnet_time_scale_shift": "default",
    "reverse_transformer_layers_per_block": None,
    "time_cond_proj_dim": None,
    "time_embedding_type": "positional",
    "transformer_layers_per_block": 1,
}
RUN = {
    "Stable Diffusion 1.4 and 1.5": (UNET1, VAE, TEXT1),
    "Stable Diffusion 2.1": (UNET2, {**VAE, "scaling_factor": 0.18215}, TEXT2),
    "Stable Diffusion 2.1 base": ({**UNET2, "sample_size": 64}, VAE, TEXT2),
    "saved again today": ({**UNET2, **LATER}, {**VAE, "shift_factor": None}, TEXT2),
    "LCM, Dreamshaper 7": ({**UNET1, **LATER, "time_cond_proj_dim": 256}, VAE, TEXT1),
    "a wide one": ({**UNET1, "sample_size": [64, 96]}, VAE, TEXT1),
    "defaults": ({"sample_size": 64}, {}, {"hidden_size": 1280}),
}
STOP = {
    "inpainting": ({**UNET1, "in_channels": 9}, TEXT1, "an inpainting model"),
    "InstructPix2Pix": ({**UNET1, "in_channels": 8}, TEXT1, "a model that changes pictures"),
    "x4 upscaler": (
        {**UNET2, "in_channels": 7, "num_class_embeds": 1000, "sample_size": 128},
        TEXT2,
        "an upscaling model",
    ),
    "depth to image": ({**UNET2, "in_channels": 5}, TEXT2, "a depth-to-image model"),
    "Stable Diffusion XL": (
        {
            **UNET1,
            "addition_embed_type": "text_time",
            "cross_attention_dim": 2048,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "transformer_layers_per_block": [1, 2, 10],
        },
        TEXT1,
        "such as Stable Diffusion XL",
    ),
    "Stable unCLIP": (
        {**UNET2, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 2048},
        TEXT2,
        "such as unCLIP",
    ),
    "GLIGEN": ({**UNET1, "attention_type": "gated"}, TEXT1, "a GLIGEN model"),
    "Kandinsky 2.2": (
        {
            **UNET1,
            "addition_embed_type": "image",
            "encoder_hid_dim": 1280,
            "encoder_hid_dim_type": "image_proj",
        },
        TEXT1,
        "Kandinsky",
    ),
    "IP-Adapter": ({**UNET1, "encoder_hid_dim_type": "ip_image_proj"}, TEXT1, "an IP-Adapter"),
    "DeepFloyd IF": ({**UNET1, "in_channels": 3, "out_channels": 6}, TEXT1, "another kind"),
    "Versatile Diffusion": (
        {**UNET1, "dual_cross_attention": True},
        TEXT1,
        "a text and a picture",
    ),
    "a U-Net of SD 1 with the text encoder of SD 2": (UNET1, TEXT2, "cross_attention_dim 768"),
}


@pytest.mark.parametrize("name", RUN)
def test_what_runs(name):
    unet, vae, text = RUN[name]
    check_kind("model", {"unet": unet, "vae": vae, "text_encoder": text})


@pytest.mark.parametrize("name", STOP)
def test_what_does_not(name):
    unet, text, said = STOP[name]
    with pytest.raises(ValueError, match=said) as caught:
        check_kind("model", {"unet": unet, "vae": VAE, "text_encoder": text})
    assert str(caught.value).startswith("model/unet/config.json: ")


FOUR = {
    "vae": ["diffusers", "AutoencoderKL"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "PNDMScheduler"],
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]},
        {"safety_checker": [None, None], "feature_extractor": [None, None]},
        {"feature_extractor": ["transformers", "CLIPFeatureExtractor"]},
        {"image_encoder": [None, None], "requires_safety_checker": True},
        {"tokenizer": ["transformers", "CLIPTokenizerFast"]},
        {"_class_name": "LatentConsistencyModelPipeline", "_diffusers_version": "0.22.0"},
    ],
)
def test_indices_that_run(more):
    check_index("model", {**FOUR, **more})


@pytest.mark.parametrize(
    ("size", "expected"),
    [(64, (64, 64)), ([48, 64], (48, 64)), ((1, 512), (1, 512)), (513, None), ([8.0, 8], None)],
)
def test_sides(size, expected):
    assert sides(size) == expected
