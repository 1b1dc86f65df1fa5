"""Many small runs from one seed: eta by steps, and all samplers at an equal number of calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from html import escape
from typing import NamedTuple

from torch import Tensor

from core.images import pixels_uri
from core.paths import ROOT
from core.samplers import Step
from core.tapes import Say
from demos.runs.asked import guidance_title, named_condition
from demos.runs.links import query
from demos.runs.zero_gpu import on_gpu, reached
from demos.sampling.panels import PANELS, ladder
from demos.sampling.request import ALL_SAMPLERS, OWN, SampleRequest
from demos.sampling.run import steps
from demos.views.html import saying, spoken
from demos.words import Refusal, said

# The rows of Song et al. 2021, table 1, https://arxiv.org/abs/2010.02502: eta, and the large
# variance of DDPM, sigma-hat. By the names of the measured figures.
NOISES = {
    "eta 0": {"eta": 0.0},
    "eta 0.2": {"eta": 0.2},
    "eta 0.5": {"eta": 0.5},
    "eta 1": {"eta": 1.0},
    "sigma-hat": {"eta": None, "variance": "beta"},
}
STEPS = (5, 10, 20, 50, 100, 1000)
FEW = 20  # steps that are enough without fresh noise
FINE = 250  # steps of Heun's method that stand for the exact solution


class Made(NamedTuple):
    """A finished picture.

    Attributes:
        run: the index of its run.
        pixels: (1, 1 or 3, H, W) in [0, 1].
        calls: network calls that it took.
    """

    run: int
    pixels: Tensor
    calls: int

    def apart(self, other: Made) -> float:
        """Root mean square of the difference."""
        return (self.pixels - other.pixels).square().mean().sqrt().item()


@on_gpu(lambda requests: 20 + sum(each.calls for each in requests) // 50)
def made(requests: Sequence[SampleRequest]) -> Iterator[Made | None]:
    """The picture of each run, one after the other; None while one is at work."""
    model = reached(requests[0].model)
    for index, request in enumerate(requests):
        levels, seen = ladder(model, request), PANELS[request.show](model, request)
        last: Step | None = None
        for step in steps(request, model, seen, levels):
            last = step
            yield None
        if last is not None:
            pixels = model.pixels(last.x_next).float().cpu()
            yield Made(index, pixels, last.calls * seen.denoise.cost)


def alike(request: SampleRequest, **settings: object) -> SampleRequest:
    """The run on the stage with other settings, and one picture; Refusal if it cannot be."""
    plain = {"sampler": "ddim", "eta": None, "variance": "posterior"}
    kept = request.settings() | plain | {"batch": 1, "show": "prediction"}
    return SampleRequest.of(**(kept | settings))


# ------------------------------------------------------------------ eta by steps
def eta_runs(request: SampleRequest) -> list[SampleRequest]:
    """The runs of the table, column by column: the short ones first."""
    return [alike(request, steps=count, **noise) for count in STEPS for noise in NOISES.values()]


def eta_table(requests: Sequence[SampleRequest], found: Sequence[Made]) -> str:
    """The pictures so far as HTML, with the measured distance to real ones where there is one."""
    figures = frechet(requests[0])
    told = [said("multiples.eta.done", done=len(found), total=len(requests))]
    told += moved(found)
    if figures:
        told.append(said("multiples.frechet", floor=figures["floor"]))
    heads = "".join(f'<th scope="col">{count}</th>' for count in STEPS)
    rows = ""
    for row, name in enumerate(NOISES):
        cells = ""
        for column, count in enumerate(STEPS):
            index = column * len(NOISES) + row
            figure = figures.get(f"{name}, S {count}")
            below = "" if figure is None else f"<span>{figure:.2f}</span>"
            cells += f"<td>{picture(requests, found, index)}{below}</td>"
        rows += f"<tr>{spoken(said(f'multiples.{name}'), 'th', scope='row')}{cells}</tr>"
    corner = spoken(said("multiples.corner"), "th", scope="col")
    table = f"<table><thead><tr>{corner}{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return report(requests[0], told, table)


def moved(found: Sequence[Made]) -> list[Say]:
    """How far the picture moves from few steps to the most, in the first row and the last."""
    few, most = STEPS.index(FEW) * len(NOISES), (len(STEPS) - 1) * len(NOISES)
    if len(found) <= most + len(NOISES) - 1:
        return []
    first, last = (found[few + row].apart(found[most + row]) for row in (0, len(NOISES) - 1))
    return [said("multiples.moved", few=FEW, most=STEPS[-1], first=first, last=last)]


def frechet(request: SampleRequest) -> dict[str, float]:
    """The Frechet distances that were measured for a model with its own schedule."""
    path = ROOT / "assets/models" / request.model / "figures.json"
    usual = request.schedule == OWN and request.spacing == "trailing" and not request.clip_x0
    usual = usual and request.start == 1
    known = measured(str(path)) if usual and path.exists() else {}
    return known if "eta 0, S 5" in known else {}


@cache
def measured(path: str) -> dict[str, float]:
    """The figures in a file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


