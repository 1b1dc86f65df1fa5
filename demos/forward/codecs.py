"""Two autoencoders: between two pictures, in pixels, in latents, and in words of a codebook."""

from __future__ import annotations

import colorsys

import torch
from PIL import Image
from torch import Tensor

from core.codebook import emoji_codebook
from core.images import from_pil, pixels_uri, signed_uri
from core.metrics import psnr
from core.models import Model
from core.tapes import Axis, Frame, Panel, Say
from demos.words import said

GOLDEN = 0.618034  # of the circle of hues, between a code and the next: neighbours differ most
ALIKE = 30.0  # dB from which on two pictures can hardly be told apart


class Codecs:
    """Two pictures x, and what lies between them for those who encode, mix and decode."""

    strip = "decoded"

    def __init__(self, model: Model, images: tuple[Image.Image, Image.Image]) -> None:
        """Encode both pictures by the autoencoder of the model, and by the codebook."""
        self.model = model
        self.x = from_pil(images, "RGB")
        self.z = torch.cat([model.encode([image]) for image in images])
        self.panels = (
            Panel("x", "x₀", said("panel.mixed.pixels")),
            Panel("decoded", "D(z₀)", said("panel.mixed.latents"), "signal"),
            Panel("z", "z₀", said("panel.channels", channels=model.shape[0]), "noise"),
        )
        self.book = emoji_codebook() if model.card.data == "scenes" else None
        if self.book:
            self.h = self.book.encode(2 * self.x - 1)
            self.panels += (
                Panel("quantised", "D(eₖ)", said("panel.mixed.codes"), "second"),
                Panel("codes", "eₖ", said("panel.codes"), "second", phone=False),
            )

    @staticmethod
    def axis(count: int) -> Axis:
        """The timeline: the share of the second picture."""
        return Axis(
            name=said("axis.mixed"),
            ends=(said("axis.mixed.first"), said("axis.mixed.second")),
            ticks=[k / (count - 1) for k in range(count)],
        )

    @torch.no_grad()
    def frame(self, share: float) -> Frame:
        """One mix (1 - s) a + s b of pixels, of latents, and of what the codebook is asked."""
        x, z = _mixed(self.x, share), _mixed(self.z, share)
        decoded = self.model.pixels(z).cpu()
        pictures = {"x": pixels_uri(x), "decoded": pixels_uri(decoded), "z": signed_uri(z)}
        ratio = psnr(decoded, x)
        numbers = {"kl": ratio, "mean": z.mean().item(), "variance": z.var().item()}
        values = {"share": share, "ratio": ratio, "fewer": x[0].numel() / z[0].numel()}
        say: list[Say] = [said(self.key(share, ratio), **values)]
        if self.book:
            codes = self.book.codes(_mixed(self.h, share))
            quantised = self.book.decode(self.book.latents(codes)) / 2 + 0.5
            pictures |= {"quantised": pixels_uri(quantised), "codes": pixels_uri(coloured(codes))}
            numbers |= {"vq": psnr(quantised.clamp(0, 1), x), "words": len(codes.unique())}
            words = {"words": numbers["words"], "all": len(self.book.words)}
            say.append(said("codecs.words", ratio=numbers["vq"], places=codes.numel(), **words))
        return Frame(pictures=pictures, say=say, pos=share, numbers=numbers)

    @staticmethod
    def key(share: float, ratio: float) -> str:
        """The sentence for a place on the way, and for how far both mixes are apart there."""
        if share in (0, 1):
            return "codecs.round_trip"
        return "codecs.alike" if ratio >= ALIKE else "codecs.apart"


def _mixed(ends: Tensor, share: float) -> Tensor:
    return torch.lerp(ends[:1], ends[1:], share)


def coloured(codes: Tensor) -> Tensor:
    """A colour for each code: indices (B, h, w) to pixels (B, 3, h, w) in [0, 1]."""
    hues = [colorsys.hsv_to_rgb(k * GOLDEN % 1, 0.75, 0.95) for k in range(int(codes.max()) + 1)]
    return torch.tensor(hues)[codes].movedim(-1, 1)
