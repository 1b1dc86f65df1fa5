"""Links: what a query holds is what was asked for, and what it cannot hold is said."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import MODELS
from demos.forward.request import NoiseRequest
from demos.inversion.request import EditRequest, InvertRequest
from demos.runs import fields, links
from demos.sampling.request import SampleRequest
from demos.schedules.parameters import PARAMETERS, defaults_of
from demos.schedules.request import ScheduleRequest
from demos.words import Refusal
from tests.demos.linked import KINDS, opened, settings_of, texts

TEXTS = st.text(max_size=40) | st.sampled_from(["", "a&b=c#d?e+f%20", "狗 🐶", "<script>", "null"])


def values_of(name, field):
    """What a control of this field may hold."""
    if isinstance(field, fields.ChoiceField):
        return st.sampled_from([*field.names(), *([None] if field.optional else [])])
    if isinstance(field, fields.WholeField):
        return st.integers(field.low, field.high)
    if isinstance(field, fields.RealField):
        number = st.floats(field.low, field.high)
        return number | st.none() if field.optional else number
    if isinstance(field, fields.TruthField):
        return st.booleans()
    if isinstance(field, fields.TextField):
        return TEXTS | st.none() if field.optional else TEXTS
    if isinstance(field, fields.TableField):
        return st.dictionaries(st.sampled_from(list(PARAMETERS)), st.floats(0, 1), max_size=4)
    raise AssertionError(f"{name} is of a kind that no link was tried with")


@st.composite
def requests(draw, kinds):
    """Requests of one run that can be run: what is refused is brought to rest."""
    found = ()
    for kind in kinds:
        known = {n: each for n, each in kind.controls().items() if each.is_text}
        sent = {n: draw(values_of(n, each)) for n, each in known.items()}
        for side in ("first", "second") if kind is ScheduleRequest else ():
            taken, table = defaults_of(sent[side]), sent[f"{side}_parameters"]
            kept = {k: v for k, v in table.items() if k in taken and not k.endswith("snr")}
            sent[f"{side}_parameters"] = kept
        for _ in range(6):
            try:
                found = (*found, kind.of(**kind.after(found), **sent))
                break
            except Refusal:
                sent = mended(kind, kind.after(found), sent, known)
        else:
            found = (*found, kind.of(**kind.after(found)))
    return found


def mended(kind, before, sent, known):
    """The values with the refused ones at rest, or within their range."""
    for name, field in known.items():
        try:
            field.check(sent[name], name)
        except Refusal:
            sent = {**sent, name: field.default}
    name, _ = next(kind.read(**before, **sent).refusals(), ("", None))
    return {**sent, name: known[name].rest} if name in known else sent


@pytest.mark.parametrize("name", KINDS)
def test_what_is_asked_for_is_read_from_its_link(name):
    kinds = KINDS[name]

    @settings(derandomize=True, max_examples=150, deadline=None)
    @given(requests(kinds), st.none() | st.integers(1, 5000))
    def same(found, frame):
        held = settings_of(found)
        query = links.query(name, kinds, held, frame)
        assert settings_of(opened(query, kinds)) == held
        assert texts(query)["tab"] == name
        assert links.frame_of(texts(query)) == frame
        again = links.asked(links.settings_of(json.dumps(held)), kinds)  # copied and pasted
        assert settings_of(again) == held

    same()


@pytest.mark.parametrize("name", KINDS)
def test_a_link_names_what_differs_and_no_name_is_taken_twice(name):
    kinds = KINDS[name]
    held = settings_of(links.asked({}, kinds))
    first = next(iter(kinds[0].controls()))
    held = texts(links.query(name, kinds, held))
    assert {"tab", first} <= set(held) and len(held) <= 3  # a scene's prompt is always said
    names = [field for kind in kinds for field in kind.controls()]
    assert len(names) == len(set(names)) and not {"tab", "frame"} & set(names)
    assert not any("." in each for each in names)  # a prefix is left for a second run


def test_a_link_is_short_and_can_be_read():
    held = SampleRequest.of(steps=20, seed=3).settings()
    query = links.query("sample", (SampleRequest,), held, 12)
    assert query == "tab=sample&model=digits&steps=20&seed=3&frame=12"
    held = ScheduleRequest.of(first_parameters={"beta_start": 1e-4, "beta_end": 0.03}).settings()
    query = links.query("schedule", (ScheduleRequest,), held)
    assert query == "tab=schedule&first=linear&first_parameters=beta_end%3A0.03"
    assert opened("tab=sample&steps=7&utm_source=chat&__theme=dark", (SampleRequest,)) == (
        SampleRequest.of(steps=7),
    )


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("steps=0", "sample", "Steps must be a whole number in 1..1000, got 0."),
        ("steps=abc", "sample", "Steps must be a whole number in 1..1000, got abc."),
        ("steps=", "sample", "Steps must be a whole number in 1..1000, got nothing."),
        ("steps=7.5", "sample", "Steps must be a whole number in 1..1000, got 7.5."),
        ("steps=" + "9" * 1000, "sample", "Steps must be a whole number in 1..1000, got 999"),
        ("guidance=nan", "sample", "Guidance must be a number in 0..20, got nan."),
        ("clip_x0=yes", "sample", "Clip x0 while sampling must be true or false, got yes."),
        ("model=<script>", "sample", "Model must be one of "),
        ("prompt=" + "x" * 501, "sample", "Prompt must be text of at most 500 characters."),
        ("sampler=heun&eta=0.5", "sample", "The sampler heun is deterministic"),
        ("first_parameters=7", "schedule", "First schedule: parameters must be given by name"),
        ("first_parameters=rho:7", "schedule", "linear has no parameter rho"),
        ("model=basic", "invert", "Model must be one of "),
        ("strength=2", "edit", "Start level must be a number in 0..1, got 2."),
    ],
)
def test_what_is_wrong_in_a_link_is_one_sentence(query, name, said):
    with pytest.raises(Refusal) as caught:
        opened(query, KINDS[name])
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


@pytest.mark.parametrize("frame", ["0", "-1", "x", "", "1e9"])
def test_a_frame_is_counted_from_1(frame):
    with pytest.raises(Refusal, match=r"^The frame of the link must be a whole number in 1\.\."):
        links.frame_of({"frame": frame})


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "7", "{}", "null", "steps: 3", "[" * 5000, '{"a": 1' + " " * 30_000]
)
def test_a_text_that_holds_no_settings_is_one_sentence(text):
    with pytest.raises(Refusal, match="This text holds no settings"):
        links.settings_of(text)
    with pytest.raises(Refusal, match="longer than"):
        links.texts_of("")
    with pytest.raises(Refusal, match="longer than"):
        links.texts_of('{"steps": 7}')  # a query holds texts


@pytest.mark.parametrize(
    ("kinds", "values", "lost"),
    [
        ((NoiseRequest,), {"source": "upload"}, ["picture"]),
        ((NoiseRequest,), {}, []),
        ((InvertRequest,), {"source": "drawing"}, ["drawing"]),
        ((InvertRequest,), {"source": "generated"}, ["generated"]),
        ((InvertRequest, EditRequest), {"mask": "drawn"}, ["painted"]),
        (
            (InvertRequest, EditRequest),
            {"mask": "drawn", "source": "upload"},
            ["picture", "painted"],
        ),
    ],
)
def test_what_a_link_cannot_hold_is_known(kinds, values, lost):
    assert links.beyond(links.asked(values, kinds)) == lost


def test_every_model_can_be_linked():
    for name in MODELS:
        held = SampleRequest.read(model=name).settings()
        assert texts(links.query("sample", (SampleRequest,), held))["model"] == name


@pytest.mark.parametrize("name", ["sample", "edit"])
def test_the_longest_link_and_its_settings_pass_the_door(name):
    values = {"model": "emoji", "prompt": "狗" * 500, "negative": "猫" * 500, "seed": 2**32 - 1}
    more = {"source": "scene", "caption": "狗" * 200, "target_prompt": "猫" * 500}
    values |= more if name == "edit" else {}
    held = settings_of(links.asked(values, KINDS[name]))
    assert opened(links.query(name, KINDS[name], held, 999), KINDS[name])
    assert len(json.dumps(held, ensure_ascii=False)) < links.LONGEST


def test_no_field_is_called_like_what_a_link_holds_besides():
    names = {name for kinds in KINDS.values() for kind in kinds for name in kind.controls()}
    assert "steps" in names and not names & set(links.TAKEN)
