"""The sampler tab: what a run shows, what is decoded at rest, what goes together."""

import re

import pytest
import torch

from core.metrics import rms
from core.models import load
from core.noise import seeded
from core.samplers import SAMPLERS
from demos.pictures.prompts import never_seen
from demos.runs.archive import decoded_uri, preview_uri
from demos.sampling.page import hand_over, sample, what_if, what_if_still
from demos.sampling.panels import PANELS
from demos.sampling.panels.guidance import WONDER
from demos.sampling.panels.network import PALE, over_time, spread
from demos.sampling.presets import PRESETS
from demos.sampling.request import ALL_SAMPLERS, SampleRequest
from demos.ui.pictures import random_prompt
from demos.ui.runner import OPENS_WITH
from demos.views.numbers import noise_power
from demos.words import sentence
from tests.demos import refused

PROMPT = "dog face on a blue background"
SPLIT, CLASSIFIER, ATTENTION, UPDATE, NETWORK, VARIANCE = list(PANELS)[1:]


def run(**settings):
    *_, (message, archive) = sample(**settings)
    return message, archive


def emoji(**settings):
    return run(**{"model": "emoji", "prompt": PROMPT, "steps": 3, "guidance": 3.0, **settings})


def test_a_latent_run_streams_previews_and_ends_decoded():
    message, archive = emoji()
    assert [frame["approx"] for frame in message["frames"]] == [[0, 1]] * 3 + [[]]
    name, picture = archive.picture
    assert name == "emoji" and picture.shape == (1, 4, 16, 16)
    model = load("emoji")
    assert message["frames"][-1]["pictures"][0] == decoded_uri(model, picture)
    assert len(archive.latents) == 4 and archive.message is message


def test_the_pictures_are_those_of_the_sampler():
    message, archive = emoji()
    model, noise = load("emoji"), seeded(0, 1)
    levels = model.schedule.levels(3)
    denoise = model.denoiser(PROMPT, guidance=3.0)
    steps = list(SAMPLERS["ddim"](denoise, model.start(noise, levels[0]), levels, noise=noise))
    assert message["frames"][1]["pictures"][1] == preview_uri(model, steps[1].prediction.x0)
    torch.testing.assert_close(archive.picture[1], steps[-1].x_next)


def test_the_share_of_noise_is_that_of_the_power():
    """Of the digits E[x0^2] is far from 1, so sigma^2 alone would say too little."""
    message, _ = run(steps=20)
    model, noise = load("digits"), seeded(0, 1)
    levels = model.schedule.levels(20)
    denoise = model.denoiser("7", guidance=2.0)
    steps = list(SAMPLERS["ddim"](denoise, model.start(noise, levels[0]), levels, noise=noise))
    for frame, step in zip(message["frames"], steps, strict=False):
        x0, level = step.prediction.x0, step.level
        signal = (level.alpha * x0).square().mean().item()
        share = level.sigma**2 / (signal + level.sigma**2)
        assert frame["say"][0][1]["share"] == pytest.approx(share, abs=1e-6)


def test_uniform_noise_has_a_third_of_the_power():
    x0 = torch.full((1, 1, 4, 4), 0.5)
    level = load("basic").schedule.levels(4)[1]
    share = noise_power(level, x0, load("basic").noise_power)
    assert share == pytest.approx(
        level.sigma**2 / 3 / (level.alpha**2 / 4 + level.sigma**2 / 3), rel=1e-6
    )


@pytest.mark.parametrize("spacing, steps, t", [
    ("leading", 1, 0), ("linspace", 1, 0), ("leading", 2, 500),
])  # fmt: skip
def test_a_start_from_pure_noise_is_called_so(spacing, steps, t):
    """One leading step is told t = 0, where hardly anything is noise; x is nothing else."""
    message, _ = run(spacing=spacing, steps=steps)
    first, *others = (frame["text"] for frame in message["frames"][:-1])
    assert first.startswith(
        f"Step 1 of {steps}: x is pure noise, but the model is told t = {t}, where noise is "
    )
    assert not any("pure noise" in text for text in others)


