"""Where an edit may change the picture, painted by hand."""

from __future__ import annotations

from typing import Any

import gradio as gr
import torch
from gradio.components.image_editor import EditorData
from PIL import Image
from torch import Tensor

from core.images import opacity, to_pil
from demos.sources import Sent, file_of

SIDE = 280  # pixels of the pad


class MaskPad(gr.ImageEditor):
    """A picture to paint on; what was painted is judged by `painted`."""

    data_model = Sent

    def preprocess(self, payload: Any) -> Any:
        """The layers, as they were sent; a picture that is sent alone is one."""
        sent = payload.root if payload is not None else None
        return sent.get("layers") if isinstance(sent, dict) and "layers" in sent else sent

    def api_info(self) -> dict[str, Any]:
        """That of gr.ImageEditor."""
        return EditorData.model_json_schema()

    def get_block_name(self) -> str:
        """The front end of gr.ImageEditor."""
        return "imageeditor"


def pad() -> MaskPad:
    """The pad, with one broad brush."""
    return MaskPad(
        label="Paint where it may change",
        type="filepath",
        visible=False,
        canvas_size=(SIDE, SIDE),
        brush=gr.Brush(default_size=30, colors=["#d55e00"], color_mode="fixed"),
        eraser=gr.Eraser(default_size=30),
        sources=(),
        transforms=(),
        layers=False,
        interactive=True,
    )


def background(pixels: Tensor) -> dict[str, Any]:
    """The value of a pad that shows this picture, with nothing painted yet."""
    big = to_pil(pixels)[0].resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return {"background": big, "layers": [], "composite": big}


def painted(sent: Any, x0: Tensor) -> Tensor:
    """The mask (1, 1, H, W) for latents x0: 1 wherever a place was painted, at least in part.

    ValueError, one sentence, where nothing was painted, or more than one layer was sent.
    """
    layers = [each for each in (sent if isinstance(sent, list) else [sent]) if each]
    if len(layers) > 1:
        raise ValueError(
            f"a mask is one layer, and {len(layers)} were sent: merge them into one picture"
        )
    cells = x0.shape[-2:]
    mask = opacity(file_of(layers[0]), cells) > 0.5 if layers else torch.zeros(1, *cells)
    if not mask.any():
        raise ValueError(
            "nothing is painted yet: paint over the part that may change, or let it change "
            "everywhere"
        )
    return mask[None].to(x0)
