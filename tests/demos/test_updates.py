"""A step taken apart on the sampler tab: its panels, its formula, what the plots draw."""

import math
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import cosine_similarity

from core.denoisers import Prediction
from core.metrics import power_spectrum, rms
from core.models import load
from core.noise import seeded
from core.samplers import SAMPLERS, Step
from core.schedules import CLEAN
from core.tape_files import load as opened
from core.tape_files import save
from core.tape_schema import SCHEMA
from core.tapes import Frame, Tape
from core.updates import apart
from demos.runs.archive import preview_uri
from demos.runs.stream import recorded
from demos.sampling.page import sample
from demos.sampling.panels.base import scale
from demos.sampling.request import ALL_SAMPLERS, SampleRequest
from demos.sampling.run import run as sampling
from demos.sampling.traces import predicted

STEPS = 6


def cosine(a, b):
    return float(cosine_similarity(a.flatten(1), b.flatten(1)).mean())


def run(**settings):
    *_, (message, _) = sample(steps=STEPS, show="update", **settings)
    return message


def steps_of(name="ddim", **options):
    """The steps behind a run of the digits as they are asked for by default."""
    model, noise = load("digits"), seeded(0, 1)
    levels = model.schedule.levels(STEPS)
    start = model.start(noise, levels[0])
    denoise = model.denoiser("7", guidance=2.0)
    return list(SAMPLERS[name](denoise, start, levels, noise=noise, **options))


@pytest.mark.parametrize(
    "settings, symbols",
    [
        ({}, ["xₜ", "a x̂₀", "+ b ε̂", "xₛ"]),
        ({"sampler": "ddpm"}, ["xₜ", "a x̂₀", "+ b ε̂", "+ c z", "xₛ"]),
        ({"eta": 0.5}, ["xₜ", "a x̂₀", "+ b ε̂", "+ c z", "xₛ"]),
        ({"sampler": "heun"}, ["xₜ", "a x̂₀", "+ b ε̂", "+ Δ", "xₛ"]),
        ({"sampler": "dpmpp_2m_sde"}, ["xₜ", "a x̂₀", "+ b ε̂", "+ c z", "+ Δ", "xₛ"]),
    ],
)
def test_there_is_a_panel_for_every_part(settings, symbols):
    message = run(**settings)
    assert [panel["symbol"] for panel in message["panels"]] == symbols
    assert all(panel["phone"] for panel in message["panels"]), "half a sum is none"
    assert message["panels"][message["strip"]]["symbol"] == "xₛ"
    for frame in message["frames"][:-1]:
        assert ("z" in frame["text"].split("xₛ")[1]) == ("+ c z" in symbols)
        assert ("RMS" in frame["text"]) == ("+ Δ" in symbols)


def test_the_pictures_and_the_formula_are_those_of_the_step():
    message, model = run(sampler="ddpm"), load("digits")
    for frame, step in zip(message["frames"], steps_of("ddpm"), strict=False):
        update, unit = apart(step), scale(step.next_level)
        assert frame["pictures"][1] == preview_uri(model, update.x0 / unit)
        assert frame["pictures"][4] == preview_uri(model, step.x_next / unit)
        [(_, values)] = [say for say in frame["say"] if say[0] == "sample.update.fresh"]
        assert [values[name] for name in ("x0", "eps", "fresh")] == pytest.approx(update.weights)
    assert message["frames"][-1]["text"] == (
        "Done: the picture after 6 steps, beside the parts that the last step was made of."
    )


def test_what_a_step_leads_to_is_what_the_next_one_starts_from():
    for settings in ({}, {"model": "exact", "guidance": 1.0, "schedule": "karras"}):
        frames = run(**settings)["frames"]
        for frame, after in pairwise(frames):
            assert frame["pictures"][-1] == after["pictures"][0]


def test_parts_of_a_step_that_grows_are_scaled_as_one():
    message = run(model="exact", guidance=1.0, schedule="karras", sampler="ddpm")
    titles = [panel["title"][0] for panel in message["panels"]]
    assert titles[0] == "panel.x_t.scaled" and titles[-1] == "panel.x_next.scaled"
    assert scale(load("exact").schedule.level(0)) == pytest.approx(1)


def test_latents_are_taken_apart_and_decoded_at_the_end():
    message = run(model="emoji", prompt="dog face")
    assert [frame["approx"] for frame in message["frames"]] == [[0, 1, 3]] * STEPS + [[]]


@pytest.mark.parametrize("name", ALL_SAMPLERS)
def test_every_sampler_can_be_taken_apart(name):
    message = run(model="exact", guidance=1.0, sampler=name)
    assert len(message["frames"]) == STEPS + 1
    ordered = ALL_SAMPLERS[name].order > 1
    assert any(panel["key"] == "correction" for panel in message["panels"]) == ordered


