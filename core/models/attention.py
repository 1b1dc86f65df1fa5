"""Attention of the U-Net: the fused one, or one whose cross-attention maps are kept to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class Attention:
    """softmax(q k^T / sqrt(d)) v, the attention processor of every layer.

    Vaswani et al. 2017, equation 1, https://arxiv.org/abs/1706.03762. Given a list `record`, as
    in `unet(..., cross_attention_kwargs={"record": record})`, each cross attention appends its
    softmax averaged over the heads, (B, pixels, tokens); nothing else about the call changes, so
    other runs of the same network notice nothing.
    """

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        record: list[Tensor] | None = None,
    ) -> Tensor:
        """Attend from (B, pixels, C) to itself, or to the text (B, tokens, D)."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (
            each.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for each in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
        )
        if record is None or encoder_hidden_states is None:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask)
        else:
            weights = (q @ k.transpose(-1, -2) * attn.scale).softmax(-1)
            record.append(weights.mean(1))
            out = weights @ v
        return attn.to_out[0](out.transpose(1, 2).flatten(2))


def attention_maps(record: Sequence[Tensor], tokens: Sequence[int]) -> Tensor:
    """How much each place attends to some tokens, (B, H, W): the mean over all layers.

    Layers of a coarser grid are enlarged bilinearly to the finest one. Tang et al. 2023 (DAAM),
    section 3, https://arxiv.org/abs/2210.04885. ValueError for an empty record.
    """
    if not record:
        raise ValueError("no cross attention was recorded; run the network with a record first")
    size = max(int(layer.shape[1] ** 0.5) for layer in record)
    grids = [
        layer[..., list(tokens)].sum(-1).unflatten(1, (int(layer.shape[1] ** 0.5), -1))
        for layer in record
    ]
    enlarged = [
        F.interpolate(grid[:, None].float(), (size, size), mode="bilinear") for grid in grids
    ]
    return torch.cat(enlarged, dim=1).mean(1)
