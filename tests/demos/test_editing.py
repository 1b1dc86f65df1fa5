"""The tab "Invert & edit": edits, masks, presets and controls."""

from inspect import signature

import gradio as gr
import pytest
from PIL import Image

from core.classifiers import read_digits
from core.data.captions import parse
from core.models import MODELS
from demos import inversion, inversion_controls, painting, sources, widgets
from demos.editing import MASKS, edit
from demos.inverting import Session, invert
from demos.remarks import start_text
from demos.replays import PRESETS, all_steps, in_turn, parted, replay
from demos.stages import EDIT, PICTURE, RANDOM
from tests.demos import last


def test_an_edit_of_latents_rests_decoded_beside_sdedit(emoji):
    _, session = emoji
    message, after = last(edit(session, guidance=1.0, strength=0.7))
    frames = message["frames"]
    assert [frame["approx"] for frame in frames[8:]] == [[EDIT, RANDOM]] * 2 + [[]]
    assert frames[-1]["text"].startswith("Edited to “fox on a blue background”: PSNR to the")
    assert message["settings"]["target_prompt"] == "fox on a blue background"
    assert "target" not in message["settings"]
    assert len(after.shown.latents) == len(frames)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"target_prompt": 9}, "Target prompt must be text"),
        ({"guidance": 21}, "Guidance must be a number in 0..20, got 21"),
        ({"strength": 1.5}, "Strength must be a number in 0..1, got 1.5"),
        ({"sdedit_seed": -1}, "Seed must be a whole number"),
    ],
)
def test_bad_input_of_an_edit_is_one_sentence(emoji, arguments, said):
    with pytest.raises(ValueError, match=said):
        last(edit(emoji[1], **arguments))


def test_edit_needs_an_inversion():
    with pytest.raises(ValueError, match="invert a picture first"):
        last(edit())


@pytest.mark.parametrize("words", PRESETS)
def test_a_preset_can_be_run_and_says_what_the_model_knows(words):
    preset = PRESETS[words]
    known = {*signature(invert).parameters, *signature(edit).parameters}
    assert set(preset) <= known - {"session"}
    kind = MODELS[preset["model"]].condition
    assert preset["source"] in sources.offered(kind, drawing=True)
    if kind == "text":
        assert preset["prompt"] == parse(preset["caption"]).caption()
        assert parse(preset["target_prompt"]).caption() == preset["target_prompt"]


def test_a_preset_sets_its_controls_inverts_and_edits():
    preset = PRESETS["dog → fox"] | {"steps": 2, "guidance": 1}
    run = list(replay(preset))
    assert run[0][2:] == tuple(preset.values())
    assert all(len(each) == 2 + len(preset) for each in run)
    message, session = run[-1][:2]
    assert message["frames"][-1]["text"].startswith("Edited to “fox")
    assert [each.size for each in inversion.side_by_side(session)["value"]] == [(320, 320)] * 2
    assert isinstance(session, Session) and session.shown is not session.kept
    inverted = [each[1] for each in run if isinstance(each[1], Session)]
    assert len(inverted) == 2, "a stopped edit leaves the inversion behind"


def test_the_start_level_is_a_noise_level_in_words(emoji):
    levels = emoji[1].inversion.levels
    assert start_text(levels, 0) == "step 0 of 3: 0 % of the variance is noise"
    assert start_text(levels, 1) == "step 3 of 3: over 99 % of the variance is noise"
    assert "0 the picture" in start_text(None, 0.8)


def test_the_controls_are_in_the_order_of_the_arguments():
    with gr.Blocks():
        picture = gr.State()
        with gr.Tabs() as tabs, gr.Tab("Invert"):
            shared = widgets.Shared(tabs, picture)
            inverting, _ = inversion_controls.invert_controls(shared, widgets.stop_button())
            editing, _, _ = inversion_controls.edit_controls(inverting["model"])
    assert list(inverting) == list(signature(invert).parameters)
    assert list(editing) == list(signature(edit).parameters)[1:]
    for function, controls in ((invert, inverting), (edit, editing)):
        for name, control in controls.items():
            assert control.value == signature(function).parameters[name].default, name


@pytest.mark.slow
def test_all_three_steps_with_the_defaults_make_a_digit_that_is_read_as_the_target():
    values = {
        name: parameter.default
        for function in (invert, edit)
        for name, parameter in list(signature(function).parameters.items())
        if name != "session"
    }
    *_, (message, session) = all_steps([*values], *values.values())
    assert message["frames"][-1]["text"].startswith("Edited to label 9")
    assert read_digits(2 * session.edited - 1).argmax() == int(values["target"])
    assert session.shown is not session.kept


def test_an_automatic_mask_keeps_the_rest_and_is_shown(emoji):
    _, session = emoji
    other = {"target_prompt": "fox on a blue background", "strength": 0.67}
    free, masked = (last(edit(session, **other, mask=mask))[0] for mask in MASKS[:2])
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


def test_what_is_painted_may_change_and_the_rest_stays(digits, tmp_path):
    _, session = digits
    half = layer(tmp_path, (0, 0, 140, 280))
    message, _ = last(edit(session, strength=1.0, mask="drawn", painted=[half]))
    assert "50 % of the picture may change" in message["frames"][-1]["text"]
    mask = painting.painted([half], session.x0)
    assert mask.shape == (1, 1, 28, 28) and mask[..., :14].min() == 1 and mask[..., 14:].max() == 0


def test_a_white_and_black_picture_is_a_mask_too(digits, tmp_path):
    image = Image.new("L", (28, 28))
    image.paste(255, (0, 0, 28, 7))
    image.save(tmp_path / "mask.png")
    sent = {"path": str(tmp_path / "mask.png"), "meta": {"_type": "gradio.FileData"}}
    assert painting.painted(sent, digits[1].x0).mean() == 0.25


@pytest.mark.parametrize("empty", [None, [], "layer"])
def test_a_drawn_mask_without_a_stroke_is_refused(digits, tmp_path, empty):
    nothing = [layer(tmp_path, (0, 0, 0, 0))] if empty == "layer" else empty
    with pytest.raises(ValueError, match="nothing is painted yet"):
        last(edit(digits[1], mask="drawn", painted=nothing))


def test_the_pad_shows_the_picture_once_there_is_one(digits):
    _, session = digits
    assert inversion.to_paint(session, "everywhere") == gr.update(visible=False)
    shown = inversion.to_paint(session, "drawn")
    assert shown["visible"] and shown["value"]["background"].size == (280, 280)
    with pytest.raises(ValueError, match="invert a picture first"):
        inversion.to_paint(None, "drawn")


@pytest.mark.slow
@pytest.mark.parametrize("words", [w for w in PRESETS if "it" not in w.split()])
def test_what_a_preset_asks_for_is_what_the_classifier_reads(words):
    *_, (message, _) = in_turn(*parted(PRESETS[words]))
    assert message["frames"][-1]["text"].endswith(", as asked.")
