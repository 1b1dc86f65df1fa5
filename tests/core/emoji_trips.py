"""Round trips of held-out pictures through the text-to-image model, each computed once."""

from functools import cache

from tests.benchmarks.quality_inversion import held_out, returned

COUNT = 2
inverted = cache(held_out)


@cache
def ratio(name, guidance=1.0, steps=50, count=COUNT):
    """PSNR of the round trip, in dB."""
    return returned(inverted(name, guidance, count, steps), guidance)
