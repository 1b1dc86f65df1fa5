"""When is it decided? Branches of a run to its end, what they share, and that over the frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from torch import Tensor

from core.classifiers import read_digits, read_scenes
from core.data.emoji import subjects
from core.denoisers import Clipped
from core.endings import branches, variance_map
from core.images import pixels_uri, signed_uri
from core.models import Model
from core.noise import seeded
from core.schedules import Level
from core.tapes import Say
from demos.pictures.prompts import language_of
from demos.runs.asked import SEEDS
from demos.runs.zero_gpu import on_gpu, reached
from demos.sampling.panels import PANELS, ladder
from demos.sampling.request import SampleRequest
from demos.sampling.run import steps
from demos.views.charts import LEVELS, Axes, Curve, chart
from demos.views.html import saying, spoken
from demos.views.numbers import noise_power, place
from demos.words import Refusal, said

COUNT = 16  # endings of a frame
FRAMES = 8  # of a run that are branched, at most
MOST = 0.25  # variance of pixels that are black in half of the endings and white in the others
AWAY = 2**31  # from the seed of the run: its branches draw other noise than it did


class Decided(NamedTuple):
    """What a frame leads to.

    Attributes:
        frame: its index, 0 .. steps.
        level: where it is.
        share: of the power that is noise there.
        pixels: the endings, (COUNT, 1 or 3, H, W) in [0, 1].
        read: what the classifier reads in each; empty where none ships for such pictures.
    """

    frame: int
    level: Level
    share: float
    pixels: Tensor
    read: list[str]

    @property
    def most(self) -> tuple[str, int]:
        """What is read most often, and how often."""
        return Counter(self.read).most_common(1)[0]

    @property
    def spread(self) -> float:
        """Standard deviation of the endings: the root of the mean variance."""
        return variance_map(self.pixels).mean().sqrt().item()


def calls(request: SampleRequest, frames: Sequence[int]) -> int:
    """Rows through the denoiser: the run itself, and the branches."""
    rows = COUNT * sum(request.taken - frame for frame in frames)
    return request.calls + rows * request.branches


def spaced(request: SampleRequest) -> list[int]:
    """The frames that are branched of a whole run, evenly spaced, its end among them."""
    count = min(FRAMES, request.taken + 1)
    return sorted({round(k * request.taken / (count - 1)) for k in range(count)})


@on_gpu(lambda request, frames: 20 + calls(request, frames) // 50)
def decided(request: SampleRequest, frames: Sequence[int]) -> Iterator[Decided | None]:
    """Branch frames of a run, of which the request is; None while one is at work.

    The run is sampled again, which its seed makes the same; of a batch, its first picture.
    Refusal for a model of another noise than these branches draw, and for a frame that it has not.
    """
    if request.card.noise != "gaussian":
        raise Refusal("decide.refused.noise", model=request.model)
    if not frames or not all(0 <= frame <= request.taken for frame in frames):
        raise Refusal("decide.refused")
    request = replace(request, batch=1, show="prediction")
    model = reached(request.model)
    levels, seen = ladder(model, request), PANELS[request.show](model, request)
    denoise = Clipped(seen.denoise) if request.clip_x0 else seen.denoise
    run = steps(request, model, seen, levels)
    kept = [(step.x, step.x_next, step.prediction.x0) for step in islice(run, max(frames) + 1)]
    for frame in frames:
        x, _, x0 = kept[frame] if frame < len(kept) else (kept[-1][1], None, kept[-1][1])
        ends = x.repeat(COUNT, 1, 1, 1)
        noise = seeded((request.seed + AWAY) % (SEEDS - COUNT), COUNT)
        for step in branches(denoise, x, levels[frame:], noise, COUNT):
            ends = step.x_next
            yield None
        pixels = model.pixels(ends).float().cpu()
        share = noise_power(levels[frame], x0, model.noise_power)
        read = readings(model, pixels, language_of(request.condition))
        yield Decided(frame, levels[frame], share, pixels, read)


def readings(model: Model, pixels: Tensor, language: str) -> list[str]:
    """What the shipped classifier reads in each picture: a digit, or the subject of a scene."""
    x = 2 * pixels - 1
    if model.card.data == "mnist":
        return [str(int(digit)) for digit in read_digits(x).argmax(1)]
    if model.card.data != "scenes":
        return []
    known = [each.name_zh if language == "zh" else each.name for each in subjects().values()]
    return [known[int(best)] for best in read_scenes(x)["subject"].argmax(1)]


def report(request: SampleRequest, found: Decided) -> str:
    """The endings of one frame as HTML: what they share, their mean, where they differ."""
    pictures = (
        (pixels_uri(found.pixels), said("decide.endings", count=COUNT)),
        (pixels_uri(found.pixels.mean(0, keepdim=True)), said("decide.mean")),
        (signed_uri(variance_map(found.pixels), MOST), said("decide.variance")),
    )
    figures = "".join(
        f'<figure><img src="{source}"{saying(name, "alt")}>{spoken(name, "figcaption")}</figure>'
        for source, name in pictures
    )
    told = told_of(request, [at(request, found), verdict(found)])
    return f'{told}<div class="decided">{figures}</div>'


def told_of(request: SampleRequest, told: Say) -> str:
    """Which run it is, and what is said of it, as HTML."""
    return f"<p>{spoken(request.title(), 'strong')}</p><p>{spoken(told)}</p>"


def at(request: SampleRequest, found: Decided) -> Say:
    """Where the endings part, and how far they do."""
    if found.frame == request.taken:
        return said("decide.finished")
    where = {"step": found.frame + 1, "steps": request.taken, "share": found.share}
    return said("decide.at", **where, count=COUNT, spread=found.spread)


def verdict(found: Decided) -> Say:
    """What the classifier reads in the endings."""
    if not found.read:
        return said("decide.unread")
    reading, hits = found.most
    return said("decide.read", hits=hits, count=COUNT, reading=reading)


def curve(request: SampleRequest, found: Sequence[Decided], total: int) -> str:
    """What was found so far, over the noise level, as HTML."""
    at = [place(each.level) for each in found]
    curves = [Curve(said("decide.spread"), "difference", [e.spread for e in found], at=at)]
    if found[0].read:
        shares = [each.most[1] / COUNT for each in found]
        curves.insert(0, Curve(said("decide.share"), "first", shares, at=at))
    axes = Axes(
        title=said("decide.curve", count=COUNT),
        unit="1",
        below=said("axis.log_snr.short"),
        marks=LEVELS,
    )
    told = [
        said("decide.done", done=len(found), total=total, count=COUNT),
        *settled(request, found),
    ]
    name = saying(said("decide.title"), "aria-label")
    return (
        f"{told_of(request, told)}"
        f'<div class="microscope decided-curve" role="region" tabindex="0"{name}>'
        f"<div>{chart(curves, axes)}</div></div>"
    )


def settled(request: SampleRequest, found: Sequence[Decided]) -> list[Say]:
    """From which frame on all endings are read as the same, of those that were looked at."""
    if not found[0].read:
        return [said("decide.unread")]
    apart = [i for i, each in enumerate(found) if each.most[1] < COUNT]
    if not apart:
        return [said("decide.always", reading=found[0].most[0])]
    after = [each for each in found[apart[-1] + 1 :] if each.frame < request.taken]
    return [said("decide.settled", share=after[0].share, step=after[0].frame + 1)] if after else []
