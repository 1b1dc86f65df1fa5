"""What a snapshot of a training looks like: its loss, its guesses, its samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from core.images import pixels_uri, uri
from core.training.plans import REACH, Snapshot, grid_points

SIDE, SCALE = 320, 2  # pixels of a drawing, and how much larger it is drawn
INK, GREY, FAINT = (40, 40, 40), (150, 150, 150), (215, 215, 215)
BLUE, ORANGE = (0, 114, 178), (213, 94, 0)
LEFT, FOOT, REST = 44, 28, 14  # margins of the curve: for its numbers, and elsewhere
SMOOTH = 0.9  # of the curve before, in the average that is drawn
ACROSS = 3.0  # the plane is shown from -3 to 3

Place = tuple[float, float]
Curve = Sequence[tuple[int, float]]  # steps and losses


def canvas() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """White, larger than what it becomes."""
    image = Image.new("RGB", (SIDE * SCALE, SIDE * SCALE), "white")
    return image, ImageDraw.Draw(image)


def finished(image: Image.Image) -> str:
    """The drawing as a data URI."""
    small = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return uri(small.quantize(64))


# ---- the loss -----------------------------------------------------------------------------------


def loss_uri(batches: Curve, held_out: Curve, steps: int, bounds: Place) -> str:
    """The loss of the batches, smoothed, and that of rows that were held out, up to here.

    The step goes from 0 to `steps` with the square root, the loss between the bounds with the
    logarithm.
    """
    image, draw = canvas()
    place = axes(draw, bounds)

    def at(each: tuple[float, float]) -> Place:
        return place(math.sqrt(each[0] / steps), each[1])

    for share in (0, 1 / 16, 1 / 4, 9 / 16, 1):
        write(draw, at((share * steps, bounds[0])), f"{share * steps:.0f}", below=True)

    line(draw, list(map(at, batches)), FAINT, 1)
    for curve, colour in ((smoothed(batches), BLUE), (held_out, ORANGE)):
        line(draw, list(map(at, curve)), colour, 2)
        if curve:
            dot(draw, at(curve[-1]), 3.5, colour)
    return finished(image)


def levels_uri(simple: Sequence[float], bound: Sequence[float], bounds: Place) -> str:
    """The loss at each of some noise levels, clean to noisy, every level alike, and weighted."""
    image, draw = canvas()
    place, last = axes(draw, bounds), len(simple) - 1
    for curve, colour in ((simple, BLUE), (bound, ORANGE)):
        shown = [place(k / last, each) for k, each in enumerate(curve) if math.isfinite(each)]
        line(draw, shown, colour, 2)
        for each in shown:
            dot(draw, each, 3.5, colour)
    return finished(image)


def axes(draw: ImageDraw.ImageDraw, bounds: Place) -> Callable[[float, float], Place]:
    """Draw the marks of a loss between bounds; what places (share of the width, loss)."""
    low, high = (math.log10(each) for each in bounds)
    wide, tall = SIDE - LEFT - REST, SIDE - FOOT - REST

    def place(across: float, loss: float) -> Place:
        up = (math.log10(max(loss, 1e-9)) - low) / (high - low)
        up = min(max(up, 0.0), 1.0)
        return (LEFT + across * wide) * SCALE, (SIDE - FOOT - up * tall) * SCALE

    for value in ticks(*bounds):
        draw.line([place(0, value), place(1, value)], FAINT, SCALE)
        write(draw, place(0, value), f"{value:g}")
    return place


def write(draw: ImageDraw.ImageDraw, place: Place, number: str, below: bool = False) -> None:
    """A number to the left of a place, or below it."""
    font, gap = ImageFont.load_default(11 * SCALE), 6 * SCALE
    at = (place[0], place[1] + gap) if below else (place[0] - gap, place[1])
    draw.text(at, number, GREY, font, anchor="mt" if below else "rm")


def smoothed(curve: Curve) -> Curve:
    """The average over the steps before, weighted less the older they are."""
    kept, weight, found = 0.0, 0.0, []
    for step, loss in curve:
        kept, weight = SMOOTH * kept + (1 - SMOOTH) * loss, SMOOTH * weight + 1 - SMOOTH
        found.append((step, kept / weight))
    return found


def ticks(low: float, high: float) -> list[float]:
    """Values 1, 2 and 5 times a power of ten between two values, 1 alone where they are many."""
    mantissas = (1, 2, 5) if high < 100 * low else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [mantissa * 10.0**power for power in powers for mantissa in mantissas]
    return [round(value, 10) for value in values if low <= value <= high]


def line(draw: ImageDraw.ImageDraw, places: Sequence[Place], colour: tuple, width: int) -> None:
    """A line through places."""
    if len(places) > 1:
        draw.line(places, colour, width * SCALE, joint="curve")


def dot(draw: ImageDraw.ImageDraw, place: Place, radius: float, colour: tuple) -> None:
    """A dot at a place."""
    x, y, r = *place, radius * SCALE
    draw.ellipse([x - r, y - r, x + r, y + r], colour)


# ---- pictures -----------------------------------------------------------------------------------


def pictures_of(snapshot: Snapshot) -> dict[str, str]:
    """Noisy rows, each above what the network guesses of it, and the samples."""
    guesses = paired(snapshot.noisy, snapshot.guesses)
    return {
        "guesses": pixels_uri((guesses + 1) / 2),
        "samples": pixels_uri((snapshot.samples + 1) / 2),
    }


def paired(noisy: Tensor, guesses: Tensor) -> Tensor:
    """Eight rows and their guesses in a square: four rows, then the guess below each, twice."""
    parts = [each for k in (0, 4) for each in (noisy[k : k + 4], guesses[k : k + 4])]
    return torch.cat(parts)


# ---- points -------------------------------------------------------------------------------------


def points_of(snapshot: Snapshot, data: Tensor) -> dict[str, str]:
    """Where the denoiser sends each place of the plane, at four levels; the samples."""
    return {"guesses": field_uri(snapshot), "samples": samples_uri(snapshot, data)}


def on_canvas(side: float, left: float = 0.0, top: float = 0.0) -> Callable[[Tensor], list[Place]]:
    """What places points of the plane in a square of the canvas."""

    def placed(points: Tensor) -> list[Place]:
        at = (points.flatten(1) / ACROSS + 1) / 2
        return [
            ((left + x * side) * SCALE, (top + (1 - y) * side) * SCALE) for x, y in at.tolist()
        ]

    return placed


def field_uri(snapshot: Snapshot) -> str:
    """Arrows x0_hat - x on a grid, at four of the levels, clean to noisy."""
    image, draw = canvas()
    grid, half, field = grid_points(), SIDE / 2, cast("Tensor", snapshot.field)
    for k, level in enumerate((1, 3, 5, 7)):
        place = on_canvas(half, k % 2 * half, k // 2 * half)
        ways = field[level]
        longest = 0.9 * 2 * REACH / (math.isqrt(len(grid)) - 1)
        length = ways.flatten(1).norm(dim=1).clamp(min=1e-6)
        shown = ways * (longest * torch.tanh(length) / length)[:, None, None, None]
        for tail, head in zip(place(grid), place(grid + shown), strict=True):
            draw.line([tail, head], BLUE, SCALE)
            dot(draw, tail, 1, INK)
    draw.line([(half * SCALE, 0), (half * SCALE, SIDE * SCALE)], FAINT, SCALE)
    draw.line([(0, half * SCALE), (SIDE * SCALE, half * SCALE)], FAINT, SCALE)
    return finished(image)


def samples_uri(snapshot: Snapshot, data: Tensor) -> str:
    """The samples on some of the points that were trained on."""
    image, draw = canvas()
    place = on_canvas(SIDE)
    for each in place(data[:600]):
        dot(draw, each, 1.5, FAINT)
    for each in place(snapshot.samples):
        dot(draw, each, 2, BLUE)
    return finished(image)
