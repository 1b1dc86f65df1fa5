"""Cards: what a model can do, before and after it is loaded."""

from dataclasses import replace

import pytest
import torch

from core.inversion import INVERSIONS
from core.metrics import exact
from core.models import MODELS, SD, load, reads_text
from core.models.base import CLASSES
from core.models.cards import REASONS
from core.models.devices import dtype_of
from core.noise import seeded, uniform

SPECTRUM = {"exact": {"sdedit"}, "basic": set(INVERSIONS), "digits": set(INVERSIONS)}
NEED_TEXT = {"null_text", "prompt_to_prompt"}


def test_every_card_says_what_it_can_do_in_known_words():
    for card in MODELS.values():
        assert card.kind in CLASSES
        assert card.condition in ("label", "text", "none")
        assert card.space in ("pixels", "latents")
        assert card.noise in ("gaussian", "uniform")
        assert card.schedules in ("own", "any")
        assert card.denoiser in ("network", "empirical")
        assert card.data in ("mnist", "scenes", "")


@pytest.mark.parametrize("name", ["digits", "emoji", "exact", "basic"])
def test_a_model_keeps_what_its_card_promises(name):
    model = load(name, device="cpu")
    x0 = torch.zeros(1, *model.shape)
    assert (model.pixels(x0).shape[2:] == x0.shape[2:]) == (model.card.space == "pixels")
    assert torch.equal(model.preview_pixels(x0), model.pixels(x0)) == model.preview_exact
    assert (model.empirical() is not None) == (model.card.denoiser == "empirical")
    assert hasattr(model, "tokens") == reads_text(model)
    for asked, condition in (("7", "label"), ("dog face", "text")):
        if condition == model.card.condition:
            model.denoiser(asked)
        elif model.card.condition != "text":  # a text model reads whatever is written
            with pytest.raises(ValueError):
                model.denoiser(asked)


@pytest.mark.parametrize("name", ["digits", "basic"])
def test_a_model_draws_its_own_noise_and_starts_from_it(name):
    model, like = load(name, device="cpu"), torch.empty(3, 1, 28, 28)
    noise = seeded(5, 3)(like)
    drawn = uniform(lambda _: noise)(like) if model.card.noise == "uniform" else noise
    assert torch.equal(model.draw(5, 3)(like), drawn)
    level = model.schedule.level(999)
    scale = (level.alpha**2 + level.sigma**2) ** 0.5
    torch.testing.assert_close(model.start(seeded(5, 3), level, 3), scale * drawn)


def test_which_methods_a_model_can_run():
    for name, card in MODELS.items():
        can = {key for key, method in INVERSIONS.items() if card.supports(method)}
        wanted = SPECTRUM.get(name, set(INVERSIONS))
        assert can == (wanted if card.condition == "text" else wanted - NEED_TEXT)
        assert load(name, device="cpu").supports(INVERSIONS["sdedit"]) if name != SD else True


def test_a_model_that_is_told_the_guidance_has_no_second_branch():
    card = replace(MODELS["emoji"], told=True)
    cannot = {key for key, method in INVERSIONS.items() if not card.supports(method)}
    assert cannot == {"negative_prompt", "proximal", "null_text"}


def test_a_refusal_names_model_and_method():
    cases = {
        "ill_posed": (MODELS["exact"], "ddim", "model exact has SDEdit only; choose the method"),
        "no_text": (MODELS["digits"], "null_text", "Null-text, slow needs a text"),
        "one_branch": (replace(MODELS[SD], told=True), "proximal", "no such second branch"),
        "": (MODELS["digits"], "ddim", ""),
    }
    assert set(cases) == set(REASONS)
    for key, (card, method, said) in cases.items():
        assert card.reason(INVERSIONS[method]) == key
        assert said in card.refusal(INVERSIONS[method])
        assert "{" not in card.refusal(INVERSIONS[method])


@pytest.mark.parametrize(
    "name, asked, said",
    [
        ("digits", "7", "label 7"),
        ("exact", "", "no label"),
        ("emoji", "dog face", "“dog face”"),
        ("emoji", "", "no text"),
        ("emoji", "a dog " * 20, "“" + "a dog " * 9 + "a …”"),
    ],
)
def test_what_is_asked_for_in_words(name, asked, said):
    assert MODELS[name].describe(asked) == said


def test_the_numbers_of_a_model():
    digits, emoji = MODELS["digits"], MODELS["emoji"]
    assert dtype_of(emoji, "auto", "cuda:0") == torch.float16
    assert dtype_of(digits, "auto", "cuda:0") == dtype_of(emoji, "auto", "mps") == torch.float32
    assert dtype_of(digits, "float64", "cpu") == torch.float64
    with pytest.raises(ValueError, match="GPUs of Apple have no float64"):
        dtype_of(digits, "float64", "mps")


def test_exact_is_float64_on_the_cpu():
    x = exact(torch.tensor([1.1], dtype=torch.float32))
    assert x.dtype == torch.float64 and x.device.type == "cpu" and x.item() != 1.1
