"""QR codes of addresses, for a class that scans one from the wall."""

from __future__ import annotations

import segno

from demos.words import Refusal

LONGEST = 1200  # bytes: what is longer has modules too small to be scanned across a room


def code(address: str) -> str:
    """A QR code of an address, as the data URI of an SVG, black on white with its quiet zone.

    ISO/IEC 18004, error correction M: 15 % of it may be lost to a reflection. Refusal for what
    is no address of a page, or longer than `LONGEST`.
    """
    text = address if isinstance(address, str) else ""
    if not text.startswith(("http://", "https://")) or any(map(str.isspace, text)):
        raise Refusal("qr.refused")
    if len(text.encode(errors="replace")) > LONGEST:
        raise Refusal("qr.refused.long")
    made = segno.make_qr(text.encode(errors="replace"), error="m", boost_error=False)
    return made.svg_data_uri(border=4, light="#fff", dark="#000", omitsize=True)
