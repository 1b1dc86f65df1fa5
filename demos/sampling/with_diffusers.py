"""A run of the sampler as Python with diffusers alone, where that gives the same picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.models import load
from demos.exports.code import Cell, Code, Imports, called, literal
from demos.sampling.request import SampleRequest
from demos.words import Refusal, said

SHIPPED = "assets/"  # where the models lie whose pictures the tests compare
FAINT = 1e-6  # signal to noise, below which Heun's first step magnifies what is rounded
TIMESTEPS = 1000  # that both of them were trained with
FIRST_ORDER = {"ddim": 0.0, "euler": 0.0, "naive": 0.0, "ddpm": 1.0, "euler_ancestral": 1.0}
SOLVER = "DPMSolverMultistepScheduler"
SHEET = '''\
def sheet(images):
    """Pictures of one size side by side, nearly square."""
    columns = math.ceil(len(images) ** 0.5)
    width, height = images[0].size
    rows = math.ceil(len(images) / columns)
    whole = Image.new(images[0].mode, (columns * width, rows * height))
    for k, image in enumerate(images):
        whole.paste(image, (k % columns * width, k // columns * height))
    return whole'''
SHEET_IMPORTS: Imports = {"math": (), "PIL": ["Image"]}
PIPE_STRIP = """\
with torch.no_grad():
    shown = [pipe.vae.decode(x / pipe.vae.config.scaling_factor).sample for x in seen]