@pytest.mark.parametrize("sampler", ALL_SAMPLERS)
def test_from_a_start_level_on_pure_noise_is_sampled(sampler):
    request = SampleRequest.of(sampler=sampler, steps=10, start=0.6)
    message, archive = run(sampler=sampler, steps=10, start=0.6)
    model, noise = load("digits"), seeded(0, 1)
    levels = model.schedule.levels(10)[4:]
    *_, last = ALL_SAMPLERS[sampler](
        model.denoiser("7", guidance=2.0), model.start(noise, levels[0]), levels, noise=noise
    )
    assert torch.equal(archive.picture[1], model.displayable(last.x_next))
    assert len(message["frames"]) == 7 and request.taken == 6
    told = f"Step 1 of 6: x is pure noise, but the model is told t = {levels[0].t:.0f}, where"
    assert message["frames"][0]["text"].startswith(told)
    assert sentence(message["title"]).endswith("· start level 0.6")


@pytest.mark.parametrize("steps", [1, 20])
def test_a_start_at_the_last_timestep_is_over_99_percent_noise(steps):
    message, _ = run(steps=steps)
    said = f"Step 1 of {steps}: noise is over 99 % of the power; this is the first guess."
    assert message["frames"][0]["text"].startswith(said)


def test_the_guidance_split_opens_where_both_guesses_differ_most():
    message, archive = run(steps=10, show="guidance split", guidance=3.0)
    apart = [rms(each[1].float() - each[0].float()) for each in archive.latents]
    assert message["start"] == apart.index(max(apart)) < 9
    assert apart[message["start"]] > 3 * apart[-1]
    assert run(steps=2)[0]["start"] is None


def test_a_step_says_what_its_three_panels_are_to_each_other():
    message, _ = run(steps=4)
    for frame in message["frames"][:-1]:
        [(_, values)] = [say for say in frame["say"] if say[0] == "sample.formula"]
        level = {name: frame["numbers"][name] for name in ("alpha", "sigma")}
        assert values == pytest.approx(level, rel=1e-4)
    assert "x̂₀" not in message["frames"][-1]["text"]  # the result is no step
    split, _ = run(steps=2, show="guidance split", guidance=3.0)
    assert "x̂₀" not in split["frames"][0]["text"]


def test_the_title_says_all_that_was_changed():
    message, _ = run(steps=1, guidance=7.5, batch=2, spacing="leading", eta=0.5, clip_x0=True)
    assert sentence(message["title"]) == (
        "digits, label 7, ddim, 1 step, seed 0 · guidance 7.5 · batch of 2 · η 0.5 · leading "
        "spacing · x0 clipped"
    )
    for model, guidance, said in (
        ("digits", 0, "guidance 0 (the label does nothing)"),
        ("emoji", 0.5, "guidance 0.5 (the prompt counts 50 %)"),
        ("digits", 2, "seed 0"),
    ):
        title = SampleRequest.of(model=model, guidance=guidance).title()
        assert sentence(title).endswith(said)


def test_a_frame_is_decoded_at_rest():
    message, archive = emoji()
    refined = archive.decoded(1)
    frame = refined["frames"][0]
    assert frame["i"] == 1 and frame["approx"] == [] and refined["run"] == message["run"]
    assert frame["pictures"][2] is None, "the noise stays as it was"
    x0 = archive.latents[1][1].float()
    assert frame["pictures"][1] == decoded_uri(load("emoji"), x0)
    assert archive.decoded(99) is None


