"""The schedule tab: named schedules, and those that the models were trained with."""

import html
import inspect
import json
import re
from itertools import pairwise

import pytest
import torch

from core.bridge import config_of
from core.data import mnist, signed
from core.models import MODELS, ModelCard, load
from core.schedules import SCHEDULES, linear
from demos.runs.fields import RealField
from demos.schedules.learned import SHARE, share_curves
from demos.schedules.page import adopted, menu_word, noted
from demos.schedules.page import schedule as answer
from demos.schedules.parameters import PARAMETERS, in_words, offered, own_schedule
from demos.schedules.request import ScheduleRequest
from demos.schedules.run import message
from demos.views.charts import QUANTITIES
from demos.views.numbers import percent
from demos.words import sentence, table
from tests.demos import refused

RANGES = {name: each for name, each in PARAMETERS.items() if isinstance(each, RealField)}


@pytest.fixture
def add_model(tmp_path, monkeypatch):
    """Adds a local model of which only the scheduler's config is there."""

    def add(name, config, kind="latent"):
        folder = tmp_path / name / "scheduler"
        folder.mkdir(parents=True)
        (folder / "scheduler_config.json").write_text(json.dumps(config))
        card = ModelCard(name, name, str(folder.parent), kind, "", 0, condition="text")
        monkeypatch.setitem(MODELS, name, card)
        return name

    return add


def compared(*values, **named):
    """The message of a comparison."""
    return message(ScheduleRequest.of(*values, **named))


def title(*values, language="en", **named):
    """The title of a comparison."""
    return sentence(ScheduleRequest.of(*values, **named).title(), language)


def chart_texts(sent):
    """What the chart says in English."""
    return [html.unescape(each) for each in re.findall(r">([^<]+)</text>", sent["chart"])]


# ---- which schedules there are ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", "emoji"])
def test_the_own_schedule_is_that_of_the_loaded_model(name):
    own, loaded = own_schedule(name), load(name).schedule
    assert torch.equal(own.alpha, loaded.alpha) and torch.equal(own.sigma, loaded.sigma)
    assert own.final == loaded.final and own.offset == loaded.offset


def test_the_menu_has_the_named_schedules_then_the_models(add_model):
    add_model("cats", config_of(linear(beta_end=0.01)))
    assert offered()[: len(SCHEDULES)] == list(SCHEDULES)
    assert {"digits", "emoji", "cats"} <= set(offered())
    assert not {"exact", "basic"} & set(offered())


def test_words_of_menus_are_short():
    assert menu_word("digits") == "digits" and menu_word("owner/cats") == "cats"
    for language in ("en", "zh"):
        words = table(language)
        keys = [f"schedule.option.{name}" for name in SCHEDULES]
        keys += [f"quantity.option.{name}" for name in QUANTITIES]
        assert len({words[key] for key in keys}) == len(keys)
        assert max(len(words[key]) for key in keys) <= 20


def test_a_model_on_the_hub_is_offered_once_it_is_here(monkeypatch, tmp_path):
    card = ModelCard("owner/cats", "cats", "owner/cats", "latent", "", 0, revision="f" * 40)
    monkeypatch.setitem(MODELS, "owner/cats", card)
    cache = "huggingface_hub.try_to_load_from_cache"
    monkeypatch.setattr(cache, lambda *_, **__: None)
    assert "owner/cats" not in offered()
    assert "not on this machine" in refused(own_schedule, "owner/cats")
    file = tmp_path / "scheduler_config.json"
    file.write_text(json.dumps(config_of(linear())))
    monkeypatch.setattr(cache, lambda *_, **__: str(file))
    assert "owner/cats" in offered() and sentence(in_words("owner/cats")) == "cats (own)"
    assert torch.allclose(own_schedule("owner/cats").alpha, linear().alpha)


def test_a_schedule_that_was_added_needs_no_words(monkeypatch):
    def steep(timesteps: int = 1000, power: float = 2.0):
        return linear(timesteps, beta_end=0.01 * power)

    monkeypatch.setitem(SCHEDULES, "steep", steep)
    sent = compared("steep", "linear", first_parameters={"power": 4})
    assert sentence(sent["title"]).endswith("steep: power = 4") and "steep" in sent["chart"]
    assert "power must be a number" in refused(answer, "steep", first_parameters={"power": "x"})
    assert not any(each["visible"] for each in adopted("steep")[1:])


# ---- the run ------------------------------------------------------------------------------------


def test_a_tape_over_t():
    sent = compared()
    assert sent["total"] == len(sent["frames"]) == 33 and sent["start"] == 11
    assert sent["keep"] == "schedule" and sent["status"] == "done"
    assert sent["ends"] == ["t = 0", "t = 999"]
    assert [sentence(sent[each]) for each in ("axis_name", "curve_name")] == [
        "timestep",
        "share of signal: α² / (α² + σ²)",
    ]
    assert [len(curve) for curve in sent["curve"]] == [38, 38]
    assert sent["ticks"][0] == 1 and len(sent["ticks"]) == 10
    places = [frame["chart_x"] for frame in sent["frames"]]
    assert places == sorted(places) and (places[0], places[-1]) == (0, 1)