# ------------------------------------------------------------------ all samplers
def race_runs(request: SampleRequest) -> list[SampleRequest]:
    """A fine run that stands for the exact solution, then each sampler with the same calls."""
    budget = request.steps * request.solver.calls_per_step
    runs = [alike(request, sampler="heun", steps=FINE)]
    for name, sampler in ALL_SAMPLERS.items():
        try:
            count = max(1, budget // sampler.calls_per_step)
            runs.append(alike(request, sampler=name, steps=count))
        except Refusal:  # it draws noise, and the model has learned another kind
            continue
    return runs


def race(requests: Sequence[SampleRequest], found: Sequence[Made]) -> str:
    """The pictures so far as HTML: what follows the equation by its distance, then what draws."""
    told: list[Say] = [said("multiples.race.done", done=len(found), total=len(requests))]
    if not found:
        return report(requests[0], told, "")
    exact, entered = found[0], found[1:]
    follows = [each for each in entered if not requests[each.run].adds_noise()]
    follows.sort(key=lambda each: each.apart(exact))
    draws = [each for each in entered if requests[each.run].adds_noise()]
    cells = [(exact, said("multiples.exact", steps=FINE))]
    cells += [(each, said("multiples.apart", rms=each.apart(exact))) for each in follows]
    cells += [(each, said("multiples.draws")) for each in draws]
    figures = ""
    for cell, say in cells:
        asked = requests[cell.run]
        about = said(
            "multiples.budget", sampler=asked.sampler, steps=asked.steps, calls=cell.calls
        )
        caption = f"<figcaption>{spoken(about, 'strong')}{spoken(say)}</figcaption>"
        figures += f"<figure>{picture(requests, found, cell.run)}{caption}</figure>"
    return report(requests[0], told, f'<div class="race">{figures}</div>')


# ------------------------------------------------------------------ as HTML
def picture(requests: Sequence[SampleRequest], found: Sequence[Made], index: int) -> str:
    """A finished picture, which opens its run on the stage; a blank one before."""
    cell = next((each for each in found if each.run == index), None)
    if cell is None:
        return '<i class="blank"></i>'
    asked = requests[index]
    href = escape(f"?{query(asked.event, (SampleRequest,), asked.settings())}")
    alt = saying(asked.title(), "alt")
    return f'<a class="run-link" href="{href}"><img src="{pixels_uri(cell.pixels)}"{alt}></a>'


def report(request: SampleRequest, told: list[Say], content: str) -> str:
    """What is said of the runs, and their pictures, which scroll on a phone."""
    asked = named_condition(request.card, request.condition)
    shown = said("multiples.of", model=request.model, asked=asked, seed=request.seed)
    shown = [shown, guidance_title(request.card, request.guidance)]
    name = saying(said("multiples.title"), "aria-label")
    return (
        f"<p>{spoken(shown, 'strong')}</p><p>{spoken(told)}</p>"
        f'<div class="multiples" role="region" tabindex="0"{name}>{content}</div>'
    )


class Many(NamedTuple):
    """Runs like the one on the stage.

    Attributes:
        runs: which, from the run on the stage.
        shown: what is shown of those that were made, as HTML.
    """

    runs: Callable[[SampleRequest], list[SampleRequest]]
    shown: Callable[[Sequence[SampleRequest], Sequence[Made]], str]


MANY = {"eta": Many(eta_runs, eta_table), "race": Many(race_runs, race)}