def test_the_guidance_split_is_linear():
    message, archive = emoji(show=SPLIT)
    latents = {k: x.float() for k, x in archive.latents[1].items()}
    mixed = torch.lerp(latents[0], latents[1], 3.0)
    torch.testing.assert_close(mixed, latents[3], atol=2e-2, rtol=0)
    at_first = torch.lerp(latents[0], latents[1], WONDER)
    torch.testing.assert_close(at_first, latents[4], atol=5e-2, rtol=0)
    assert what_if_still(archive, 1, WONDER) is None and what_if_still(None, 1, 3) is None
    assert what_if_still(archive, 1, 3) == what_if(archive, 1, 3)
    again, other = (what_if(archive, 1, w)["frames"] for w in (3, 8))
    wanted = torch.lerp(latents[0], latents[1], 8.0)
    assert other[1]["pictures"][4] == preview_uri(load("emoji"), wanted)
    assert other[1]["pictures"][4] != again[1]["pictures"][4]
    assert [frame["i"] for frame in other] == list(range(4)), "it holds on every frame"
    assert all(frame["pictures"][:4] == [None] * 4 for frame in other)
    at_rest = archive.decoded(1)["frames"][0]["pictures"][4]
    assert at_rest == decoded_uri(load("emoji"), archive.latents[1][4].float())
    assert [panel["symbol"] for panel in message["panels"]] == [
        "x̂₀(∅)", "x̂₀(c)", "c − ∅", "x̂₀", "x̂₀(w)"]  # fmt: skip


def test_the_guidance_split_of_digits():
    message, archive = run(steps=3, show=SPLIT)
    assert message["frames"][0]["approx"] == []
    conditional = archive.latents[0][1].float()
    wondered = what_if(archive, 0, 1)["frames"][0]["pictures"]
    assert wondered[4] == decoded_uri(load("digits"), conditional)


def test_attention_has_a_map_per_word():
    message, _ = emoji(show=ATTENTION)
    assert [panel["symbol"] for panel in message["panels"]] == [
        "x̂₀", "“dog”", "“face”", "“blue”", "“background”"]  # fmt: skip
    chinese, _ = emoji(show=ATTENTION, prompt="蓝色背景上的狗脸")
    assert "“狗脸”" in [panel["symbol"] for panel in chinese["panels"]]


@pytest.mark.parametrize("settings", [{}, {"model": "emoji", "prompt": PROMPT}])
def test_inside_the_network_a_map_of_each_level_is_shown(settings):
    message, _ = run(**settings, steps=2, show=NETWORK)
    symbols = [panel["symbol"] for panel in message["panels"]]
    assert symbols == ["x̂₀", "↓1", "↓2", "↔", "↑2", "↑1", "t"]
    for frame in message["frames"]:
        assert len({*frame["pictures"]}) == 7 and all(frame["pictures"])
    assert re.search(r"\d ResNet, \d attention; [\d.]+ M", sentence(message["panels"][1]["title"]))
    assert "each on its own scale" in message["frames"][0]["text"]


def test_what_is_told_of_t_stands_over_all_steps_and_as_bars():
    told = spread(torch.tensor([[5.0, -1.0, 7.0], [9.0, -1.0, 8.0], [7.0, -1.0, 4.0]]))
    assert told.tolist() == [[0.5, 0, -1], [1, 0, 1], [-1, 0, 0]], "in the order of the greatest"
    picture = over_time(told, 1)
    assert picture.shape == (6, 6)
    heat, bars = picture[:3], picture[3:]
    later, now, before = heat[:, :2], heat[:, 2:4], heat[:, 4:]
    assert torch.equal(now, told[1][:, None].expand(3, 2)), "the first step is on the right"
    assert torch.allclose(before, PALE * told[0][:, None].expand(3, 2))
    assert torch.allclose(later, PALE * told[2][:, None].expand(3, 2))
    assert bars.tolist() == [[1, 1, 0, 0, 1, 1], [0] * 6, [0] * 6]


def test_watching_changes_nothing():
    shown = [show for show in PANELS if show not in (CLASSIFIER, VARIANCE)]
    pictures = [emoji(show=show)[1].picture[1] for show in shown]
    for other in pictures[1:]:
        torch.testing.assert_close(other, pictures[0], atol=1e-4, rtol=0)


