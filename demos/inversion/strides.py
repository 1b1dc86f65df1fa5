"""Frame 20 of 50 is not a 20-step run: both runs from one noise, aligned by the noise level."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from torch import Tensor

from core.images import BLANK, pixels_uri
from core.metrics import psnr
from core.models import Model
from core.noise import seeded
from core.samplers import SAMPLERS, Step
from core.schedules import Level
from core.tapes import Frame, Panel, Say, Tape
from demos.inversion.request import InvertRequest, StridesRequest
from demos.inversion.run import invert
from demos.inversion.session import Session
from demos.runs.stream import Shown, completed
from demos.runs.zero_gpu import loaded
from demos.views.numbers import level_axis, noise_power, of_level, place
from demos.words import said

LONG, SHORT, DIGIT = 50, 20, 4
# The inversion that the lesson starts from: what the controls show while it is on the stage. The
# source comes before the model, which looks at it.
STRIDES = {
    "source": "test digit",
    "model": "digits",
    "digit": DIGIT,
    "index": 0,
    "label": str(DIGIT),
    "method": "ddim",
    "steps": LONG,
    "seed": 0,
    "invert_guidance": 1.0,
}
PANELS = (
    Panel("picture", "x₀", said("panel.picture"), phone=False),
    Panel("many", "xₜ ↓", said("panel.run_of", steps=LONG), "signal"),
    Panel("kept", f"x, {SHORT}/{LONG}", said("panel.kept", frame=SHORT, steps=LONG), "noise"),
    Panel("few", "xₜ ↓", said("panel.run_of", steps=SHORT), "first"),
)


def strides() -> Generator[Shown, None, Session]:
    """Invert a digit, then sample its noise in 50 and in 20 steps, side by side.

    It returns the inversion, which can be measured, edited and compared as any other.
    """
    request = InvertRequest.of(**STRIDES)
    model = loaded(request.model)
    ladders = {count: model.schedule.levels(count) for count in (LONG, SHORT)}
    yield Tape(
        request=StridesRequest.of(**STRIDES).settings(),
        title=said("strides.title", digit=DIGIT, long=LONG, short=SHORT),
        panels=PANELS,
        total=LONG + SHORT + 1,
        axis=level_axis(ladders[SHORT]),
        strip="many",
        event="strides",
    )
    session = completed(invert(request))
    x0, noise = session.x0, session.inversion.trajectory[-1]
    denoise = model.denoiser(request.condition)
    runs = {
        count: SAMPLERS["ddim"](denoise, noise, levels, noise=seeded(0, 1))
        for count, levels in ladders.items()
    }
    seen = {"picture": x0}
    for count, step in merged(runs):
        panel = "many" if count == LONG else "few"
        seen[panel] = step.x
        if count == LONG and step.index == SHORT:
            seen["kept"] = step.x
        share = noise_power(step.level, x0)
        say = said("strides.step", steps=count, step=step.index, share=share)
        yield frame(model, seen, say, step.level)
        seen[panel] = step.x_next
    final = model.schedule.final
    say = conclusion(model, seen, noise_power(ladders[LONG][SHORT], x0))
    yield frame(model, seen, say, final)
    return session


def frame(model: Model, seen: dict[str, Tensor], say: Say, level: Level) -> Frame:
    """What both runs show at a level."""
    return Frame(
        pictures=pictures(model, seen), say=say, pos=place(level), numbers=of_level(level)
    )


def pictures(model: Model, seen: dict[str, Tensor]) -> dict[str, str]:
    """The pictures of all panels; those without one yet are blank."""
    made = {key: pixels_uri(model.pixels(x)) for key, x in seen.items()}
    return {panel.key: made.get(panel.key, BLANK) for panel in PANELS}


def merged(runs: dict[int, Iterator[Step]]) -> Iterator[tuple[int, Step]]:
    """The steps of several runs, the noisier first."""
    waiting = {count: next(run) for count, run in runs.items()}
    while waiting:
        count = min(waiting, key=lambda each: waiting[each].level.log_snr)
        yield count, waiting[count]
        following = next(runs[count], None)
        if following is None:
            del waiting[count]
        else:
            waiting[count] = following


def conclusion(model: Model, seen: dict[str, Tensor], share: float) -> Say:
    """What the two runs and the kept frame have come to."""
    pixels = {key: model.pixels(x) for key, x in seen.items()}
    quality = {key: psnr(each, pixels["picture"]) for key, each in pixels.items()}
    values = {key: quality[key] for key in ("many", "kept", "few")}
    return said("strides.end", frame=SHORT, long=LONG, short=SHORT, share=share, **values)
