"""README and CONTRIBUTING say what is true: their snippets run, what they name exists."""

import importlib.metadata
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.server import running

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md")}
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
SERVER_MARK = "<!-- needs a running server -->\n"

FLOORS = {
    "gradio": "6.31",
    "diffusers": "0.42",
    "transformers": "5.3",
    "pillow": "12.3",
    "torch": "2.8",
}
SPACE_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def snippet(document, heading):
    """The Python snippet under a heading, and whether it is marked as needing a server."""
    text = DOCUMENTS[document]
    section = text[text.index(f"\n## {heading}\n") + 1 :]
    section = section[: end if (end := section.find("\n## ")) > 0 else None]
    found = re.findall(rf"({re.escape(SERVER_MARK)})?```python\n(.*?)```", section, re.DOTALL)
    assert len(found) == 1, f"{heading}: {len(found)} Python snippets"
    mark, code = found[0]
    assert len(code.splitlines()) <= 10, f"{heading}: more than ten lines"
    return code, bool(mark)


def run(code, **names):
    exec(compile(code, "snippet", "exec"), names)
    return names


def requirements(file):
    lines = (ROOT / file).read_text("utf-8").splitlines()
    kept = [line for line in lines if line and not line.startswith(("#", "-"))]
    return {requirement.name: requirement for requirement in map(Requirement, kept)}


@pytest.fixture
def page():
    """The page of the app, not served."""
    import app

    return app.page()


# ---- the recipes of CONTRIBUTING ----------------------------------------------------------------


def test_the_new_sampler_samples_the_exact_gaussian():
    from core.denoisers import Gaussian
    from core.samplers import SAMPLERS, seeded
    from core.schedules import SCHEDULES

    code, _ = snippet("CONTRIBUTING.md", "Add a sampler")
    before = dict(SAMPLERS)
    try:
        run(code)
        assert set(SAMPLERS) - set(before) == {"my_sampler"}
        sampler = SAMPLERS["my_sampler"]
    finally:
        SAMPLERS.clear()
        SAMPLERS.update(before)

    assert (sampler.order, sampler.calls_per_step, sampler.deterministic) == (1, 1, True)
    assert sampler.source

    noise = seeded(0, 1)
    levels = SCHEDULES["linear"]().levels(500)
    x = noise(torch.empty(1, 1, 64, 64, dtype=torch.float64))
    steps = list(sampler(Gaussian(mean=0.3, std=0.5), x, levels, noise=noise))
    assert [step.index for step in steps] == list(range(500))
    assert steps[-1].calls == 500
    assert steps[-1].next_level == levels[-1]
    # The flow maps N(0, 1) to N(0.3, 0.5^2) by an increasing line: x -> 0.3 + 0.5 x.
    torch.testing.assert_close(steps[-1].x_next, 0.3 + 0.5 * x, atol=0.02, rtol=0)


def test_the_new_schedule_gives_levels():
    from core.schedules import CLEAN, SCHEDULES

    code, _ = snippet("CONTRIBUTING.md", "Add a schedule")
    before = dict(SCHEDULES)
    try:
        run(code)
        assert set(SCHEDULES) - set(before) == {"my_schedule"}
        schedule = SCHEDULES["my_schedule"](timesteps=200)
    finally:
        SCHEDULES.clear()
        SCHEDULES.update(before)

    levels = schedule.levels(20)
    assert len(levels) == 21
    assert levels[-1] == CLEAN
    assert [level.t for level in levels] == sorted((level.t for level in levels), reverse=True)
    torch.testing.assert_close(schedule.alpha_bar + schedule.sigma**2, torch.ones(200).double())
    assert (schedule.log_snr.diff() < 0).all()


