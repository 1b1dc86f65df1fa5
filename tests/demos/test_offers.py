"""What the tabs offer to links, pasted settings and QR codes."""

import json

import gradio as gr
import pytest

from demos import TABS
from demos.inversion.request import InvertRequest, StridesRequest
from demos.runs import links
from demos.sampling.request import SampleRequest
from demos.ui.offers import Offer
from demos.ui.recorded import Shared
from demos.views.codes import code
from demos.words import Refusal, sentence
from tests.demos.linked import KINDS, as_sent, settings_of


@pytest.fixture(scope="module")
def offered():
    """The links of the whole page."""
    with gr.Blocks():
        with gr.Tabs(selected="sampling") as tabs:
            shared = Shared(tabs, gr.State(), gr.State(), gr.State())
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


def test_the_settings_of_an_opened_file_reach_the_controls_without_a_word(offered, monkeypatch):
    says = []
    for kind in ("Info", "Warning"):
        monkeypatch.setattr(gr, kind, says.append)
    asked = InvertRequest.of(steps=9)
    found = offered.followed(f"invert\n{json.dumps(asked.settings())}")
    wanted = offered.offers["invert"].restore(asked)
    assert [found[each]["value"] for each in wanted] == [each["value"] for each in wanted.values()]
    for text in ("{", '{"x": 1}', '{"steps": 0}'):
        assert list(offered.followed(f"sample\n{text}")) == [offered.note]
    assert says == []


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