@pytest.mark.parametrize("digit", [1, 8])
def test_noise_is_told_as_a_share_of_the_power_of_the_digit_that_is_shown(digit):
    images, labels = mnist("test")
    power = signed(images[(labels == digit).nonzero()[0]]).double().square().mean().item()
    frame = compared("linear", "karras", digit=digit)["frames"][9]
    t = frame["say"][1]["t"]
    shares = []
    for name in ("linear", "karras"):
        level = SCHEDULES[name]().level(t)
        shares.append(level.sigma**2 / (level.alpha**2 * power + level.sigma**2))
    assert frame["text"] == (
        f"At t = {t} noise is {percent(shares[0])} of the power with linear and "
        f"{percent(shares[1])} with karras."
    )
    assert sentence(frame["say"], "zh").startswith(f"t = {t} 时，噪声占功率的比例：线性 linear")


def test_the_curve_behind_the_timeline_agrees_with_the_sentence():
    sent = compared("linear", "cosine")
    for side, curve in zip(("first", "second"), sent["curve"], strict=True):
        for place, height in (curve[0], curve[-1]):
            frame = min(sent["frames"], key=lambda each: abs(each["pos"] - place))
            assert frame["say"][1][f"{side}_noise"] == pytest.approx(1 - height, abs=1e-3)


def test_a_model_stands_beside_a_named_schedule():
    sent = compared("emoji", "cosine", steps=4)
    assert sentence(sent["title"]).startswith("emoji (own) and cosine: 4 steps, trailing")
    assert [sentence(panel["title"]) for panel in sent["panels"]] == ["emoji (own)", "cosine"]
    assert "emoji (own)" in chart_texts(sent) and sent["settings"]["first"] == "emoji"
    assert "same schedule" not in sent["frames"][5]["text"]


def test_equal_schedules_are_said_to_be_equal():
    frame = compared("digits", "linear")["frames"][9]
    assert frame["text"].endswith("the two are the same schedule.")
    assert frame["pictures"][0] == frame["pictures"][1]
    other = compared("digits", "linear", second_parameters={"beta_end": 0.03})["frames"][9]
    assert "same" not in other["text"]


def test_pictures_whose_variance_explodes_are_said_to_be_scaled():
    panels = compared("karras", "cosine")["panels"]
    assert [sentence(panel["title"]) for panel in panels] == ["karras, scaled", "cosine"]
    assert [sentence(panel["title"], "zh") for panel in panels] == [
        "karras，已缩放",
        "余弦 cosine",
    ]


def test_the_numbers_have_words():
    numbers = compared()["frames"][3]["numbers"]
    assert len(numbers) == 7
    for language in ("en", "zh"):
        for name in numbers:
            assert table(language)[f"number.{name}.label"]
            assert "{value" in table(language)[f"number.{name}.value"]


# ---- a quantity that does not move --------------------------------------------------------------


@pytest.mark.parametrize("name", ["karras", "geometric"])
@pytest.mark.parametrize("quantity", ["alpha_bar", "alpha"])
@pytest.mark.parametrize("side", ["first", "second"])
def test_a_curve_that_stays_at_1_is_replaced_and_said(name, quantity, side):
    pair = {"first": "linear", "second": "linear"} | {side: name}
    sent = compared(**pair, quantity=quantity)
    said = " ".join(chart_texts(sent))
    spoken = quantity.replace("_", "-")
    assert f"log-SNR [nats] {spoken} does not move with {name}" in said
    assert sent["settings"]["quantity"] == "log_snr" and "· log-SNR" in sentence(sent["title"])
    heights = [
        [float(point.split(",")[1]) for point in points.split()]
        for points in re.findall(r'<polyline[^>]*points="([^"]*)"', sent["chart"])
    ]
    assert len(heights) == 2 and all(max(each) - min(each) > 50 for each in heights)
    again = compared(**sent["settings"])
    assert [frame["pictures"] for frame in again["frames"]] == [
        frame["pictures"] for frame in sent["frames"]
    ]


@pytest.mark.parametrize("quantity", ["sigma", "beta", "snr"])
def test_a_curve_that_moves_is_drawn_as_asked(quantity):
    sent = compared("karras", "geometric", quantity=quantity)
    assert sent["settings"]["quantity"] == quantity and "does not move" not in sent["chart"]


def test_a_constant_beta_is_drawn_as_asked():
    """It preserves variance: a straight line is what was asked for."""
    flat = {"beta_start": 0.01, "beta_end": 0.01}
    sent = compared("linear", "cosine", "beta", first_parameters=flat)
    assert sent["settings"]["quantity"] == "beta"


def test_the_menu_of_curves_says_when_another_one_is_drawn():
    assert noted("linear", "karras", "alpha_bar")["info"] == (
        "alpha-bar does not move with karras; log-SNR is drawn"
    )
    assert "does not move" not in str(noted("linear", "cosine", "alpha_bar")["info"])


# ---- the title ----------------------------------------------------------------------------------


