"""The sampler tab: what a run shows, what is decoded at rest, what is said about a prompt."""

import pytest
import torch

from core.models import load
from core.samplers import SAMPLERS, seeded
from demos import asking, sampling, views
from demos.remarks import never_seen
from demos.runs import SHOWS
from demos.old_views import decoded_uri, preview_uri
from tests.demos import refused

PROMPT = "dog face on a blue background"


def run(**settings):
    *_, (message, sent, kept) = sampling.sample(**settings)
    return message, (sent.model, sent.x0), kept


def emoji(**settings):
    return run(**{"model": "emoji", "prompt": PROMPT, "steps": 3, "guidance": 3.0, **settings})


def test_a_latent_run_streams_previews_and_ends_decoded():
    message, (name, picture), kept = emoji()
    assert [frame["approx"] for frame in message["frames"]] == [[0, 1]] * 3 + [[]]
    assert name == "emoji" and picture.shape == (1, 4, 16, 16)
    model = load("emoji")
    assert message["frames"][-1]["pictures"][0] == decoded_uri(model, picture)
    assert len(kept.latents) == 4 and kept.message is message


def test_the_pictures_are_those_of_the_sampler():
    message, (_, picture), _ = emoji()
    model, noise = load("emoji"), seeded(0, 1)
    levels = model.schedule.levels(3)
    denoise = model.denoiser(PROMPT, guidance=3.0)
    steps = list(SAMPLERS["ddim"](denoise, model.start(noise, levels[0]), levels, noise=noise))
    assert message["frames"][1]["pictures"][1] == preview_uri(model, steps[1].prediction.x0)
    torch.testing.assert_close(picture, steps[-1].x_next)


@pytest.mark.parametrize("spacing, steps, t, share", [
    ("leading", 1, 0, "under 1 %"), ("linspace", 1, 0, "under 1 %"), ("leading", 2, 500, "92 %"),
])  # fmt: skip
def test_a_start_from_pure_noise_is_called_so(spacing, steps, t, share):
    """One leading step is told t = 0, where hardly anything is noise; x is nothing else."""
    message, *_ = run(spacing=spacing, steps=steps)
    first, *others = (frame["text"] for frame in message["frames"][:-1])
    assert first.startswith(
        f"Step 1 of {steps}: x is pure noise, but the model is told t = {t}, where {share} of "
        "the variance is noise;"
    )
    assert not any("pure noise" in text for text in others)


@pytest.mark.parametrize("steps", [1, 20])
def test_a_start_at_the_last_timestep_is_over_99_percent_noise(steps):
    message, *_ = run(steps=steps)
    assert message["frames"][0]["text"].startswith(f"Step 1 of {steps}: over 99 % of the variance")


def test_a_frame_is_decoded_at_rest():
    message, _, kept = emoji()
    refined = views.decoded(kept, 1)
    frame = refined["frames"][0]
    assert frame["i"] == 1 and frame["approx"] == [] and refined["run"] == message["run"]
    assert frame["pictures"][2] == message["frames"][1]["pictures"][2]
    x0 = kept.latents[1][1].float()
    assert frame["pictures"][1] == decoded_uri(load("emoji"), x0)
    assert "frames" not in views.decoded(None, 0)


def test_the_guidance_split_is_linear():
    message, _, kept = emoji(show=SHOWS[1])
    latents = {k: x.float() for k, x in kept.latents[1].items()}
    mixed = torch.lerp(latents[0], latents[1], 3.0)
    torch.testing.assert_close(mixed, latents[3], atol=2e-2, rtol=0)
    again = sampling.what_if(kept, 1, 3)["frames"][0]["pictures"]
    other = sampling.what_if(kept, 1, 8)["frames"][0]["pictures"]
    assert other[4] == decoded_uri(load("emoji"), torch.lerp(latents[0], latents[1], 8.0))
    assert other[4] != again[4] and other[:4] == again[:4]
    assert [panel["symbol"] for panel in message["panels"]] == [
        "x̂₀(∅)", "x̂₀(c)", "difference", "x̂₀", "what if"]  # fmt: skip


def test_the_guidance_split_of_digits():
    message, _, kept = run(steps=3, show=SHOWS[1])
    assert message["frames"][0]["approx"] == []
    conditional = kept.latents[0][1].float()
    wondered = sampling.what_if(kept, 0, 1)["frames"][0]["pictures"]
    assert wondered[4] == wondered[1] == decoded_uri(load("digits"), conditional)


def test_attention_has_a_map_per_word():
    message, _, _ = emoji(show=SHOWS[2])
    assert [panel["symbol"] for panel in message["panels"]] == [
        "x̂₀", "“dog”", "“face”", "“blue”", "“background”"]  # fmt: skip
    chinese, _, _ = emoji(show=SHOWS[2], prompt="蓝色背景上的狗脸")
    assert "“狗脸”" in [panel["symbol"] for panel in chinese["panels"]]


def test_watching_changes_nothing():
    pictures = [emoji(show=show)[1][1] for show in SHOWS]
    for other in pictures[1:]:
        torch.testing.assert_close(other, pictures[0], atol=1e-4, rtol=0)


def test_what_cannot_be_shown_says_why():
    for settings, said in (
        ({"show": SHOWS[2]}, "choose the model emoji"),
        ({"show": SHOWS[1], "guidance": 1.0}, "guidance other than 1"),
        ({"model": "emoji", "show": SHOWS[2], "prompt": ""}, "need a prompt"),
        ({"model": "emoji", "clip_x0": True}, "Clip x0 is for models that work on pixels"),
        ({"model": "emoji", "prompt": "x" * 501}, "at most 500 characters"),
        ({"model": "emoji", "prompt": 7}, "Prompt must be text"),
    ):
        assert said in refused(run, **settings)
    assert "guidance split first" in refused(sampling.what_if, None, 0, 3)


def test_advice_on_a_prompt():
    assert never_seen("emoji", "a puppy") == (
        "“puppy”: not in this model's vocabulary; pleading face, dog face are."
    )
    assert never_seen("emoji", PROMPT) == never_seen("digits", "a puppy") == ""
    assert never_seen("emoji", asking.random_prompt()) == ""


def test_of_model_offers_what_the_model_knows():
    names = ("label", "guidance", "schedule", "box", "negative", "clip_x0")
    of = {
        m: dict(zip(names, asking.of_model(m), strict=True)) for m in ("digits", "emoji", "basic")
    }
    assert of["emoji"]["box"]["visible"] and not of["emoji"]["label"]["visible"]
    assert of["digits"]["label"]["visible"] and not of["digits"]["box"]["visible"]
    assert not of["basic"]["guidance"]["interactive"]
