"""The recipes of CONTRIBUTING, each executed: what is added is there, and does what it says."""

from typing import Any

import pytest
import torch

from tests.documents import run, snippet


@pytest.fixture
def page():
    """The page of the app, not served."""
    import app

    return app.page()


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
        shared = Shared(tabs, gr.State(), gr.State(), gr.State())
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


def test_the_new_experiment_runs_to_its_end(monkeypatch):
    from demos import words
    from demos.experiments.kinds import KINDS
    from demos.experiments.request import ExperimentRequest
    from demos.experiments.run import run as experiment

    code, _ = snippet("CONTRIBUTING.md", "Add an experiment")
    name = {"experiment.kind.option.plain": "plain"}
    monkeypatch.setattr(words, "table", lambda language, known=words.table: known(language) | name)
    before = dict(KINDS)
    try:
        run(code)
        frames: Any
        tape: Any
        tape, *frames = experiment(ExperimentRequest.of(kind="plain", steps=3))
    finally:
        KINDS.clear()
        KINDS.update(before)
    assert len(frames) == tape.total == 4
    assert tape.request["label"] == "7" and words.sentence(tape.title).startswith("plain, digits")


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
