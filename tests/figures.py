"""Regenerate what the page opens with and the pictures of the README: `make figures`.

    tapes    the runs in assets/tapes, recorded with the functions that the page itself calls
    library  assets/images/library: the source pictures that models sampled, from library.json
    sheet    assets/images/emoji.png: 64 uncurated pictures of the first prompts of the benchmark,
             each beside the real picture
    icon     assets/ui/favicon.png: a test digit, half of it noised
    screens  screenshots of all tabs in Chromium, and assets/ui/preview.png, which a chat shows
             beside a link (skipped, and said so, without it)
    scenes   screenshots of what one does with runs, a comparison first: desktop, Chinese, phone

`python -m tests.figures sheet` makes one of them.
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from core import assets
from core.images import grid, to_pil
from core.models import load
from core.samplers import SAMPLERS, seeded
from core.tape_files import save
from core.tapes import Frame, Tape
from demos.experiments.request import ExperimentRequest
from demos.experiments.run import run as experiment
from demos.forward.request import NoiseRequest
from demos.forward.run import run as noise
from demos.inversion import microscope
from demos.inversion.request import EditRequest, InvertRequest
from demos.inversion.run import edit, invert
from demos.inversion.summary import level_picture
from demos.pictures.library import FOLDER, Sampled
from demos.pictures.library import library as pictures
from demos.pictures.sources import test_digit
from demos.sampling.request import SampleRequest
from demos.sampling.run import run as sample
from demos.training.data import name_of
from demos.training.request import TrainRequest
from demos.training.run import run as train
from demos.ui.player import UI
from demos.ui.recorded import TAPES
from tests.benchmarks.quality_emoji import generated, real
from tests.benchmarks.quality_emoji import scenes as compositions
from tests.e2e.conftest import FLAGS
from tests.server import running

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

IMAGES = Path(__file__).parent.parent / "assets" / "images"
VIEWS = (("", "en", 1366, 768), ("-zh", "zh", 1366, 768), ("-phone", "en", 390, 844))
SHOTS = {"schedule": "Schedule", "noise": "Noise", "sample": "Sample", "invert": "Invert & edit"}


def recorded(run: Iterator[Tape | Frame | None]) -> tuple[Tape, Any]:
    """The last tape of a run with its frames, and what the run returns."""
    tape = None
    while True:
        try:
            shown = next(run)
        except StopIteration as stop:
            if tape is None:
                raise ValueError("the run has no tape") from stop
            return tape, stop.value
        if isinstance(shown, Tape):
            tape = shown
        elif tape is not None and shown is not None:
            tape.frames.append(shown)


def tapes() -> None:
    """The finished runs that the tabs open with, at the settings that the controls show."""
    TAPES.mkdir(parents=True, exist_ok=True)
    first, _ = recorded(sample(SampleRequest.of()))
    save(first, TAPES / "sample.stepwise")
    first, _ = recorded(noise(NoiseRequest.of()))
    save(first, TAPES / "noise.stepwise")
    first, _ = recorded(experiment(ExperimentRequest.of()))
    save(first, TAPES / "experiment.stepwise")
    asked = TrainRequest.of()
    first, _ = recorded(train(asked, name_of(asked)))
    save(first, TAPES / "train.stepwise")
    _, session = recorded(invert(InvertRequest.of()))
    both, _ = recorded(edit(EditRequest.of(session)))
    save(both, TAPES / "inversion.stepwise")
    strength = EditRequest.defaults()["strength"]
    for name, page in (
        ("microscope", microscope.report(session)),
        ("start", level_picture(session, strength)),
    ):
        (TAPES / f"{name}.html").write_text(page + "\n", encoding="utf-8")


def photographed(
    screens: dict[str, Any], take: Callable[[Page, str], None], size: ViewportSize
) -> None:
    """A fresh page of a fresh start for each screen, of which pictures are taken."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no chromium on this machine: no screenshots were taken")
        return
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(parents=True, exist_ok=True)
    with running() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name in screens:
            page = browser.new_page(viewport=size, reduced_motion="reduce")
            page.goto(address, wait_until="domcontentloaded")
            page.wait_for_selector(".player:visible .panel img:visible")
            take(page, name)
            page.close()
        browser.close()


def screens() -> None:
    """Screenshots of the tabs as they open."""
    photographed(SHOTS, opening, {"width": 1440, "height": 900})


def opening(page: Page, name: str) -> None:
    """A tab as it opens, and what a chat shows of the first."""
    page.get_by_role("tab", name=SHOTS[name], exact=True).last.click()
    page.wait_for_timeout(3000)
    lean(page.screenshot(), IMAGES / f"{name}.png")
    if name == "sample":
        page.set_viewport_size({"width": 1200, "height": 630})  # what chats show
        page.wait_for_timeout(1000)
        lean(page.screenshot(), UI / "preview.png")


def scenes() -> None:
    """Screenshots of what one does with runs: desktop, Chinese, phone."""
    photographed(SCENES, scene, {"width": 1366, "height": 768})


def scene(page: Page, name: str) -> None:
    """One of them, in each view."""
    shown = SCENES[name](page)
    for ending, language, width, height in VIEWS:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("(language) => stepwise.words.choose(language)", language)
        page.wait_for_timeout(1000)
        page.locator(shown).evaluate("(each) => each.scrollIntoView()")
        lean(page.screenshot(), IMAGES / f"{name}{ending}.png")


def lean(screenshot: bytes, path: Path) -> None:
    """Save a screenshot in 128 colours, a third of the bytes."""
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    image.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def half_way(page: Page) -> None:
    """A frame in the middle, with the focus nowhere."""
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Home")
    for _ in range(31):
        page.keyboard.press("ArrowRight")


