"""Links: what a query holds is what was asked for, and what it cannot hold is said."""

import json
from urllib.parse import parse_qsl

import gradio as gr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import MODELS
from demos import TABS
from demos.forward.request import NoiseRequest
from demos.inversion.request import EditRequest, InvertRequest, StridesRequest
from demos.runs import fields, links
from demos.sampling.request import SampleRequest
from demos.schedules.parameters import PARAMETERS, defaults_of
from demos.schedules.request import ScheduleRequest
from demos.ui.offers import Offer
from demos.ui.recorded import Shared
from demos.views.codes import code
from demos.words import Refusal, sentence

KINDS = {
    "schedule": (ScheduleRequest,),
    "noise": (NoiseRequest,),
    "sample": (SampleRequest,),
    "invert": (InvertRequest,),
    "edit": (InvertRequest, EditRequest),
    "strides": (StridesRequest,),
}
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


def settings_of(found):
    return {k: value for request in found for k, value in request.settings().items()}


def texts(query):
    """What a browser sends of a query, and the server reads."""
    return links.texts_of(as_sent(query))


def as_sent(query):
    return json.dumps(dict(parse_qsl(query, keep_blank_values=True)), ensure_ascii=False)


def opened(query, kinds):
    return links.asked(links.parsed(texts(query), kinds), kinds)


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


# ---- the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def offered():
    """The links of the whole page."""
    with gr.Blocks():
        with gr.Tabs(selected="sampling") as tabs:
            shared = Shared(tabs, gr.State(), gr.State())
            for tab in TABS:
                with gr.Tab(id=tab.__name__.rpartition(".")[2]):
                    tab.build(shared)
        shared.links.connect(tabs)
    return shared.links


def told(links, updates):
    return json.loads(updates[links.note])


def test_every_tab_with_a_player_offers_links(offered):
    assert set(offered.offers) == set(KINDS)
    assert {name: offer.kinds for name, offer in offered.offers.items()} == KINDS


def test_a_message_has_the_link_of_its_run_and_the_recorded_one_has_none(offered):
    edit = settings_of(links.asked({"target": "3", "mask": "drawn"}, KINDS["edit"]))
    found = offered.link("invert", {"run": "a", "settings": edit})
    assert found["query"] == "tab=edit&model=digits&target=3&mask=drawn"
    assert sentence(found["lost"]) == "the painted mask"
    lesson = StridesRequest.of().settings()
    assert offered.link("invert", {"run": "a", "settings": lesson})["query"].startswith(
        "tab=strides&"
    )
    player = offered.offers["sample"].player
    assert offered.link("sample", player.opening) is None
    again = json.loads(player.postprocess({**player.opening, "run": "b"}))
    assert again["link"]["query"] == "tab=sample&model=digits"
    for strange in ({}, {"x": 1}, {"steps": "many"}):
        assert offered.link("sample", {"run": "a", "settings": strange}) is None


def test_a_link_sets_every_control_of_its_tab_and_names_the_button(offered):
    offer: Offer = offered.offers["sample"]
    found = offered.opened(as_sent("tab=sample&model=emoji&prompt=tiger face&steps=7&frame=3"))
    assert told(offered, found) == {
        "player": "sample", "frame": 3, "press": "press-start-sample-0",
        "run": "tab=sample&model=emoji&steps=7&prompt=tiger+face"}  # fmt: skip
    assert found[offered.tabs].selected == "sampling"
    by_name = {
        each.elem_classes[1]: update
        for each, update in found.items()
        if each in offer_controls(offer)
    }
    assert by_name["control-steps"]["value"] == 7
    assert by_name["control-prompt"]["value"] == "tiger face"
    assert by_name["control-prompt"]["visible"] and not by_name["control-label"]["visible"]
    assert by_name["control-eta"]["value"] == ""
    assert len(by_name) == len(SampleRequest.controls())


def offer_controls(offer):
    return set(offer.restore(*offer.asked({})))


def test_a_link_without_settings_brings_back_what_the_tab_opens_with(offered):
    found = offered.opened(as_sent("tab=sample&frame=12"))
    assert told(offered, found) == {"player": "sample", "frame": 12}
    player = offered.offers["sample"].player
    assert found[player]["run"] == "tape-sample"
    assert found[offered.offers["sample"].runner.archive] == "recorded"
    assert told(offered, offered.opened("{}"))["player"] == "sample"


def test_an_upload_is_asked_for_and_nothing_is_run(offered, monkeypatch):
    says = []
    monkeypatch.setattr(gr, "Info", says.append)
    found = offered.opened(as_sent("tab=noise&source=upload"))
    assert told(offered, found)["press"] is None
    assert len(says) == 1 and "cannot hold the uploaded picture" in says[0]


@pytest.mark.parametrize("query", ["tab=nope", "tab=sample&steps=0", "tab=noise&frame=x"])
def test_a_bad_link_is_one_sentence_and_opens_its_tab_if_it_has_one(offered, monkeypatch, query):
    says = []
    monkeypatch.setattr(gr, "Warning", says.append)
    found = offered.opened(as_sent(query))
    assert told(offered, found)["refused"] and len(says) == 1
    assert (offered.tabs in found) == ("nope" not in query)
    assert len(found) <= 2  # no control is touched


def test_pasted_settings_find_their_tab(offered, monkeypatch):
    says = []
    monkeypatch.setattr(gr, "Info", says.append)
    copied = json.dumps(InvertRequest.of(steps=9).settings())
    found = offered.pasted(f"sample\n{copied}")
    assert told(offered, found) == {"player": "invert"} and len(says) == 1
    both = json.dumps({"model": "digits", "seed": 3})
    for player in ("sample", "noise", "invert"):
        assert told(offered, offered.pasted(f"{player}\n{both}"))["player"] == player
    for text, said in (("{", "no settings"), ('{"x": 1}', "no tab"), ('{"steps": 0}', "in 1..")):
        assert said in told(offered, offered.pasted(f"sample\n{text}"))["refused"]


# ---- codes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("javascript:alert(1)", "begins with http"),
        ("", "begins with http"),
        (None, "begins with http"),
        ("https://a b", "begins with http"),
        ("https://example.org/" + "x" * 1200, "too long"),
    ],
)
def test_what_is_no_address_has_no_code(address, said):
    with pytest.raises(Refusal, match=said):
        code(address)


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