strip = sheet(pipe.image_processor.postprocess(torch.cat(shown)))"""
IMAGE: Imports = {"PIL": ["Image"]}
UNET_IMAGES = """\
def pictures(x):
    \"\"\"Pixels in [-1, 1] as grey pictures.\"\"\"
    levels = ((x / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return [Image.fromarray(each.numpy()) for each in levels[:, 0]]"""


@dataclass(frozen=True)
class Scheduler:
    """A scheduler of diffusers that takes the same steps.

    Attributes:
        name: its class.
        options: beside those of the model's own config.
        step: what its steps are told.
        draws: whether they draw noise.
        spaced: whether it has the spacing itself; else the timesteps are listed.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    step: dict[str, Any] = field(default_factory=dict)
    draws: bool = False
    spaced: bool = False


def diffusers_code(request: SampleRequest) -> Code:
    """The lines of a run; Refusal, one sentence, where diffusers has no such run."""
    card = request.card
    if card.denoiser == "empirical":
        raise Refusal("code.refused.exact", model=request.model)
    if card.condition == "none":
        raise Refusal("code.refused.network", model=request.model)
    if not card.source.startswith(SHIPPED):
        raise Refusal("code.refused.model", model=request.model)
    if request.classified:
        raise Refusal("code.refused.classifier")
    if request.start != 1:
        raise Refusal("code.refused.start")
    scheduler = scheduler_of(request)
    made = pipeline_cells if card.space == "latents" else network_cells
    return made(request, scheduler)


def scheduler_of(request: SampleRequest) -> Scheduler:
    """The scheduler that takes the steps that were asked for."""
    if request.sampler in FIRST_ORDER:
        return first_order(request)
    if request.clip_x0:
        raise Refusal("code.refused.clip")
    if request.sampler == "heun":
        if load(request.model).schedule.snr[-1] < FAINT:
            raise Refusal("code.refused.faint")
        return Scheduler("HeunDiscreteScheduler", spaced=request.spacing != "linspace")
    if request.sampler not in ("dpmpp_2m", "dpmpp_2m_sde"):
        raise Refusal("code.refused.sampler", sampler=request.sampler)
    eta = request.eta if request.eta is not None else float(request.adds_noise())
    return solver(request, eta, 2)


def first_order(request: SampleRequest) -> Scheduler:
    """DDIM with any eta; where its steps are uneven, the solver of order 1, which is the same."""
    if request.variance != "posterior" and request.adds_noise():
        raise Refusal("code.refused.variance")
    eta = FIRST_ORDER[request.sampler] if request.eta is None else request.eta
    even = request.spacing == "leading" or (
        request.spacing == "trailing" and TIMESTEPS % request.steps == 0
    )
    if not even:
        return solver(request, eta, 1)
    options = {"clip_sample": True} if request.clip_x0 else {}
    step = {"eta": eta} if eta else {}
    step |= {"use_clipped_model_output": True} if request.clip_x0 else {}
    return Scheduler("DDIMScheduler", options, step, draws=eta > 0, spaced=True)


def solver(request: SampleRequest, eta: float, order: int) -> Scheduler:
    """DPM-Solver++ of this order, whose noise is none, or all that there may be."""
    if request.clip_x0:
        raise Refusal("code.refused.clip")
    if eta not in (0, 1):
        raise Refusal("code.refused.eta", eta=eta)
    options: dict[str, Any] = {"solver_order": order}
    if eta:
        options = {"algorithm_type": "sde-dpmsolver++", **options}
    return Scheduler(SOLVER, options, {}, draws=eta > 0, spaced=request.spacing == "trailing")


def chosen(request: SampleRequest, scheduler: Scheduler, call: str) -> str:
    """The call that makes the scheduler from the model's own config."""
    options = dict(scheduler.options)
    if request.spacing != "trailing" and scheduler.spaced:
        options["timestep_spacing"] = request.spacing
    more = "".join(f", {name}={literal(value)}" for name, value in options.items())
    return f"{scheduler.name}.{call}{more})"


def listed(request: SampleRequest, scheduler: str) -> str:
    """The timesteps that a scheduler does not find itself, as an expression."""
    n = request.steps
    if request.spacing == "leading":
        first = f"i * {TIMESTEPS // n} + {scheduler}.config.steps_offset"
    else:
        first = f"round(i * {TIMESTEPS - 1} / {max(n - 1, 1)})"
    return f"[{first} for i in reversed(range({n}))]"


def generators(request: SampleRequest) -> str:
    """One generator per picture."""
    each = "torch.Generator().manual_seed"
    if request.batch == 1:
        return f"generators = [{each}({request.seed})]"
    seeds = f"range({request.seed}, {request.seed + request.batch})"
    return f"generators = [{each}(seed) for seed in {seeds}]"


# ---- a pipeline for what reads text -------------------------------------------------------------


def pipeline_cells(request: SampleRequest, scheduler: Scheduler) -> Code:
    """StableDiffusionPipeline with the scheduler."""
    if request.guidance < 1:
        raise Refusal("code.refused.guidance")
    own = chosen(request, scheduler, "from_config(pipe.scheduler.config")
    lines = [
        called("pipe = StableDiffusionPipeline.from_pretrained(", request.card.source),
        f"pipe.scheduler = {own}",
    ]
    imports = {"diffusers": ["StableDiffusionPipeline", scheduler.name]}
    made = Cell(said("code.cell.pipe"), "\n".join(lines), imports)
    lines = [generators(request), "seen = []", "", "", *KEEP]
    start = Cell(said("code.cell.generators"), "\n".join(lines), {"torch": ()})
    run = Cell(said("code.cell.pipe_steps"), "\n".join(call(request, scheduler)), {})
    return ended((made, start, run), request, PIPE_STRIP)


KEEP = (
    "def keep(pipe, step, t, values):",
    '    seen.append(values["latents"][:1])',
    "    return values",
)


def call(request: SampleRequest, scheduler: Scheduler) -> list[str]:
    """The call of the pipeline, one argument a line."""
    given: dict[str, str] = {}
    if request.avoided:
        given["negative_prompt"] = literal(request.avoided.strip())
    if scheduler.spaced:
        given["num_inference_steps"] = repr(request.steps)
    else:
        given["timesteps"] = listed(request, "pipe.scheduler")
    given["guidance_scale"] = repr(request.guidance)
    if request.batch > 1:
        given["num_images_per_prompt"] = repr(request.batch)
    given |= {name: repr(value) for name, value in scheduler.step.items()}
    given |= {"generator": "generators", "callback_on_step_end": "keep"}
    arguments = [f"    {name}={value}," for name, value in given.items()]
    return ["images = pipe(", f"    {literal(request.condition.strip())},", *arguments, ").images"]


# ---- a loop around the network for what is told a label -----------------------------------------


def network_cells(request: SampleRequest, scheduler: Scheduler) -> Code:
    """UNet2DModel and the scheduler in a loop."""
    folder = literal(request.card.source)
    own = chosen(request, scheduler, f'from_pretrained({folder}, subfolder="scheduler"')
    times = f"{request.steps}"
    if not scheduler.spaced:
        times = f"timesteps={listed(request, 'scheduler')}"
    lines = [
        f'unet = UNet2DModel.from_pretrained({folder}, subfolder="unet")',
        f"scheduler = {own}",
        f"scheduler.set_timesteps({times})",
    ]
    made = Cell(
        said("code.cell.unet"), "\n".join(lines), {"diffusers": ["UNet2DModel", scheduler.name]}
    )
    lines = [generators(request), *first(request, scheduler)]
    imports = {"torch": (), "diffusers.utils.torch_utils": ["randn_tensor"]}
    start = Cell(said("code.cell.generators"), "\n".join(lines), imports)
    run = Cell(said("code.cell.unet_steps"), "\n".join(loop(request, scheduler)), {})
    images = Cell(said("code.cell.pixels_of"), f"{UNET_IMAGES}\n\n\nimages = pictures(x)", IMAGE)
    return ended((made, start, run, images), request, "strip = sheet(pictures(torch.cat(seen)))")


def first(request: SampleRequest, scheduler: Scheduler) -> list[str]:
    """The first x, and the labels; 10 is the trained class "any digit"."""
    label = int(request.label) if request.label else 10
    shape = f"({request.batch}, 1, 28, 28)"
    lines = [f"x = randn_tensor({shape}, generator=generators)"]
    if scheduler.name.startswith("Heun"):  # it works on x / alpha
        lines.append("x = x * (scheduler.sigmas[0] ** 2 + 1) ** 0.5")
    lines.append(f"label = torch.full(({request.batch},), {label})")
    if request.guidance != 1:
        lines.append(f"no_label = torch.full(({request.batch},), 10)  # any digit")
    return lines


def loop(request: SampleRequest, scheduler: Scheduler) -> list[str]:
    """A network call, guidance, a step of the scheduler."""
    heun = scheduler.name.startswith("Heun")
    told = {name: repr(value) for name, value in scheduler.step.items()}
    told |= {"generator": "generators"} if scheduler.draws else {}
    more = "".join(f", {name}={value}" for name, value in told.items())
    own = "[:, :1]  # the rest is its variance" if request.card.variance else ""
    lines = [f"v = unet(x, t, class_labels=label).sample{own}"]
    if heun:
        lines = ["scaled = scheduler.scale_model_input(x, t)", lines[0].replace("x,", "scaled,")]
    if request.guidance != 1:
        other = lines[-1].replace("v =", "without =").replace("=label", "=no_label")
        lines += [other, f"v = without + {request.guidance!r} * (v - without)"]
    lines += [f"x = scheduler.step(v, t, x{more}).prev_sample", "seen.append(x[:1])"]
    inside = [f"        {line}" for line in lines]
    return ["seen = []", "with torch.no_grad():", "    for t in scheduler.timesteps:", *inside]


def ended(cells: tuple[Cell, ...], request: SampleRequest, strip: str) -> Code:
    """The code with its picture; those of a batch side by side."""
    if request.batch == 1:
        picture = Cell(said("code.cell.picture"), "picture = images[0]", {})
        strip = f"{SHEET}\n\n\n{strip}"
    else:
        source = f"{SHEET}\n\n\npicture = sheet(images)"
        picture = Cell(said("code.cell.picture"), source, SHEET_IMPORTS)
    notes = (said("code.note.diffusers"),)
    return Code((*cells, picture), strip, {"torch": (), **SHEET_IMPORTS}, notes)