def test_the_title_says_all_that_was_changed():
    assert title() == "linear and cosine: 10 steps, trailing"
    changed = title(
        "linear",
        "cosine",
        "snr",
        25,
        "leading",
        7,
        {"beta_end": 0.03, "beta_start": 0.0001},
        {"zero_terminal_snr": True},
    )
    assert changed == (
        "linear and cosine: 25 steps, leading · linear: beta_end = 0.03 "
        "· cosine: Zero terminal SNR · SNR · digit 7"
    )
    assert title("linear", "linear") == "linear and linear (second): 10 steps, trailing"


def test_one_step_is_not_called_steps():
    assert title(steps=1) == "linear and cosine: 1 step, trailing"
    assert title(steps=1, language="zh") == "线性 linear 与 余弦 cosine：1 步，后对齐 trailing"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_lead_is_one_line_and_describes_no_place(language):
    lead = table(language)["schedule.lead"]
    assert "\n" not in lead and len(lead) < 130
    assert not re.search("left|right|middle|beside|below|左|右|中间|旁边|下方", lead)


# ---- what cannot be had -------------------------------------------------------------------------


def test_a_models_own_schedule_has_no_parameters_and_says_so():
    menu, *parameters = adopted("digits")
    assert parameters and not any(each["visible"] for each in parameters)
    other, *parameters = adopted("cosine")
    assert str(menu["info"]) != str(other["info"])
    assert sum(each["visible"] for each in parameters) == 3
    fixed = refused(answer, "digits", first_parameters={"beta_end": 0.03})
    assert "takes no parameters" in fixed
    assert compared("digits", first_parameters={})["status"] == "done"


def test_schedules_of_different_length_are_refused(add_model):
    add_model("short", config_of(linear(timesteps=500)))
    assert "short has 500 timesteps and linear has 1000" in refused(answer, "short", "linear")
    assert "500 timesteps, and 600 steps" in refused(answer, "short", "short", steps=600)


def test_a_config_without_a_schedule_is_one_sentence(add_model):
    add_model("flowing", {"use_flow_sigmas": True})
    assert "needs trained_betas" in refused(answer, "flowing")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"first": "exact"}, "First schedule must be one of linear"),
        ({"second": "wavy"}, "Second schedule must be one of linear"),
        ({"first_parameters": {"rho": 7}}, "linear has no parameter rho; it takes beta_start"),
        ({"first_parameters": {"timesteps": 7}}, "no parameter timesteps"),
        ({"first_parameters": {"beta_end": 0.00001}}, "must not exceed beta_end 1e-05"),
        ({"first_parameters": {"beta_end": "much"}}, "First schedule: beta_end must be a number"),
        ({"second_parameters": 7}, "Second schedule: parameters must be given by name, got 7"),
        (
            {"first_parameters": {"zero_terminal_snr": 1}},
            "zero_terminal_snr must be true or false",
        ),
        ({"second": "karras", "second_parameters": {"sigma_min": 90}}, "must be below sigma_max"),
        ({"quantity": "colour"}, "Curve must be one of alpha_bar"),
        ({"steps": 1001}, "Steps must be a whole number in 1..1000"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(settings, said):
    assert said in refused(answer, **settings)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_ranges_of_parameters_are_those_of_the_schedules(name):
    """The ends are taken, what lies beyond them is refused by the schedule itself."""
    for key in RANGES.keys() & inspect.signature(SCHEDULES[name]).parameters.keys():
        field = RANGES[key]
        both = {"beta_start": 1e-8, "beta_end": 0.9999, "sigma_min": 1e-4, "sigma_max": 1000}
        taken = inspect.signature(SCHEDULES[name]).parameters
        wide = {each: value for each, value in both.items() if each in taken}
        partner = {"sigma_min": "sigma_max", "sigma_max": "sigma_min"}.get(key)
        for end in (field.low, field.high):
            if partner and end == both[partner]:
                continue  # the one has to be below the other
            SCHEDULES[name](**wide | {key: end})
        low, high = field.slider or (field.low, field.high)
        assert field.low <= low < high <= field.high
        for beyond in (field.low - max(1e-9, field.low * 0.1), field.high * 1.01 + 1e-3):
            with pytest.raises(ValueError, match="must"):
                SCHEDULES[name](**wide | {key: beyond})


def test_the_learned_variance_lies_between_both_ends():
    """Of few steps, where the ends are far apart: the posterior's share of beta, and 1."""
    request = ScheduleRequest.of(
        first="digits-variance", second="linear", quantity=SHARE, steps=10, spacing="trailing"
    )
    own, other, learned = share_curves(request)
    assert [own.tone, other.tone, learned.tone] == ["first", "second", "first chart-learned"]
    assert list(own.at) == [own.at[0], *learned.at] == request.pair[0].timesteps(10)[::-1]
    for low, value in zip(own.values[1:], learned.values, strict=True):
        assert low - 1e-6 < value < 1 + 1e-6
    levels = linear().levels(10)
    wanted = [(s.sigma / t.sigma) ** 2 for t, s in pairwise(levels)][::-1]
    assert other.values == pytest.approx(wanted)
    sent = message(request)
    assert sent["chart"].count("polyline") == 3 and "999" in sent["chart"]
