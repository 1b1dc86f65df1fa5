"""An experiment as Python, with `core` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.inversion import start_index
from core.mistakes import MISTAKES
from demos.experiments.kinds.digits import LEVELS, RUNGS
from demos.experiments.kinds.inpainting import JUMP
from demos.experiments.kinds.noises import ARC, TOGETHER
from demos.experiments.kinds.places import PAINTED
from demos.experiments.request import ExperimentRequest
from demos.exports.code import Cell, Code, Imports, Writer, asked, called, literal, start_cell
from demos.exports.pictures import MASK, notes_of, x0_cell
from demos.words import Refusal, said

STRIP = "strip = to_pil(grid(torch.cat([model.pixels(x[:1]) for x in seen]))[None])[0]"
STRIP_IMPORTS: Imports = {"torch": (), "core.images": ["grid", "to_pil"]}
SAMPLERS: Imports = {"core.samplers": ["SAMPLERS"]}
TORCH: Imports = {"torch": ()}
PART: Imports = {"core.masks": ["part"]}
END = "picture = model.decode(step.x_next)[0]"

Cells = tuple[Cell, ...]


def read(settings: Mapping[str, Any]) -> ExperimentRequest:
    """The request of the settings of a run."""
    return ExperimentRequest.of(**asked(settings, ExperimentRequest))


def core_code(request: ExperimentRequest) -> Code:
    """The lines of an experiment: its model and levels, what it starts from, its runs."""
    if request.kind not in CELLS:
        raise Refusal("code.refused.event")
    cells = (levels(request), *CELLS[request.kind](request))
    notes = notes_of(request) if request.asked("drawing") else ()
    if request.place == PAINTED and request.asked("place"):
        notes = (said("code.note.mask", file=MASK),)
    return Code(cells, STRIP, STRIP_IMPORTS, notes)


def levels(request: ExperimentRequest) -> Cell:
    """The model, and the levels from noisy to clean."""
    wrong = MISTAKES[request.bug].spacing if request.asked("bug") else "trailing"
    spacing = () if wrong == "trailing" else (wrong,)
    ladder = called("model.schedule.levels(", request.steps, *spacing)
    lines = [called("model = load(", request.model), f"levels = {ladder}  # noisy to clean"]
    return Cell(said("code.cell.levels"), "\n".join(lines), {"core.models": ["load"]})


def told(request: ExperimentRequest, condition: str) -> str:
    """The denoiser of a condition, guided as asked."""
    if not condition:
        return "model.denoiser()"
    guidance = None if request.guidance == 1 else request.guidance
    return called("model.denoiser(", condition, guidance=guidance)


def steps(lines: list[str], imports: Imports, end: str = END) -> Cells:
    """The runs, and the picture that stands on the stage at their end."""
    return (
        Cell(said("code.cell.steps"), "\n".join(lines), imports),
        Cell(said("code.cell.picture"), end, {}),
    )


def masked(request: ExperimentRequest) -> list[str]:
    """The line that makes a mask of the shape of x0: 1 in the part that is meant."""
    if request.place == PAINTED:
        return [f"mask = (opacity({literal(MASK)}, x0.shape[-2:]) > 0.5)[None].to(x0)  # yours"]
    return [f"mask = part({literal(request.place)}, *model.shape[1:])"]


def bugs(request: ExperimentRequest) -> Cells:
    """The run with the mistake."""
    case, given = MISTAKES[request.bug], "Given(denoise, x, levels, noise, model.schedule)"
    imports: Imports = {"core.mistakes": ["MISTAKES", "Given"]}
    first: Cells = (start_cell(request.seed),)
    lines = [f"denoise = {told(request, request.condition)}", "seen = []"]
    if case.inverts:
        up = "levels = [*reversed(levels), *levels[1:]]  # up to noise and down again"
        first = (x0_cell(request.card, request),)
        lines = ["x = x0", called("noise = model.draw(", request.seed), up]
        lines += [called("denoise = model.denoiser(", request.of_known), "seen = []"]
    lines += [
        f"for step in MISTAKES[{literal(request.bug)}].run({given}):",
        f"    seen.append({'step.x' if case.inverts else 'step.prediction.x0'})",
    ]
    return (*first, *steps(lines, imports))


def restoring(request: ExperimentRequest) -> Cells:
    """The many steps, from each level."""
    lines = [
        f"eps, denoise = {called('model.noise(', request.seed)}, model.denoiser()",
        "seen = []",
        f"for level in {called('model.schedule.levels(', LEVELS)}[-2::-1]:",
        "    x = level.alpha * x0 + level.sigma * eps",
        "    below = [each for each in levels if each.log_snr > level.log_snr]",
        '    *_, step = SAMPLERS["ddim"](denoise, x, [level, *below])',
        "    seen.append(step.x_next)",
    ]
    return (x0_cell(request.card, request), *steps(lines, SAMPLERS))


def ladder(request: ExperimentRequest) -> Cells:
    """The drawing from each start level."""
    starts = tuple(max(1, start_index(share, request.steps)) for share in RUNGS)
    lines = [
        f"eps = {called('model.noise(', request.seed)}",
        f"denoise = {told(request, request.condition)}",
        "seen = []",
        f"for count in {starts}:  # steps down",
        f"    below = levels[{request.steps} - count :]",
        "    x = below[0].alpha * x0 + below[0].sigma * eps",
        '    *_, step = SAMPLERS["ddim"](denoise, x, below)',
        "    seen.append(step.x_next)",
    ]
    return (x0_cell(request.card, request), *steps(lines, SAMPLERS))


def inpainting(request: ExperimentRequest) -> Cells:
    """The run that goes back up, ten levels at a time."""
    known = f"known=x0, mask=mask, noise=noise, jump={JUMP}, repeats={request.repeats}"
    lines = [
        *masked(request),
        f"denoise = {told(request, request.condition)}",
        "seen = []",
        f"for step in repaint(denoise, x, levels, {known}):",
        "    seen.append(step.prediction.x0)",
    ]
    imports: dict[str, Any] = {"core.repaint": ["repaint"]}
    imports |= {"core.images": ["opacity"]} if request.place == PAINTED else PART
    return (x0_cell(request.card, request), start_cell(request.seed), *steps(lines, imports))


def pair(name: str, more: Callable[[ExperimentRequest], str]) -> Callable:
    """A run with a denoiser made of two."""

    def cells(request: ExperimentRequest) -> Cells:
        lines = [
            f"first = {told(request, request.condition)}",
            f"second = {told(request, request.second)}",
            f"denoise = {name}({more(request)})",
            "seen = []",
            'for step in SAMPLERS["ddpm"](denoise, x, levels, noise=noise):',
            "    seen.append(step.prediction.x0)",
        ]
        imports = {**SAMPLERS, "core.compositions": [name]}
        return (start_cell(request.seed), *steps(lines, imports))

    return cells


def walk(request: ExperimentRequest) -> Cells:
    """A run of the noise of each place."""
    few, count = TOGETHER[request.card.space], request.count
    seeds = f"model.noise({request.seed}), model.noise({request.seed_two})"
    name = "slerp" if request.way == ARC else "circle"
    ways = f"[slerp(a, b, k / {count - 1}) for k in range({count})]"
    lines = [
        f"a, b = {seeds}",
        f"ways = {ways if request.way == ARC else f'circle(a, b, {count})'}",
        f"denoise = {told(request, request.condition)}",
        "seen = []",
        f"for few in torch.cat(ways).split({few}):",
        "    x = model.start(few.to, levels[0], len(few))",
        '    *_, step = SAMPLERS["ddim"](denoise, x, levels)',
        "    seen.extend(step.x_next.split(1))",
    ]
    imports: Imports = {**SAMPLERS, **TORCH, "core.walks": [name]}
    return steps(lines, imports, "picture = model.decode(seen[-1])[0]")


def poke(request: ExperimentRequest) -> Cells:
    """Both runs in one batch, the changed one last."""
    seeds = f"model.noise({request.seed}), model.noise({request.seed_two})"
    lines = [
        f"first, other = {seeds}",
        *masked(request),
        "both = torch.cat([first, poked(first, other, mask)])",
        "x = model.start(both.to, levels[0], 2)",
        f"denoise = {told(request, request.condition)}",
        "seen = []",
        'for step in SAMPLERS["ddim"](denoise, x, levels):',
        "    seen.append(step.prediction.x0[1:])",
    ]
    imports: Imports = {**SAMPLERS, **TORCH, **PART, "core.walks": ["poked"]}
    return steps(lines, imports, "picture = model.decode(step.x_next)[1]")


def best(request: ExperimentRequest) -> Cells:
    """All of them in one batch, and the one that the classifier is surest of."""
    lines = [
        f"denoise = {told(request, request.condition)}",
        "seen = []",
        'for step in SAMPLERS["ddim"](denoise, x, levels):',
        "    seen.append(step.prediction.x0)",
        f"chances = read_digits(model.displayable(step.x_next))[:, {request.label}]",
    ]
    imports: Imports = {**SAMPLERS, "core.classifiers": ["read_digits"]}
    end = "picture = model.decode(step.x_next)[int(chances.argmax())]"
    return (start_cell(request.seed, request.batch), *steps(lines, imports, end))


def autoguidance(request: ExperimentRequest) -> Cells:
    """All of them in one batch, pushed away from the bad version of the network."""
    condition = literal(request.condition)
    lines = [
        f"denoise = model.autoguided({condition}, {request.guidance!r})",
        "seen = []",
        'for step in SAMPLERS["ddim"](denoise, x, levels):',
        "    seen.append(step.prediction.x0)",
    ]
    return (start_cell(request.seed, request.batch), *steps(lines, SAMPLERS, END))


CELLS: dict[str, Callable[[ExperimentRequest], Cells]] = {
    "bugs": bugs,
    "restoring": restoring,
    "ladder": ladder,
    "inpainting": inpainting,
    "anagram": pair(
        "Anagram", lambda asked: f'(first, second), ("identity", {literal(asked.view)})'
    ),
    "hybrid": pair("Hybrid", lambda asked: f"first, second, {asked.spread!r}"),
    "walk": walk,
    "poke": poke,
    "best": best,
    "autoguidance": autoguidance,
}


def diffusers_code(request: ExperimentRequest) -> Code:
    """Refusal: diffusers has no such run."""
    raise Refusal("code.refused.experiment")


CODES = {ExperimentRequest.event: Writer(read, core_code, diffusers_code)}