def compared(page: Page) -> str:
    """Two samplers from the same noise."""
    page.get_by_role("button", name="DDIM and DDPM", exact=True).click()
    page.wait_for_selector(".player[data-compared][data-status=done]:visible")
    half_way(page)
    return ".player:visible"


def plotted(page: Page) -> str:
    """The curves of a run over its timeline."""
    page.get_by_role("button", name="Plots", exact=True).locator("visible=true").click()
    half_way(page)
    return ".player:visible .plots"


def stepped(page: Page) -> str:
    """A step taken apart: the guess, the direction back, the fresh noise."""
    page.get_by_role("button", name="into a step", exact=True).click()
    page.wait_for_selector(".player[data-status=done]:visible")
    half_way(page)
    return ".player:visible"


def branched(page: Page) -> str:
    """The endings of an early frame."""
    half_way(page)
    page.get_by_role("button", name="When is it decided?").click()
    page.get_by_role("button", name="From this frame: 16 endings").click()
    page.wait_for_selector(".decided img")
    return ".closer:has(.decided)"


def raced(page: Page) -> str:
    """All samplers with the same number of network calls."""
    page.get_by_label("Steps").and_(page.locator("input[type=number]:visible")).first.fill("12")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Run", exact=True).locator("visible=true").click()
    page.wait_for_selector(".player[data-status=done]:visible:has-text('of 13')")
    page.get_by_role("button", name="Many runs at once").click()
    page.get_by_role(
        "button", name="All samplers, same number of network calls", exact=True
    ).click()
    page.wait_for_function("() => document.querySelectorAll('.race img').length === 14")
    return ".multiples"


def tabled(page: Page) -> str:
    """Runs of one seed with all kinds of noise and numbers of steps; all but the longest ones."""
    page.get_by_role("button", name="Many runs at once").click()
    page.get_by_role("button", name="η × steps: 30 runs").click()
    page.wait_for_function(
        "() => document.querySelectorAll('.multiples img').length >= 25", timeout=120_000
    )
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").first.click()
    return ".multiples"


def returned(page: Page) -> str:
    """A photograph, from z_T and from step 20."""
    page.get_by_role("tab", name="Invert & edit", exact=True).last.click()
    page.get_by_role("button", name="noise or step 20", exact=True).click()
    page.wait_for_selector(".player[data-status=done]:visible", timeout=120_000)
    return ".player:visible"


def penned(page: Page) -> str:
    """A schedule of one's own, as it opens."""
    page.get_by_role("tab", name="Schedule", exact=True).last.click()
    page.get_by_label("First schedule").first.click()
    page.get_by_role("option", name="your drawing").click()
    page.wait_for_selector(".drawing-point:visible")
    return ".chart:visible"


def filmed(page: Page) -> str:
    """What a film, a sheet and a table are made with."""
    page.locator(".player:visible .menu summary").click()
    page.get_by_role("button", name="Film, sheet, table…").locator("visible=true").click()
    return "dialog[open]"


def scanned(page: Page) -> str:
    """The code of a link, for the wall."""
    page.locator(".player:visible .menu summary").click()
    page.get_by_role("button", name="QR code", exact=True).locator("visible=true").click()
    page.wait_for_selector(".share-code img")
    return "dialog[open]"


SCENES = {
    "compare": compared,
    "plots": plotted,
    "step": stepped,
    "decided": branched,
    "race": raced,
    "table": tabled,
    "photograph": returned,
    "drawing": penned,
    "film": filmed,
    "code": scanned,
}


def drawn(asked: Sampled) -> Image.Image:
    """A picture of the library, sampled again."""
    model = load(asked.model, device="cpu")
    levels = model.schedule.levels(asked.steps)
    denoise = model.denoiser(asked.prompt, guidance=asked.guidance)
    *_, end = SAMPLERS["ddim"](denoise, model.start(seeded(asked.seed, 1), levels[0]), levels)
    return model.decode(end.x_next)[0]


def library() -> None:
    """The pictures of the library: another one is one more line in library.json."""
    for each in pictures():
        drawn(each).save(FOLDER / each.file, optimize=True)


def sheet() -> None:
    """64 pairs, 8 in a row: a real picture, and the emoji model's for the same caption.

    30 DDIM steps at guidance 3.
    """
    chosen = compositions(64, seed=21)
    drawn = generated([scene.caption() for scene in chosen])
    pairs = torch.cat([real(chosen, seed=21), drawn], dim=3)
    to_pil(grid(pairs)[None])[0].save(IMAGES / "emoji.png", optimize=True)


def icon() -> None:
    """A 2 of the test set: above the diagonal as x_t at noise of 90 % of the variance."""
    x0, model = test_digit(2, 0), load("digits", device="cpu")
    level = min(model.schedule.levels(1000), key=lambda each: abs(each.sigma**2 - 0.9))
    x_t = level.alpha * x0 + level.sigma * seeded(0, 1)(x0)
    above = torch.ones(x0.shape[-2:]).triu(1).fliplr() > 0
    picture = model.decode(torch.where(above, x_t, x0))[0]
    picture.resize((224, 224), Image.Resampling.NEAREST).save(UI / "favicon.png", optimize=True)


PARTS = {
    "tapes": tapes,
    "library": library,
    "sheet": sheet,
    "icon": icon,
    "screens": screens,
    "scenes": scenes,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"any of {', '.join(PARTS)}; default: all")
    for part in parser.parse_args().parts or PARTS:
        PARTS[part]()
    assets.write()
