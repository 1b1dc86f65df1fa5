"""The schedule tab: named schedules, and those that the models were trained with."""

import json
import re

import pytest
import torch

from core.bridge import config_of
from core.models import MODELS, ModelCard, load
from core.schedules import SCHEDULES, linear
from demos.comparison import offered, own_schedule, said, schedule
from demos.plots import QUANTITIES
from demos.schedules import FIXED, adopt, words_of


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
    assert words_of("digits") == "digits (the model's own)" and words_of("flow") == "flow"


def test_a_model_on_the_hub_is_offered_once_it_is_here(monkeypatch, tmp_path):
    card = ModelCard("owner/cats", "cats", "owner/cats", "latent", "", 0, revision="f" * 40)
    monkeypatch.setitem(MODELS, "owner/cats", card)
    cache = "huggingface_hub.try_to_load_from_cache"
    monkeypatch.setattr(cache, lambda *_, **__: None)
    assert "owner/cats" not in offered()
    with pytest.raises(ValueError, match="not on this machine"):
        own_schedule("owner/cats")
    file = tmp_path / "scheduler_config.json"
    file.write_text(json.dumps(config_of(linear())))
    monkeypatch.setattr(cache, lambda *_, **__: str(file))
    assert "owner/cats" in offered() and said("owner/cats") == "cats (own)"
    assert torch.allclose(own_schedule("owner/cats").alpha, linear().alpha)


def test_a_model_stands_beside_a_named_schedule():
    message = schedule("emoji", "cosine", steps=4)
    assert message["title"].startswith("emoji (own) and cosine")
    assert [panel["title"] for panel in message["panels"]] == ["emoji (own)", "cosine"]
    assert "emoji (own)" in message["chart"] and message["settings"]["first"] == "emoji"
    assert "same schedule" not in message["frames"][5]["text"]


def test_equal_schedules_are_said_to_be_equal():
    frame = schedule("digits", "linear")["frames"][9]
    assert frame["text"].endswith("the two are the same schedule.")
    assert frame["pictures"][0] == frame["pictures"][1]
    assert (
        "same"
        not in schedule("digits", "linear", second_parameters={"beta_end": 0.03})["frames"][9][
            "text"
        ]
    )


def test_a_models_own_schedule_has_no_parameters_and_says_so():
    name, *parameters = adopt("digits")
    assert name["info"] == FIXED
    assert parameters and not any(each["visible"] for each in parameters)
    name, *parameters = adopt("cosine")
    assert name["info"] != FIXED and sum(each["visible"] for each in parameters) == 3
    with pytest.raises(ValueError, match="takes no parameters"):
        schedule("digits", first_parameters={"beta_end": 0.03})
    assert schedule("digits", first_parameters={})["status"] == "done"


def test_schedules_of_different_length_are_refused(add_model):
    add_model("short", config_of(linear(timesteps=500)))
    with pytest.raises(ValueError, match="short has 500 timesteps and linear has 1000"):
        schedule("short", "linear")


def test_a_config_without_a_schedule_is_one_sentence(add_model):
    add_model("flowing", {"use_flow_sigmas": True})
    with pytest.raises(ValueError, match="needs trained_betas"):
        schedule("flowing")


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=re.escape("First schedule must be one of linear")):
        schedule("exact")


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_curve_of_a_model_can_be_drawn(quantity):
    assert 'class="chart"' in schedule("digits", "flow", quantity=quantity)["chart"]


def test_names_of_curves_fit_their_menu():
    names = [words.partition(":")[0] for words, _ in QUANTITIES.values()]
    assert len(set(names)) == len(names) and max(map(len, names)) <= 20
