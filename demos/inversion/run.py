"""A picture is inverted and reconstructed, then its noise is sampled as something else."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from torch import Tensor

from core.images import from_pil, pixels_uri
from core.inversion import INVERSIONS, Inversion, difference_mask, start_index
from core.metrics import psnr, rms
from core.models import Model
from core.tapes import Frame, Tape
from demos.inversion import summary
from demos.inversion.panels import Show, panels_of
from demos.inversion.request import EditRequest, InvertRequest
from demos.inversion.session import Remembered, Session
from demos.pictures.masks import painted, tinted
from demos.pictures.prompts import doubts
from demos.pictures.sources import chosen, in_colour, sent_of
from demos.runs.asked import named_condition
from demos.runs.stream import Shown
from demos.runs.zero_gpu import loaded
from demos.views.numbers import level_axis
from demos.words import Refusal, said

REMEMBERED = Remembered(200_000_000)
Way = Generator[Shown, None, Session]
DOING = {"sdedit": ("sdedit.up", "sdedit.back")}  # in words, where nothing is inverted


def invert(request: InvertRequest, report: Callable[[str], None] | None = None) -> Way:
    """Carry a picture to noise and reconstruct it; returns what an edit starts from."""
    model = loaded(request.model, report=report)
    x0, pixels = taken(model, request)
    key = json.dumps(request.settings()), *(x.cpu().numpy().tobytes() for x in (x0, pixels))
    known = REMEMBERED.get(key)
    if known is not None:
        yield replace(known.tape, frames=[*known.tape.frames])
        return known
    session = yield from computed(model, request, x0, pixels)
    REMEMBERED.keep(key, session)
    return session


def taken(model: Model, request: InvertRequest) -> tuple[Tensor, Tensor]:
    """The clean latents to invert, and the pixels of the picture that they stand for."""
    source = request.source
    if source == "generated":
        x0 = generated(model, request.generated)
    elif model.card.space == "latents":
        image = in_colour(
            model, source, request.caption, request.picture, request.shown, request.photo
        )
        return model.encode([image]), from_pil(image, "RGB")
    else:
        picture = sent_of(request)
        where = {"digit": request.digit, "index": request.index, "library": request.shown}
        x0 = chosen(model, source, picture=picture, **where)
    return x0, model.pixels(x0).cpu()


def generated(model: Model, sent: Any) -> Tensor:
    """The clean latents that the sampler sent; Refusal for another model's."""
    if sent is None:
        raise Refusal("invert.refused.generated")
    name, x0 = sent
    if name != model.card.name:
        raise Refusal("invert.refused.other_model", model=name)
    return x0


def computed(model: Model, request: InvertRequest, x0: Tensor, pixels: Tensor) -> Way:
    """Stream the inversion and the reconstruction; returns what is remembered of them."""
    method = INVERSIONS[request.method]
    tape = Tape(
        request=request.settings(),
        title=request.title(),
        panels=panels_of(model, request.method),
        total=method.up(request.steps, request.invert_guidance) + request.steps + 2,
        axis=level_axis(model.schedule.levels(request.steps)),
        strip="up",
        event=request.event,
    )
    yield tape
    show = Show(model, x0, {"picture": pixels_uri(pixels)})
    start = model.pixels(x0).cpu()
    frames: list[Frame] = []
    both = there_and_back(request, show, start, pixels)
    inversion, ratio = yield from kept(both, frames)
    whole = settled(replace(tape, frames=frames))
    return Session(request, inversion, x0, start, pixels, show.off, ratio, whole)


def there_and_back(
    request: InvertRequest, show: Show, start: Tensor, pixels: Tensor
) -> Generator[Frame, None, tuple[Inversion, float]]:
    """The frames of both ways; returns the inversion and the PSNR of the reconstruction."""
    model, method, asked = show.model, INVERSIONS[request.method], request.condition
    show.doubts = doubts(request.model, asked) if model.card.condition == "text" else ()
    up, down = DOING.get(request.method, ("invert.up", "invert.back"))
    said_of = named_condition(model.card, asked)
    how = {"steps": request.steps, "seed": request.seed, "guidance": request.invert_guidance}
    climb = method.invert(model, show.x0, asked, **how)
    inversion = yield from show.streamed(climb, "up", up, said_of)
    end = inversion.trajectory[-1]
    text = summary.noise_text(model, end, request.method)
    yield show.rest({"up": (end, None)}, inversion.levels[-1], text)
    steps = method.edit(inversion, asked, strength=1.0)
    back = yield from show.streamed(steps, "back", down, said_of, inversion.trajectory)
    show.off.append(rms(back - show.x0))
    made = model.pixels(back).cpu()
    ratio = psnr(made, start)
    show.doubts = [*show.doubts, *summary.broken(request, ratio)]
    text = summary.compared(made, start, pixels, request.method)
    yield show.rest({"back": (back, made)}, inversion.levels[0], text)
    return inversion, ratio


