"""The tab "Invert & edit": edits, masks, presets and controls."""

import re
from dataclasses import replace

import gradio as gr
import pytest
from PIL import Image

from core.classifiers import read_digits
from core.data.captions import parse
from core.metrics import psnr
from core.models import MODELS
from core.tapes import Frame
from demos.inversion import page, summary
from demos.inversion.layout import Layout
from demos.inversion.page import complete, edited, everything, inverted, replay
from demos.inversion.panels import ORDER
from demos.inversion.presets import PRESETS, START
from demos.inversion.request import MASKS, EditRequest, InvertRequest
from demos.inversion.run import edit, invert
from demos.inversion.session import Session
from demos.pictures import masks
from demos.pictures.photos import PHOTOS
from demos.pictures.sources import SOURCES
from demos.runs.stream import completed
from demos.ui.recorded import Shared
from demos.words import Refusal, sentence
from tests.demos import last, refused

PICTURE, EDIT, RANDOM = (ORDER.index(key) for key in ("picture", "edit", "random"))


def test_an_edit_of_latents_rests_decoded_beside_sdedit(scene_run):
    message, after = last(edited(scene_run[1], guidance=1.0, strength=0.7))
    frames = message["frames"]
    assert [frame["approx"] for frame in frames[8:]] == [[EDIT, RANDOM]] * 2 + [[]]
    assert frames[-1]["text"].startswith("Edited to “fox on a blue background”: PSNR to the")
    assert message["settings"]["target_prompt"] == "fox on a blue background"
    assert "target" not in message["settings"]
    assert len(after.latents) == len(frames)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"target_prompt": 9}, "Target prompt must be text"),
        ({"guidance": 21}, "Guidance must be a number in 0..20, got 21"),
        ({"strength": 1.5}, "Start level must be a number in 0..1, got 1.5"),
        ({"sdedit_seed": -1}, "SDEdit seed must be a whole number"),
    ],
)
def test_bad_input_of_an_edit_is_one_sentence(scene_run, arguments, said):
    assert said in refused(edited, scene_run[1], **arguments)


def test_a_negative_prompt_is_avoided_by_the_edit_and_by_sdedit(scene_run):
    ends = {}
    for negative in ("", "dog face"):
        message, _ = last(edited(scene_run[1], negative=negative, guidance=4.0, strength=0.7))
        ends[negative] = [message["frames"][-1]["pictures"][at] for at in (EDIT, RANDOM)]
    assert all(one != other for one, other in zip(*ends.values(), strict=True))
    assert sentence(message["title"]).endswith("· avoiding “dog face”")
    assert message["settings"]["negative"] == "dog face"


def test_of_a_photograph_it_is_said_what_is_kept_where_nothing_was_asked_for():
    asked = {"model": "emoji", "source": "photograph", "photo": "rocket", "steps": 10}
    left = completed(invert(InvertRequest.of(**asked)))
    request = EditRequest.of(session=left, target_prompt="dog face", strength=0.4)
    *_, frame = edit(request)
    assert isinstance(frame, Frame)
    told = r"Over the (\d+) % that both prompts see alike: (.+?) dB, SDEdit (.+?) dB\."
    seen = re.search(told, sentence(frame.say))
    assert seen is not None
    share, ours, theirs = map(float, seen.groups())
    assert ours > theirs + 3 and 50 < share < 100
    *_, frame = edit(replace(request, mask="automatic"))
    assert isinstance(frame, Frame)
    assert not re.search(told, sentence(frame.say))


def test_a_scene_has_no_background_to_keep(scene_run):
    message, _ = last(edited(scene_run[1], strength=0.4))
    assert "both prompts see alike" not in message["frames"][-1]["text"]


def test_a_method_with_a_negative_prompt_of_its_own_refuses_another():
    asked = {"model": "emoji", "source": "scene", "steps": 2, "method": "negative_prompt"}
    left = completed(invert(InvertRequest.of(**asked)))
    with pytest.raises(Refusal) as refusal:
        EditRequest.of(session=left, negative="dog face")
    assert sentence(refusal.value.say).startswith(
        "The method “Negative prompt” chooses what guidance pushes away from itself"
    )
    assert EditRequest.of(session=left).avoided == ""


def test_edit_needs_an_inversion():
    assert refused(edited, None) == "Invert a picture first; then it can be edited."


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_can_be_run_and_says_what_the_model_knows(key):
    preset = complete(PRESETS[key])
    assert set(preset) <= {*InvertRequest.controls(), *EditRequest.controls()}
    assert next(iter(preset)) == "source", "the model looks at it when it changes"
    kind = MODELS[preset["model"]].condition
    assert preset["source"] in SOURCES[kind]
    if kind == "text":
        photographed = preset["source"] == "photograph"
        shown = PHOTOS[preset["photo"]] if photographed else preset["caption"]
        assert preset["prompt"] == parse(shown).caption()
        assert parse(preset["target_prompt"]).caption() == preset["target_prompt"]


def test_a_preset_sets_its_controls_inverts_and_edits():
    preset = complete(PRESETS["invert.chip.fox"] | {"steps": 2, "guidance": 1})
    run = list(replay(preset))
    assert run[0][2:] == tuple(preset.values())
    assert all(len(each) == 2 + len(preset) for each in run)
    message, archive = run[-1][:2]
    assert message["frames"][-1]["text"].startswith("Edited to “fox")
    assert [each.size for each in page.side_by_side(archive)["value"]] == [(320, 320)] * 2
    assert isinstance(archive.result, Session) and archive.result.edited is not None
    runs = {each[0]["run"] for each in run if isinstance(each[0], dict) and "run" in each[0]}
    assert len(runs) == 2, "a stopped edit leaves the inversion behind"