def test_the_new_inversion_method_inverts_and_edits():
    from core.inversion import INVERSIONS, finish
    from tests.core import gaussian, normal

    code, _ = snippet("CONTRIBUTING.md", "Add an inversion method")
    before = dict(INVERSIONS)
    try:
        run(code)
        method = INVERSIONS["blended"]
    finally:
        INVERSIONS.clear()
        INVERSIONS.update(before)

    x0 = 0.3 + 0.5 * normal(2, 1, 4, 4)
    errors = []
    for each in (method, before["ddim"]):
        inversion = finish(each.invert(gaussian(), x0, "0.3", steps=20))
        errors.append((finish(each.edit(inversion, "0.3")) - x0).abs().max())
    assert 0 < errors[0] < errors[1]


def test_the_new_model_samples_what_it_knows():
    from core.models import MODELS, load
    from core.models.base import CLASSES
    from core.samplers import SAMPLERS, seeded

    code, _ = snippet("CONTRIBUTING.md", "Add a model")
    models, classes = dict(MODELS), dict(CLASSES)
    try:
        run(code)
        (name,) = set(MODELS) - set(models)
        model = load(name, device="cpu")
    finally:
        MODELS.clear()
        MODELS.update(models)
        CLASSES.clear()
        CLASSES.update(classes)

    noise, levels = seeded(0, 4), model.schedule.levels(50)
    start = model.start(noise, levels[0], 4)
    *_, step = SAMPLERS["ddim"](model.denoiser(), start, levels, noise=noise)
    assert step.x_next.mean().item() == pytest.approx(-0.74, abs=0.05)
    assert step.x_next.std().item() == pytest.approx(0.62, abs=0.05)


def test_the_new_tab_builds_on_a_page():
    import gradio as gr

    from demos.ui.recorded import Shared

    code, _ = snippet("CONTRIBUTING.md", "Add a tab")
    tab = run(code)
    with gr.Blocks() as blocks, gr.Tabs() as tabs:
        shared = Shared(tabs, gr.State(), gr.State())
        with gr.Tab(tab["TITLE"]):
            tab["build"](shared)
    kinds = {type(block).__name__ for block in blocks.blocks.values()}
    assert {"Tab", "Dataframe"} <= kinds


def test_the_new_control_is_checked_and_described():
    code, _ = snippet("CONTRIBUTING.md", "Add a control")
    request = run(code)["BlurRequest"]
    assert request.of().steps == 3 and request.of(steps="5").steps == 5
    with pytest.raises(ValueError, match=r"must be a whole number in 1\.\.9, got 12\.$"):
        request.of(steps=12)
    assert [*request.read(show="none").closed()] == ["steps"]


def test_the_new_panels_show_every_step():
    from demos.sampling.panels import PANELS
    from demos.sampling.request import SampleRequest
    from demos.sampling.run import run as sample

    code, _ = snippet("CONTRIBUTING.md", "Add a way to show a step")
    before = dict(PANELS)
    try:
        run(code)
        frames: Any
        tape: Any
        tape, *frames = sample(SampleRequest.of(steps=2, show="the guess alone"))
    finally:
        PANELS.clear()
        PANELS.update(before)
    assert [panel.symbol for panel in tape.panels] == ["x̂₀"] and len(frames) == 3


def test_the_new_language_is_complete():
    from demos.words import table

    code, _ = snippet("CONTRIBUTING.md", "Add a language")
    made = run(code)["table_of"]("en")
    assert made == table("en")


def test_the_page_makes_no_calls_home_and_lets_the_machine_sleep(page):
    import gradio as gr

    from demos.ui.server.inside import Inside

    assert not page.analytics_enabled
    assert Inside(page).queue.sleep_when_free > gr.Blocks().queue()._queue.sleep_when_free


def test_every_tab_is_built_as_the_recipe_says(page):
    import demos

    assert all(tab.__name__.startswith("demos.") for tab in demos.TABS)
    titles = [block.label for block in page.blocks.values() if type(block).__name__ == "Tab"]
    assert [title.key for title in titles] == [tab.TITLE for tab in demos.TABS]


# ---- the snippets of README ---------------------------------------------------------------------


