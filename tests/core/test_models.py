"""Models: prompts, schedules, what they refuse, and the shipped weights at work."""

import threading
from typing import Any, cast

import pytest
import torch

from core.classifiers import digit_classifier, read_digits
from core.data import mnist, signed
from core.denoisers import Guided
from core.metrics import frechet, mse, psnr
from core.models import MODELS, load, uniform
from core.networks import BasicUNet
from core.samplers import SAMPLERS, seeded


def sampled(model, prompt, steps=20, guidance=1.0, sampler="ddim", batch=10):
    noise, levels = seeded(0, batch), model.schedule.levels(steps)
    x = model.start(noise, levels[0], batch)
    denoise = model.denoiser(prompt, guidance=guidance)
    for step in SAMPLERS[sampler](denoise, x, levels, noise=noise):
        x = step.x_next
    return x


def test_mnist_is_whole():
    for part, count in (("train", 60_000), ("test", 10_000)):
        images, labels = mnist(part)
        assert images.shape == (count, 1, 28, 28) and labels.shape == (count,)
        assert set(labels.tolist()) == set(range(10))


def test_classifier_reads_the_test_set():
    images, labels = mnist("test")
    assert (read_digits(signed(images)).argmax(1) == labels).double().mean() >= 0.985
    assert not digit_classifier().training


@pytest.mark.slow
def test_digits_draws_what_it_is_asked_for():
    asked = [str(digit) for digit in range(10)]
    x = sampled(load("digits", device="cpu"), asked, guidance=2.0)
    assert (read_digits(x.clamp(-1, 1)).argmax(1) == torch.arange(10)).sum() >= 9


def test_exact_draws_training_digits():
    model: Any = load("exact")
    x = sampled(model, "7", batch=3)
    images = model.empirical("7").images
    nearest = images[model.empirical("7").nearest(x)]
    assert psnr(model.pixels(x), model.pixels(nearest)) > 30


def test_exact_knows_prompts_per_row():
    model = load("exact")
    level = model.schedule.level(500)
    x = model.noise(0, 2)
    rows = model.denoiser(["3", ""])(x, level).x0
    torch.testing.assert_close(rows[:1], model.denoiser("3")(x[:1], level).x0)
    torch.testing.assert_close(rows[1:], model.denoiser("")(x[1:], level).x0)


def test_basic_denoises_uniform_noise():
    model = load("basic")
    x0 = signed(mnist("test")[0][:16])
    level = model.schedule.level(499)
    eps = uniform(seeded(0, 16))(x0)
    x = level.alpha * x0 + level.sigma * eps
    guess = model.denoiser()(x, level).x0
    assert (guess - x0).square().mean() < (x - x0).square().mean() / 3


def test_basic_starts_from_uniform_noise():
    model = load("basic")
    x = model.start(seeded(0, 16), model.schedule.level(999), 16)
    assert x.min() >= -1 and x.max() <= 1
    assert abs(x.var().item() - 1 / 3) < 0.02


def test_start_is_scaled_to_the_level():
    model = load("exact")
    level = model.schedule.level(300)
    x = model.start(seeded(5, 2), level, 2)
    torch.testing.assert_close(x, model.noise(5, 2) * (level.alpha**2 + level.sigma**2) ** 0.5)


def test_guidance_one_costs_one_row():
    model = load("digits", device="cpu")
    assert model.denoiser("3").cost == 1
    guided = model.denoiser("3", guidance=3.0)
    assert isinstance(guided, Guided) and guided.cost == 2
    assert load("exact").denoiser("3", guidance=3.0).cost == 0


def test_autoguidance_steps_from_the_bad_version_past_the_good_one():
    model: Any = load("digits", device="cpu")
    images, labels = (part[:64] for part in mnist("test"))
    asked, level = [str(each) for each in labels.tolist()], model.schedule.level(400)
    x = level.alpha * signed(images) + level.sigma * seeded(0, 64)(signed(images))
    with torch.no_grad():
        good = model.denoiser(asked)(x, level).x0
        early, auto = (model.autoguided(asked, w)(x, level).x0 for w in (0.0, 3.0))
        same = model.autoguided(asked, 1.0)
        torch.testing.assert_close(same(x, level).x0, good)
    torch.testing.assert_close(auto, early + 3 * (good - early))
    assert same.cost == 1 and model.autoguided(asked, 2.0).cost == 2
    assert mse(early, signed(images)) > 1.1 * mse(good, signed(images)), "a bad version"


def test_load_is_cached_and_thread_safe():
    found = []
    threads = [threading.Thread(target=lambda: found.append(load("exact"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(model) for model in found}) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: load("sdxl"), "model must be one of digits, emoji, exact, basic"),
        (lambda: load("exact", device="tpu"), "device must be"),
        (lambda: load("exact", dtype="int8"), "dtype must be one of"),
        (lambda: load("exact").denoiser("12"), "label must be a digit"),
        (lambda: load("exact").denoiser("1", guidance=float("nan")), "guidance must be in"),
        (lambda: load("basic").denoiser("1"), "knows no labels"),
        (lambda: cast(Any, load("exact")).denoiser(7), "a prompt must be text"),
        (lambda: load("exact").denoiser([]), "a prompt must be text"),
        (lambda: load("exact").encode([]), "no picture to encode"),
        (lambda: load("basic").denoiser(guidance=2.0), "use guidance 1"),
    ],
)
def test_refusals(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_cards_give_the_true_size():
    assert sum(p.numel() for p in BasicUNet().parameters()) == MODELS["basic"].size
    digits: Any = load("digits", device="cpu")
    assert sum(p.numel() for p in digits.network.parameters()) == MODELS["digits"].size


def test_frechet_is_the_closed_form_for_gaussians():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(200_000, 3, generator=generator, dtype=torch.float64)
    b = torch.tensor([1.0, 0, 0]) + 2 * torch.randn(200_000, 3, generator=generator)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet(a, b) == pytest.approx(1 + 3 * (1 - 2) ** 2, rel=0.02)