def test_the_start_level_is_a_noise_level_in_words(scene_run):
    session = scene_run[1].result
    levels, x0 = session.inversion.levels, session.x0
    said = [sentence(summary.start_text(levels, strength, x0, 1.0)) for strength in (0, 1)]
    assert said[0] == "step 0 of 3: noise is 0 % of the power"
    assert said[1].startswith("step 3 of 3: noise is ") and said[1].endswith("of the power")
    assert 'alt="the picture at step 2"' in summary.level_picture(session, 0.7)


def test_the_controls_are_in_the_order_of_the_arguments():
    with gr.Blocks():
        shared = Shared(gr.Tabs(), gr.State(), gr.State(), gr.State())
        found = Layout(shared, [])
    assert list(found.inverting) == list(InvertRequest.controls())
    assert list(found.editing) == list(EditRequest.controls())[1:]
    for request, controls in ((InvertRequest, found.inverting), (EditRequest, found.editing)):
        for name, control in controls.items():
            assert (control.value or None) == (request.defaults()[name] or None), name


@pytest.mark.slow
def test_all_three_steps_with_the_defaults_make_a_digit_that_is_read_as_the_target():
    values = InvertRequest.defaults() | EditRequest.defaults()
    del values["session"]
    *_, (message, archive) = everything([*values], *values.values())
    assert message["frames"][-1]["text"].startswith("Edited to label 9")
    assert read_digits(2 * archive.result.edited - 1).argmax() == int(values["target"])


def test_an_automatic_mask_keeps_the_rest_and_is_shown(scene_run):
    other = {"target_prompt": "fox on a blue background", "strength": 0.67}
    free, masked = (last(edited(scene_run[1], **other, mask=mask))[0] for mask in MASKS[:2])
    assert "may change" in masked["frames"][-1]["text"]
    pictures = [each["frames"][-1]["pictures"][PICTURE] for each in (free, masked)]
    assert pictures[0] != pictures[1] and masked["settings"]["mask"] == "automatic"


# ---- drawn masks --------------------------------------------------------------------------------


def layer(tmp_path, box, name="layer.png"):
    """What the pad sends: transparent but for a painted box, on its own 280 pixels."""
    image = Image.new("RGBA", (280, 280), (0, 0, 0, 0))
    image.paste((213, 94, 0, 255), box)
    image.save(tmp_path / name)
    return {"path": str(tmp_path / name), "meta": {"_type": "gradio.FileData"}}


def test_what_is_painted_may_change_and_the_rest_stays(digit_run, tmp_path):
    archive = digit_run[1]
    half = layer(tmp_path, (0, 0, 140, 280))
    message, _ = last(edited(archive, strength=1.0, mask="drawn", painted=[half]))
    assert "50 % of the picture may change" in message["frames"][-1]["text"]
    mask = masks.painted([half], archive.result.x0)
    assert mask.shape == (1, 1, 28, 28) and mask[..., :14].min() == 1 and mask[..., 14:].max() == 0


def test_what_a_mask_keeps_is_seen_on_a_black_picture(digit_run):
    session = digit_run[1].result
    mask = 0 * session.x0
    mask[..., :14] = 1
    shown = masks.tinted(session.pixels, mask)
    assert shown.shape == (1, 3, 28, 28)
    assert shown[..., :14].equal(session.pixels.expand(-1, 3, -1, -1)[..., :14])
    kept = shown[..., 14:][:, :, session.pixels[0, 0, :, 14:] == 0]
    assert (kept[:, 2] - kept[:, 0]).min() > 0.3, "blue where the digit is black"


def test_a_white_and_black_picture_is_a_mask_too(digit_run, tmp_path):
    image = Image.new("L", (28, 28))
    image.paste(255, (0, 0, 28, 7))
    image.save(tmp_path / "mask.png")
    sent = {"path": str(tmp_path / "mask.png"), "meta": {"_type": "gradio.FileData"}}
    assert masks.painted(sent, digit_run[1].result.x0).mean() == 0.25


@pytest.mark.parametrize("empty", [None, [], "layer"])
def test_a_drawn_mask_without_a_stroke_is_refused(digit_run, tmp_path, empty):
    nothing = [layer(tmp_path, (0, 0, 0, 0))] if empty == "layer" else empty
    said = refused(edited, digit_run[1], mask="drawn", painted=nothing)
    assert said.startswith("Nothing is painted yet")


@pytest.mark.slow
@pytest.mark.parametrize(
    "key", [key for key in PRESETS if not key.endswith(("ken", "ired", "start"))]
)
def test_what_a_preset_asks_for_is_what_the_classifier_reads(key):
    *_, outputs = replay(complete(PRESETS[key]))
    assert outputs[0]["frames"][-1]["text"].endswith(", as asked.")


@pytest.mark.slow
def test_a_photograph_comes_back_from_step_20_and_not_from_the_noise():
    """With guidance up and down: 12.0, 16.3, 18.5 dB and 21.4, 25.1, 31.8 dB were reported."""
    asked = {k: v for k, v in START.items() if k in InvertRequest.controls()}
    _, before = last(inverted(**asked))
    wanted = {k: v for k, v in START.items() if k in EditRequest.controls()}
    message, archive = last(edited(before, **wanted))
    session, text = archive.result, message["frames"][-1]["text"]
    ratio = psnr(session.edited, session.start)
    assert session.back < 13 and ratio > session.back + 8
    assert (
        f"gives {session.back:.1f} dB from the noise and {ratio:.1f} dB from step 20 of 50" in text
    )
    assert "classifier" not in text, "it has learned drawings"