# ---- what the plots draw ------------------------------------------------------------------------


def test_traces_are_what_they_are_called():
    steps, message = steps_of(), run()
    for k, (frame, step) in enumerate(zip(message["frames"], steps, strict=False)):
        x0, eps = step.prediction.x0, step.prediction.eps
        wanted = {"x": rms(step.x), "x0": rms(x0), "eps": rms(eps), "floor": step.level.sigma**2}
        if k:
            then = steps[k - 1].prediction
            wanted |= {"cosine_x0": cosine(x0, then.x0), "distance_x0": rms(x0 - then.x0)}
            wanted |= {"cosine_eps": cosine(eps, then.eps), "distance_eps": rms(eps - then.eps)}
        lists = {"spectrum_x": step.x, "spectrum_x0": step.level.alpha * x0}
        traces = frame["traces"]
        assert set(traces) == {*wanted, *lists}
        assert {name: traces[name] for name in wanted} == pytest.approx(wanted, rel=1e-4)
        for name, x in lists.items():
            assert traces[name] == pytest.approx(power_spectrum(x), rel=6e-3)
    last = message["frames"][-1]["traces"]
    assert last["x"] == pytest.approx(rms(steps[-1].x_next), rel=1e-4) and last["floor"] == 0
    assert not {"x0", "cosine_x0"} & set(last), "the result is no prediction"


def test_other_ways_to_show_a_step_measure_no_spectrum():
    *_, (message, _) = sample(steps=3)
    for frame in message["frames"]:
        assert "x" in frame["traces"] and "spectrum_x" not in frame["traces"]


def test_uniform_noise_has_a_floor_of_a_third():
    message = run(model="basic", label="", guidance=1.0, sampler="naive")
    first = message["frames"][0]
    assert first["traces"]["floor"] == pytest.approx(first["numbers"]["sigma"] ** 2 / 3, rel=1e-3)
    assert first["traces"]["x"] == pytest.approx(math.sqrt(1 / 3), rel=0.1)


def test_the_size_of_x_is_the_one_that_the_plot_says_beside_it():
    """sqrt(alpha^2 E[x0^2] + sigma^2) with the finished picture, in 784 pixels to a tenth."""
    frames = run(sampler="ddpm")["frames"]
    power = frames[-1]["traces"]["x"] ** 2
    for frame in frames:
        wanted = math.sqrt(frame["numbers"]["alpha"] ** 2 * power + frame["traces"]["floor"])
        assert frame["traces"]["x"] == pytest.approx(wanted, rel=0.1)


def test_traces_are_kept_in_a_file(tmp_path):
    tape, *frames = sampling(SampleRequest.of(steps=3, show="update"))
    assert isinstance(tape, Tape)
    tape.frames.extend(frame for frame in frames if isinstance(frame, Frame))
    save(tape, tmp_path / "a.stepwise")
    again = recorded(opened(tmp_path / "a.stepwise"), "test")
    assert [frame["traces"] for frame in again["frames"]] == [
        tape.sent(i, frame)["traces"] for i, frame in enumerate(tape.frames)
    ]
    assert "traces" in SCHEMA["properties"]["frames"]["items"]["properties"]


def test_a_finished_run_opens_where_guess_and_direction_both_count():
    message, steps = run(), steps_of()
    least = [min(rms(apart(step).x0), rms(apart(step).eps)) for step in steps]
    assert message["start"] == least.index(max(least)) and 0 < message["start"] < STEPS - 1


def test_what_is_not_shown_is_not_said_to_be_clipped():
    *_, (shown, _) = sample(steps=STEPS, guidance=8.0)
    assert any(frame["doubts"] for frame in shown["frames"])
    assert not any(frame["doubts"] for frame in run(guidance=8.0)["frames"])


def test_cosine_and_distance_of_a_batch():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(3, 1, 5, 5, generator=generator) for _ in range(2))
    a[2] = b[2] * (1 + 1e-4)  # nearly the same: its cosine is 1, its distance small

    def step(x0, eps):
        return Step(0, CLEAN, CLEAN, a, a, Prediction(x0, eps), 1)

    found = predicted(step(a, -b), step(b, 2 * b))
    assert found["x0"] == pytest.approx(rms(a)) and found["eps"] == pytest.approx(rms(b))
    assert found["cosine_x0"] == pytest.approx(cosine(a, b), abs=1e-6)
    assert found["distance_x0"] == pytest.approx(rms(a - b))
    assert found["cosine_eps"] == pytest.approx(-1)
    assert found["distance_eps"] == pytest.approx(3 * rms(b))
    still = predicted(step(a, 0 * b), step(a, b))
    assert still["distance_x0"] == 0 and still["cosine_x0"] == pytest.approx(1)
    assert still["cosine_eps"] == 0, "zeros point nowhere"
