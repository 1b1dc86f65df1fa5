"""Attention of the U-Net: fused, recorded to look at, or taken over from another picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, eq=False)
class Coupling:
    """Target pictures attend as their source pictures do.

    The rows of the network are B sources, B targets and then any others, which are left alone.
    Hertz et al. 2023, sections 3.1 and 3.2, https://arxiv.org/abs/2208.01626.

    Attributes:
        pairs: B.
        shared: (B, tokens of the source, tokens of the target): the target's cross attention is
            that of the source times this; columns of zeros keep their own. None: nothing is taken.
        limit: self attention is taken over in layers of at most so many pixels.
    """

    pairs: int
    shared: Tensor | None
    limit: int

    def positions(self, x: Tensor) -> Tensor:
        """Queries or keys of a self attention, (rows, heads, pixels, D)."""
        return self.with_targets(x, x[: self.pairs]) if x.shape[2] <= self.limit else x

    def words(self, weights: Tensor) -> Tensor:
        """The softmax of a cross attention, (rows, heads, pixels, tokens)."""
        if self.shared is None:
            return weights
        shared, (source, target) = self.shared[:, None].to(weights), weights.split(self.pairs)[:2]
        own = (shared.sum(2, keepdim=True) == 0).to(weights)
        return self.with_targets(weights, source @ shared + own * target)

    def with_targets(self, x: Tensor, targets: Tensor) -> Tensor:
        """The same rows with other targets."""
        return torch.cat([x[: self.pairs], targets, x[2 * self.pairs :]])


class Attention:
    """softmax(q k^T / sqrt(d)) v, the attention processor of every layer.

    Vaswani et al. 2017, equation 1, https://arxiv.org/abs/1706.03762. What a run wants of it is
    given with the call, as in `unet(..., cross_attention_kwargs={"record": record})`, so other
    runs of the same network notice nothing: to a list `record` each cross attention appends its
    softmax averaged over the heads, (B, pixels, tokens); `coupling` is a `Coupling`.
    """

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        record: list[Tensor] | None = None,
        coupling: Coupling | None = None,
    ) -> Tensor:
        """Attend from (B, pixels, C) to itself, or to the text (B, tokens, D)."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (
            each.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for each in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
        )
        if coupling is not None and encoder_hidden_states is None:
            q, k = coupling.positions(q), coupling.positions(k)
        if encoder_hidden_states is None or (record is None and coupling is None):
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask)
        else:
            weights = softmax(attn, q, k)
            if coupling is not None:
                weights = coupling.words(weights)
            if record is not None:
                record.append(weights.mean(1))
            out = weights.to(v) @ v
        return attn.to_out[0](out.transpose(1, 2).flatten(2))


def softmax(attn: Any, q: Tensor, k: Tensor) -> Tensor:
    """The softmax of q k^T / sqrt(d), each (rows, heads, pixels or tokens, d).

    The division is part of the product: q k^T alone goes beyond the numbers of float16. In
    float32 where the layer's config has `upcast_attention`; fused attention always sums so.
    """
    if attn.upcast_attention:
        q, k = q.float(), k.float()
    heads = q.shape[:2]
    q, k = q.flatten(0, 1), k.flatten(0, 1).transpose(-1, -2)
    scores = torch.baddbmm(q.new_empty(()), q, k, beta=0, alpha=attn.scale)
    return scores.softmax(-1).unflatten(0, heads)


def attention_maps(
    record: Sequence[Tensor], tokens: Sequence[int], sides: tuple[int, int] = (1, 1)
) -> Tensor:
    """How much each place attends to some tokens, (B, H, W): the mean over all layers.

    `sides` is (H, W) of the latents. Layers of a coarser grid are enlarged bilinearly to the
    finest one. Tang et al. 2023 (DAAM), section 3, https://arxiv.org/abs/2210.04885. ValueError
    for an empty record.
    """
    if not record:
        raise ValueError("no cross attention was recorded; run the network with a record first")
    finest = grid(max(layer.shape[1] for layer in record), sides)
    enlarged = [
        F.interpolate(
            layer.float()[..., list(tokens)]
            .sum(-1)
            .unflatten(1, (1, *grid(layer.shape[1], sides))),
            finest,
            mode="bilinear",
        )
        for layer in record
    ]
    return torch.cat(enlarged, dim=1).mean(1)


def grid(places: int, sides: tuple[int, int] = (1, 1)) -> tuple[int, int]:
    """Height and width of so many places, as near to these proportions as whole numbers come."""
    heights = [height for height in range(1, places + 1) if places % height == 0]
    wanted = math.log(sides[0] / sides[1])
    height = min(heights, key=lambda each: abs(math.log(each * each / places) - wanted))
    return height, places // height
