"""Requests: every value is judged once, and one rule both refuses and closes a control."""

import inspect
import json
import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from demos.runs.fields import Choice, Real, Sent, Text, Truth, Whole
from demos.runs.requests import Request, event
from demos.words import Refusal


@dataclass(frozen=True)
class Asked(Request):
    event: ClassVar[str] = "sample"

    sampler: str = Choice(("ddim", "heun"), "ddim")
    steps: int = Whole(1, 1000, 50, slider=(1, 200))
    guidance: float = Real(0, 20, 2.0, idle=1.0)
    eta: float | None = Real(0, 1, None, optional=True)
    clip_x0: bool = Truth(False)
    prompt: str = Text(10, "dog", needs=lambda asked: asked.sampler == "ddim")
    picture: object = Sent("a picture")

    def refusals(self):
        if self.eta and self.sampler == "heun":
            yield "eta", Refusal("sample.refused.eta", sampler=self.sampler)
        if self.guidance != 1 and self.clip_x0:
            yield "guidance", Refusal("sample.refused.guidance", model="x")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"sampler": "euler"}, "Sampler must be one of ddim, heun; got euler."),
        ({"sampler": None}, "Sampler must be one of ddim, heun; got nothing."),
        ({"steps": 0}, "Steps must be a whole number in 1..1000, got 0."),
        ({"steps": 2.5}, "Steps must be a whole number in 1..1000, got 2.5."),
        ({"steps": True}, "Steps must be a whole number in 1..1000, got True."),
        ({"steps": 10**50}, "Steps must be a whole number in 1..1000, got a huge number."),
        ({"guidance": float("nan")}, "Guidance must be a number in 0..20, got nan."),
        ({"guidance": [1]}, "Guidance must be a number in 0..20, got [1]."),
        ({"clip_x0": 1}, "Clip x0 while sampling must be true or false, got 1."),
        ({"prompt": "x" * 11}, "Prompt must be text of at most 10 characters."),
        ({"prompt": 7}, "Prompt must be text of at most 10 characters."),
        ({"eta": 0.5, "sampler": "heun"}, "The sampler heun is deterministic"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(sent, said):
    with pytest.raises(Refusal) as caught:
        Asked.of(**sent)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_values_come_in_order_or_by_name():
    assert Asked.of("heun", np.int64(7)) == Asked.of(steps="7", sampler="heun")
    assert Asked.of(eta="").eta is None and Asked.of(eta=0).eta == 0.0
    assert Asked.of(prompt="  a\n b ").prompt == "a b"
    with pytest.raises(TypeError, match="no argument speed"):
        Asked.of(speed=3)


def test_one_rule_refuses_and_closes():
    assert Asked.of().closed() == {}
    closed = Asked.read(sampler="heun").closed()
    assert list(closed) == ["eta"] and "deterministic" in str(closed["eta"])
    assert list(Asked.read(clip_x0=True).closed()) == ["guidance"]
    assert Asked.bound(("sampler", "clip_x0")) == ["guidance", "eta", "prompt"]


def test_what_does_not_count_is_no_setting():
    assert set(Asked.of().settings()) == {
        "sampler", "steps", "guidance", "eta", "clip_x0", "prompt"}  # fmt: skip
    assert "prompt" not in Asked.of("heun", prompt="cat").settings()
    assert Asked.of(steps=3, picture=object()).changed() == {"steps": 3}
    assert json.dumps(Asked.of().settings())


def test_an_event_has_the_signature_of_its_request():
    @event(Asked, picture=str.upper)
    def run(request):
        """Run it."""
        yield request

    assert list(inspect.signature(run).parameters) == list(Asked.controls())
    assert inspect.signature(run).parameters["steps"].default == 50
    assert "    steps: 1..1000; more steps" in (run.__doc__ or "")
    assert inspect.isgeneratorfunction(run)
    (asked,) = run("heun", picture="data")
    assert asked.sampler == "heun" and asked.picture == "DATA"
    assert pickle.loads(pickle.dumps(Asked.of(steps=3))) == Asked.of(steps=3)
