# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
from itertools import pairwise

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from core.denoisers import (
    CONVERSIONS,
    Clipped,
    Empirical,
    Gaussian,
    Guided,
    Network,
    Prediction,
    Rows,
    from_eps,
    from_flow,
    from_v,
    from_x0,
    lookahead,
    output_of,
)
from core.schedules import SCHEDULES, Level, linear
from tests.core import EACH_LEVEL, consistent, normal

CLEAN = Level(-1.0, 1.0, 0.0)


# ---- conversions --------------------------------------------------------------------------------


@EACH_LEVEL
def test_every_conversion_finds_the_same_picture_and_noise(level):
    x0, eps = normal(2, 1, 3, 3), normal(2, 1, 3, 3, seed=1)
    x = level.alpha * x0 + level.sigma * eps
    outputs = {
        "epsilon": eps,
        "sample": x0,
        "v_prediction": level.alpha * eps - level.sigma * x0,
        "flow": eps - x0,
    }
    assert outputs.keys() == CONVERSIONS.keys()
    for kind, output in outputs.items():
        prediction = CONVERSIONS[kind](x, level, output)
        torch.testing.assert_close(prediction.x0, x0, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(prediction.eps, eps, rtol=1e-9, atol=1e-11)
        consistent(prediction, x, level)


@pytest.mark.parametrize("kind", CONVERSIONS)
@EACH_LEVEL
def test_any_output_gives_a_consistent_split(level, kind):
    x, output = normal(1, 1, 4, 4), normal(1, 1, 4, 4, seed=1)
    consistent(CONVERSIONS[kind](x, level, output), x, level)


@pytest.mark.parametrize("kind", CONVERSIONS)
def test_what_a_network_has_put_out_is_found_again(kind):
    level, x, output = linear().level(400), normal(2, 1, 4, 4), normal(2, 1, 4, 4, seed=5)
    prediction = CONVERSIONS[kind](x, level, output)
    torch.testing.assert_close(output_of(prediction, level, kind), output)
    with pytest.raises(ValueError, match="kind must be one of epsilon, sample"):
        output_of(prediction, level, "score")


@pytest.mark.parametrize("t", [0, 500, 999])
def test_v_is_the_velocity_of_diffusers(t):
    schedule = linear()
    x0, eps = normal(2, 1, 3, 3), normal(2, 1, 3, 3, seed=1)
    level, ts = schedule.level(t), torch.tensor([t, t])
    v = DDPMScheduler().get_velocity(x0, eps, ts)  # takes float32 scales
    prediction = from_v(level.alpha * x0 + level.sigma * eps, level, v)
    torch.testing.assert_close(prediction.x0, x0, rtol=0, atol=1e-5)
    torch.testing.assert_close(prediction.eps, eps, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
def test_x0_is_that_of_diffusers(kind):
    x, output = normal(2, 1, 3, 3), normal(2, 1, 3, 3, seed=1)
    twin = DDIMScheduler(clip_sample=False, prediction_type=kind)
    twin.set_timesteps(1000)
    for t in (0, 300, 999):
        theirs = twin.step(output, t, x).pred_original_sample
        ours = CONVERSIONS[kind](x, linear().level(t), output).x0
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_clean_end_has_no_noise():
    x = normal(1, 1, 2, 2)
    half = Level(-1.0, 0.5, 0.0)
    prediction = from_x0(x, half, torch.zeros_like(x))
    assert torch.equal(prediction.x0, x / 0.5) and not prediction.eps.any()
    for exact in (Gaussian(0.3, 0.5), Empirical(normal(3, 1, 2, 2))):
        prediction = exact(x, half)
        assert torch.equal(prediction.x0, x / 0.5) and not prediction.eps.any()


def test_only_a_noise_prediction_is_undefined_without_signal():
    noise, x = Level(999.0, 0.0, 1.0), normal(1, 1, 2, 2)
    with pytest.raises(ValueError, match="says nothing about x0 where alpha is 0"):
        from_eps(x, noise, x)
    for convert in (from_x0, from_v, from_flow):
        prediction = convert(x, noise, 0 * x)
        assert prediction.x0.isfinite().all()
        torch.testing.assert_close(prediction.eps, x)


# ---- networks and guidance ----------------------------------------------------------------------


class Recorder:
    """A network's forward that remembers its calls: rows and label of each."""

    def __init__(self):
        self.calls = []

    def forward(self, x, t, condition):
        self.calls.append((len(x), t))
        shift = 0 if condition is None else condition.view(-1, 1, 1, 1)
        return torch.sin(x + shift) + t / 1000


def test_a_network_hears_its_label_and_zero_at_the_clean_end():
    recorder = Recorder()
    network = Network(recorder.forward, kind="sample")
    network(normal(2, 1, 2, 2), linear().level(7))
    network(normal(2, 1, 2, 2), CLEAN)
    assert recorder.calls == [(2, 7.0), (2, 0.0)]


def test_a_single_condition_serves_every_row_and_others_must_fit():
    x, level = normal(3, 1, 2, 2), linear().level(500)
    network = Recorder().forward
    one = Network(network, condition=torch.tensor([2.0]))(x, level)
    three = Network(network, condition=torch.tensor([2.0, 2.0, 2.0]))(x, level)
    assert torch.equal(one.eps, three.eps)
    with pytest.raises(ValueError, match="2 prompts do not fit 3 pictures"):
        Network(network, condition=torch.tensor([2.0, 1.0]))(x, level)


@pytest.mark.parametrize("kind", CONVERSIONS)
@pytest.mark.parametrize("scale", [0.0, 0.3, 2.0, 7.5, -1.0])
def test_guidance_is_one_batched_call_and_equals_the_formula(scale, kind):
    x, level = normal(3, 1, 2, 2), linear().level(500)
    recorder, other = Recorder(), Recorder()
    yes, no = (Network(recorder.forward, kind, torch.tensor([c])) for c in (1.0, -1.0))
    batched = Guided(yes, no, scale)
    ours = batched(x, level)
    assert recorder.calls == [(6, 500.0)] and batched.cost == 2
    stranger = Network(other.forward, kind, torch.tensor([-1.0]))
    apart = Guided(yes, stranger, scale)(x, level)
    a, b = yes(x, level), no(x, level)
    for result in (ours, apart):
        torch.testing.assert_close(result.eps, b.eps + scale * (a.eps - b.eps))
        torch.testing.assert_close(result.x0, b.x0 + scale * (a.x0 - b.x0))
        consistent(result, x, level)


def test_guidance_of_rows_keeps_each_row_with_its_condition():
    x, level = normal(2, 1, 2, 2), linear().level(100)
    forward = Recorder().forward
    no = Network(forward, condition=torch.tensor([0.0]))
    both = Guided(Network(forward, condition=torch.tensor([1.0, 2.0])), no, 3.0)(x, level)
    for row, condition in enumerate((1.0, 2.0)):
        yes = Network(forward, condition=torch.tensor([condition]))
        alone = Guided(yes, no, 3.0)(x[row : row + 1], level)
        torch.testing.assert_close(both.eps[row], alone.eps[0])


def test_scale_1_skips_the_unconditional_branch():
    def never(x, level):
        raise AssertionError("called")

    never.cost = 5
    x, level = normal(2, 1, 2, 2), linear().level(500)
    recorder = Recorder()
    yes = Network(recorder.forward, condition=torch.tensor([1.0]))
    guided = Guided(yes, never, 1)
    assert torch.equal(guided(x, level).eps, yes(x, level).eps)
    assert guided.cost == 1 and recorder.calls == [(2, 500.0)] * 2


def test_a_branch_without_condition_is_a_call_of_its_own():
    x, level = normal(2, 1, 2, 2), linear().level(500)
    recorder = Recorder()
    yes, no = Network(recorder.forward, condition=torch.tensor([1.0])), Network(recorder.forward)
    Guided(yes, no, 2.0)(x, level)
    assert recorder.calls == [(2, 500.0)] * 2


def test_branches_that_predict_different_things_are_converted_each_by_its_own_rule():
    x, level = normal(2, 1, 2, 2), linear().level(500)
    forward = Recorder().forward
    yes, no = (Network(forward, kind, torch.tensor([1.0])) for kind in ("epsilon", "v_prediction"))
    a, b, guided = yes(x, level), no(x, level), Guided(yes, no, 2.0)(x, level)
    torch.testing.assert_close(guided.x0, 2 * a.x0 - b.x0)


def test_guidance_between_gaussians_is_the_gaussian_of_the_extrapolated_mean():
    """Inversion.md section 5: mu_w = mu_u + w (mu_c - mu_u) where the spreads agree."""
    x, level = normal(2, 1, 2, 2), linear().level(400)
    guided = Guided(Gaussian(0.5, 0.3), Gaussian(-0.2, 0.3), 3.0)
    expected = Gaussian(-0.2 + 3 * 0.7, 0.3)(x, level)
    torch.testing.assert_close(guided(x, level).x0, expected.x0)
    torch.testing.assert_close(guided(x, level).eps, expected.eps)
    assert guided.cost == 0


# ---- wrappers -----------------------------------------------------------------------------------


@EACH_LEVEL
def test_clipped_x0_is_in_range_and_the_split_stays_consistent(level):
    x, inner = 3 * normal(2, 1, 8, 8), Gaussian(0.0, 4.0)
    clipped = Clipped(inner, -1, 0.5)
    prediction, free = clipped(x, level), inner(x, level)
    assert prediction.x0.min() >= -1 and prediction.x0.max() <= 0.5
    inside = (free.x0 > -1) & (free.x0 < 0.5)
    torch.testing.assert_close(prediction.eps[inside], free.eps[inside])
    consistent(prediction, x, level)
    assert Clipped(Network(Recorder().forward, cost=3)).cost == 3


def test_rows_ask_each_denoiser_once_for_its_own_rows():
    x, level = normal(4, 1, 2, 2), linear().level(300)
    recorder = Recorder()
    a, b = Network(recorder.forward, condition=torch.tensor([1.0])), Gaussian(0.5)
    rows = Rows([a, b, a, b])
    prediction = rows(x, level)
    assert recorder.calls == [(2, 300.0)] and rows.cost == 1
    for row, denoise in enumerate([a, b, a, b]):
        alone = denoise(x[row : row + 1], level)
        torch.testing.assert_close(prediction.x0[row], alone.x0[0])
        torch.testing.assert_close(prediction.eps[row], alone.eps[0])
    with pytest.raises(ValueError, match="4 prompts do not fit 2 pictures"):
        rows(x[:2], level)


@pytest.mark.parametrize("mean, std", [(0.0, 1.0), (0.7, 1.0), (-0.4, 0.3)])
def test_lookahead_is_the_target_label_convention(mean, std):
    """One DDIM step up is the B-variant of inversion.md section 5, in u = x / alpha - mean."""
    upward = SCHEDULES["scaled_linear"]().levels(50)[::-1]
    denoise = lookahead(Gaussian(mean, std), upward)
    x = normal(1, 1, 4, 4)
    for here, after in pairwise(upward):
        prediction = denoise(x, here)
        consistent(prediction, x, here)
        ours = after.alpha * prediction.x0 + after.sigma * prediction.eps
        u, ratio = x / here.alpha - mean, here.alpha / after.alpha
        k, k_after = here.sigma / here.alpha, after.sigma / after.alpha
        change = (k_after - k) * k_after / (std**2 + k_after**2)
        u_after = u + change * (ratio * u + (ratio - 1) * mean)
        torch.testing.assert_close(ours, after.alpha * (u_after + mean), rtol=1e-12, atol=1e-12)
        x = ours
    assert denoise.cost == 0


def test_a_prediction_is_read_by_name():
    prediction = Prediction(x0=normal(1), eps=normal(2))
    assert prediction.x0.shape == (1,) and prediction.log_variance is None


def test_guidance_and_clipping_keep_a_learned_variance():
    """That of the conditional branch: guidance changes the mean alone."""

    def network(x, t, condition):
        return torch.cat([x, condition.view(-1, 1, 1, 1).expand_as(x)], dim=1)

    yes, no = (Network(network, "v_prediction", torch.tensor([c])) for c in (0.5, -1.0))
    x, level = normal(2, 1, 3, 3, dtype=torch.float32), linear().level(500)
    for denoise in (yes, Guided(yes, no, 3.0), Clipped(Guided(yes, no, 3.0))):
        seen = denoise(x, level)
        assert (
            torch.equal(seen.log_variance, torch.full_like(x, 0.75)) and seen.x0.shape == x.shape
        )
    assert Network(lambda x, t, condition: x)(x, level).log_variance is None