def test_the_library_snippet_samples_four_digits(capsys):
    code, needs_server = snippet("README.md", "The library")
    assert not needs_server
    images = run(code)["images"]
    assert len(images) == 4
    assert {image.size for image in images} == {(28, 28)}
    assert len(capsys.readouterr().out.splitlines()) == 20


def test_the_api_names_exist(page):
    endpoints = page.get_api_info()["named_endpoints"]
    assert {"/schedule", "/noise", "/sample", "/invert", "/edit"} <= set(endpoints)
    code, needs_server = snippet("README.md", "The API")
    assert needs_server
    called = re.findall(r"\.predict\((.*?)\)\n", code, re.DOTALL)
    assert called
    for arguments in called:
        names = re.findall(r"(\w+)=", arguments)
        (endpoint,) = re.findall(r'api_name="(/\w+)"', arguments)
        known = {parameter["parameter_name"] for parameter in endpoints[endpoint]["parameters"]}
        assert set(names) - {"api_name"} <= known


@pytest.mark.slow
def test_the_api_snippet_runs():
    code, _ = snippet("README.md", "The API")
    with running() as url:
        assert run(code.replace("http://127.0.0.1:7860", url))["run"]["frames"]


# ---- what the documents name --------------------------------------------------------------------


def test_front_matter_is_what_a_space_reads():
    _, front, _ = DOCUMENTS["README.md"].split("---\n", 2)
    keys = yaml.safe_load(front)
    assert keys["title"] == "Stepwise"
    assert keys["emoji"]
    assert {keys["colorFrom"], keys["colorTo"]} <= SPACE_COLOURS
    assert (keys["sdk"], keys["app_file"], keys["license"]) == ("gradio", "app.py", "apache-2.0")
    assert keys["python_version"] == "3.12"
    assert len(keys["short_description"]) <= 60
    assert (ROOT / keys["app_file"]).is_file()
    assert Version(keys["sdk_version"]) in requirements("requirements.txt")["gradio"].specifier


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_make_targets_exist(document):
    code = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", DOCUMENTS[document], re.DOTALL)
    named = {target for pair in code for target in re.findall(r"^make (\w+)", "".join(pair), re.M)}
    assert named
    assert named <= set(re.findall(r"^(\w+):", MAKEFILE, re.M))


@pytest.mark.parametrize("text", [*DOCUMENTS.values(), MAKEFILE], ids=[*DOCUMENTS, "Makefile"])
def test_named_modules_exist(text):
    modules = re.findall(r"python -m ((?:core|demos|tests)\b[\w.]*)", text)
    paths = [ROOT / module.replace(".", "/") for module in modules]
    files = [(path.with_suffix(".py"), path / "__main__.py") for path in paths]
    assert not [pair for pair in files if not any(file.is_file() for file in pair)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_files_exist(document):
    text = re.sub(r"```.*?```", "", DOCUMENTS[document], flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    named = re.findall(r"`((?:core|demos|tests|assets)/[\w./]*)`", text)
    assert not [path for path in {*links, *named} if not (ROOT / path).exists()]


@pytest.mark.parametrize("package", FLOORS)
def test_requirements_keep_their_floors(package):
    specifier = requirements("requirements.txt")[package].specifier
    floors = [Version(part.version) for part in specifier if part.operator == ">="]
    assert floors == [Version(FLOORS[package])]


def test_torch_is_bounded_above():
    assert Version("2.14") not in requirements("requirements.txt")["torch"].specifier
    assert Version("2.13.1") in requirements("requirements.txt")["torch"].specifier


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_installed_packages_meet_the_requirements(file):
    for package, requirement in requirements(file).items():
        assert Version(importlib.metadata.version(package)) in requirement.specifier, package


def test_python_versions_agree():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'requires-python = ">=3.11"' in text
    assert "(3, 11)" in MAKEFILE


def test_continuous_integration_runs_the_suite():
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text("utf-8")