def kept(run: Generator[Frame, None, Any], frames: list[Frame]) -> Generator[Frame, None, Any]:
    """The frames of a run, which are kept; returns what the run returns."""
    while True:
        try:
            frame = next(run)
        except StopIteration as stop:
            return stop.value
        frames.append(frame)
        yield frame


def settled(tape: Tape) -> Tape:
    """The tape with its pictures made: what they were made of is let go."""
    frames = [
        replace(each, pictures={k: p() if callable(p) else p for k, p in each.pictures.items()})
        for each in tape.frames
    ]
    return replace(tape, frames=frames)


def edit(request: EditRequest) -> Way:
    """Sample the inverted noise again as something else, SDEdit beside it; streams both."""
    session: Session = request.session
    inversion, before = session.inversion, session.tape
    model, asked = inversion.model, request.condition
    mask = mask_of(request)
    steps = len(inversion.levels) - 1
    start = start_index(request.strength, steps)
    yield replace(
        before,
        request={**before.request, **request.settings()},
        title=request.title(),
        total=len(before.frames) + start + 1,
        strip="edit",
        event=request.event,
        frames=[*before.frames],
    )
    last = before.frames[-1].pictures
    show = Show(model, session.x0, {key: last[key] for key in ("picture", "up", "back")})
    if mask is not None:
        show.pictures["picture"] = pixels_uri(tinted(session.pixels, mask))
    show.known = {"reconstruction": session.back}
    texts = (asked, request.avoided) if model.card.condition == "text" else ()
    show.doubts = [*doubts(model.card.name, *texts)] if texts else []
    show.doubts += summary.broken(session.request, session.back)
    doing = said("edit.doing", asked=named_condition(model.card, asked), start=start, steps=steps)
    ends = yield from show.pairs(both(request, mask), doing)
    made = [model.pixels(end).cpu() for end in ends]
    panels = zip(("edit", "random"), zip(ends, made, strict=True), strict=True)
    yield show.rest(dict(panels), inversion.levels[0], edited(request, made, mask))
    return replace(session, edited=made[0])


def mask_of(request: EditRequest) -> Tensor | None:
    """Where an edit may change the latents; None is everywhere."""
    session = request.session
    if request.mask == "drawn":
        return painted(request.painted, session.x0)
    if request.mask == "automatic":
        inversion = session.inversion
        return difference_mask(inversion.model, session.x0, inversion.prompt, request.condition)
    return None


def both(request: EditRequest, mask: Tensor | None):
    """The steps of the edit and of SDEdit from the same level, in pairs."""
    session: Session = request.session
    inversion, x0 = session.inversion, session.x0
    steps, seed = len(inversion.levels) - 1, request.sdedit_seed
    random = INVERSIONS["sdedit"].invert(inversion.model, x0, steps=steps, seed=seed)
    noised = replace(inversion, trajectory=[x0, *(step.x_next for step in random)])
    how = {"negative": request.avoided, "guidance": request.guidance}
    how |= {"strength": request.strength, "mask": mask}
    return zip(
        INVERSIONS[inversion.method].edit(inversion, request.condition, **how),
        INVERSIONS["sdedit"].edit(noised, request.condition, **how),
        strict=True,
    )


def edited(request: EditRequest, made: list[Tensor], mask: Tensor | None) -> list[Any]:
    """What has become of the picture, and of SDEdit's."""
    session: Session = request.session
    model, asked = session.inversion.model, request.condition
    same = asked == session.inversion.prompt
    key = "edit.same" if same else "edit.done"
    return [
        said(key, asked=named_condition(model.card, asked)),
        summary.kept(made, session.start, session.pixels),
        *summary.unasked(request, made, mask),
        *summary.both_starts(request, psnr(made[0], session.start)),
        *([] if session.photographed else summary.read(model, made[0], asked, same)),
        *summary.masked(mask),
    ]
