"""What the two autoencoders of emoji pictures keep, and what of the codebook is in use.

copies     of 500 pictures that no recipe has drawn, the copies of the VAE and of the codebook:
           PSNR (mean of the pictures), gradient energy beside the pictures, and how often the
           classifier reads the subject
codes      how many words of the codebook are in use, and how evenly
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.codebook import emoji_codebook
from core.metrics import gradient_energy, psnr
from core.models import load
from tests.benchmarks.quality import Card, table
from tests.benchmarks.quality_emoji import hits, real, reconstructed, scenes, share

CARD = Card("emoji-vq", "*.safetensors", "../emoji/vae/*.safetensors")
COUNT, SEED, PLACES = 500, 83, 256
KEPT = ("copy by the VAE", "copy by the codebook")
# Of a place: 4 x 4 pixels of three bytes, four numbers in half precision, the index of a word.
BITS = {"as it is": 384, KEPT[0]: 64, KEPT[1]: 12}


def copies(name: str, pixels: Tensor) -> Tensor:
    """What an autoencoder makes of pictures (B, 3, 64, 64) in [0, 1], or the pictures."""
    if name == KEPT[0]:
        model = load("emoji", device="cpu")
        return torch.cat([reconstructed(model, part) for part in pixels.split(50)])
    if name == KEPT[1]:
        book = emoji_codebook()
        parts = [book.decode(book.latents(part)) for part in codes(pixels).split(50)]
        return (torch.cat(parts) / 2 + 0.5).clamp(0, 1)
    return pixels


def codes(pixels: Tensor) -> Tensor:
    """The words of pictures, (B, 16, 16)."""
    book = emoji_codebook()
    return torch.cat([book.codes(book.encode(2 * part - 1)) for part in pixels.split(50)])


def copies_section() -> str:
    """What both keep."""
    chosen = scenes(CARD.count(COUNT), SEED)

    def measured(name: str) -> list:
        pixels = real(chosen, SEED)
        found = copies(name, pixels)
        energy = gradient_energy(found) / gradient_energy(pixels)
        ratios = [psnr(a, b) for a, b in zip(found, pixels, strict=True)] if name in KEPT else [0]
        return [sum(ratios) / len(ratios), energy, hits(found, chosen)["subject"]]

    rows = []
    for name, bits in BITS.items():
        ratio, energy, read = CARD.remembered(name, lambda n=name: measured(n))
        kept = f"{ratio:.1f} dB" if name in KEPT else "–"
        rows.append([name, str(bits), kept, f"{energy:.2f}", share(read)])
    head = ["picture", "bits of a place", "PSNR", "gradient energy", "subject read"]
    return table(head, rows)


def codes_section() -> str:
    """The use of the codebook."""

    def measured() -> list[float]:
        found = codes(real(scenes(CARD.count(COUNT), SEED), SEED))
        use = torch.bincount(found.flatten(), minlength=len(emoji_codebook().words)).double()
        shares = use / use.sum()
        perplexity = torch.special.entr(shares).sum().exp().item()
        each = sum(len(one.unique()) for one in found) / len(found)
        return [(use > 0).sum().item(), len(use), perplexity, each]

    used, all_, perplexity, each = CARD.remembered("codes", measured)
    return (
        f"{used:,.0f} of the {all_:,} words are in use; their perplexity, exp of the entropy, is "
        f"{perplexity:,.0f}. One picture uses {each:.0f} at its {PLACES} places."
    )


SECTIONS = {"copies": copies_section, "codes": codes_section}