def test_what_cannot_be_shown_says_why():
    for settings, said in (
        ({"show": ATTENTION}, "choose the model emoji"),
        ({"show": SPLIT, "guidance": 1.0}, "guidance other than 1"),
        ({"model": "emoji", "show": ATTENTION, "prompt": ""}, "need a prompt"),
        ({"model": "emoji", "clip_x0": True}, "Clip x0 is for models that work on pixels"),
        ({"model": "emoji", "prompt": "x" * 501}, "at most 500 characters"),
        ({"model": "emoji", "prompt": 7}, "Prompt must be text"),
        ({"model": "basic"}, "knows no labels"),
        ({"model": "basic", "label": "", "guidance": 1, "sampler": "ddpm"}, "uniform noise"),
        ({"schedule": "cosine"}, "trained with its own schedule"),
        ({"variance": "beta", "sampler": "heun"}, "ddim and ddpm only"),
        ({"eta": 0.5, "sampler": "heun"}, "deterministic"),
        ({"show": CLASSIFIER}, "needs guidance by a classifier"),
        ({"model": "exact", "show": NETWORK}, "The model exact has no U-Net to look into"),
        ({"guided_by": "classifier", "label": ""}, "A classifier guides to a label"),
        ({"guided_by": "classifier", "show": SPLIT}, "choose Show: classifier"),
        ({"start": 1.5}, "Start level must be a number in 0..1, got 1.5"),
    ):
        assert said in refused(run, **settings)
    assert "guidance split first" in refused(what_if, None, 0, 3)


def test_what_is_offered_follows_the_model():
    assert set(SampleRequest.read(model="basic").closed()) == {"label", "guidance", "schedule"}
    assert "schedule" not in SampleRequest.read(model="exact").closed()
    assert list(SampleRequest.read(sampler="unipc").closed()) == ["eta", "variance", "schedule"]
    digits, text = SampleRequest.read(), SampleRequest.read(model="emoji")
    assert digits.asked("label") and not digits.asked("prompt")
    assert text.asked("prompt") and not text.asked("label") and "clip_x0" in text.closed()
    assert digits.allowed("show") == ["prediction", SPLIT, UPDATE, NETWORK]
    assert text.allowed("show") == [each for each in PANELS if each not in (CLASSIFIER, VARIANCE)]
    guided = SampleRequest.read(guided_by="classifier")
    assert guided.allowed("show") == ["prediction", CLASSIFIER, UPDATE, NETWORK]


def test_presets_can_be_run():
    for preset in PRESETS.values():
        assert SampleRequest.of(**preset)


@pytest.mark.slow
def test_the_latest_guess_can_be_sent_on():
    *_, (_, archive) = sample(steps=2)
    (name, picture), _ = hand_over(archive)
    assert name == "digits" and picture.shape == (1, 1, 28, 28) and picture.abs().max() <= 1
    assert "Run the sampler first" in refused(hand_over, None)
    (name, recorded), _ = hand_over(OPENS_WITH)
    *_, (_, archive) = sample()
    assert name == "digits" and recorded.equal(archive.picture[1]), "the one that is shown"
    run = sample(steps=50)
    _, stopped = next(run)
    run.close()
    assert stopped.picture is not None and not stopped.message


def test_a_label_may_be_a_whole_number():
    message, _ = run(label=7, steps=1)
    assert message["settings"]["label"] == "7"
    for value in (True, 7.5, 10, -1, [7]):
        assert "Label must be one of" in refused(run, label=value)


def test_a_random_prompt_has_been_seen():
    assert never_seen("emoji", random_prompt()) == []


def test_a_learned_variance_is_between_both_ends():
    settings = {"model": "digits-variance", "sampler": "ddpm", "variance": "learned"}
    message, _ = run(steps=4, guidance=1.0, show=VARIANCE, **settings)
    assert [panel["symbol"] for panel in message["panels"]] == ["xₜ", "x̂₀", "f"]
    *steps, _ = message["frames"]
    for frame in steps[:-1]:
        values = dict(frame["say"])["sample.variance"]
        assert values["low"] < values["learned"] < values["high"]
    assert "sample.variance.last" in dict(steps[-1]["say"])
    plain, _ = run(steps=4, guidance=1.0, model="digits-variance", sampler="ddpm")
    assert plain["frames"][1]["pictures"][0] != message["frames"][1]["pictures"][0]
    for asked in ({"show": VARIANCE}, {"sampler": "ddpm", "variance": "learned"}):
        assert "has not learned a variance" in refused(SampleRequest.of, **asked)
