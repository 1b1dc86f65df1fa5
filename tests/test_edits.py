"""The edit benchmark: what is edited, what must stay, and the figures."""

import json
import math

import pytest
import torch
from PIL import Image

from tests.benchmarks.edit_pairs import KINDS, composed, pie_bench, run_lengths
from tests.benchmarks.edits import kept, over, settings, summary

CHANGED = {
    "background": {"background"},
    "subject": {"subject"},
    "change the tint": {"tint"},
    "add a tint": {"tint"},
    "remove the tint": {"tint"},
    "add a style": {"style"},
    "remove the style": {"style"},
    "move": {"place"},
    "resize": {"place"},
    "nothing": set(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_thing_changes_and_the_rest_must_stay(kind):
    for edit in composed(kind, 5):
        assert edit.scenes is not None
        old, new = (vars(scene) for scene in edit.scenes)
        assert {key for key in old if old[key] != new[key]} == CHANGED[kind]
        assert (edit.source == edit.target) == (kind == "nothing")
        assert edit.picture.shape == (3, 64, 64) and edit.keep.shape == (64, 64)
        assert (edit.keep.min() == 1) == (kind == "nothing")
    again = composed(kind, 1)[0]
    assert again.source == composed(kind, 5)[0].source


def test_what_must_stay_is_the_same_in_both_ideal_pictures():
    from core.data.emoji import tensor_of

    for kind in ("subject", "move", "resize"):
        for edit in composed(kind, 5):
            assert edit.scenes is not None
            before, after = (tensor_of(s.picture()).float() / 255 for s in edit.scenes)
            assert ((after - before).abs() * edit.keep).max() <= 0.05 + 1e-6


def test_kept_counts_the_pixels_that_must_stay_alone():
    before = torch.zeros(3, 3, 2, 2)
    after = torch.zeros(3, 3, 2, 2)
    after[:, :, 0, 0] = 0.1
    keep = torch.tensor([[[1.0, 0], [0, 0]], [[1, 1], [1, 1]], [[0, 0], [0, 0]]])
    alone, diluted, none = kept(after, before, keep)
    assert alone == pytest.approx(20, abs=1e-3) and none is None
    assert diluted == pytest.approx(20 + 10 * math.log10(4), abs=1e-3)


def test_the_interval_of_a_paired_difference():
    rows = [{"kept": 20.0 + k % 5} for k in range(100)]
    base = [{"kept": 17.0 + k % 5} for k in range(99)] + [{"kept": 24.0}]
    mean, low, high = over(rows, base)
    assert low < mean < high and mean == pytest.approx(3 - 0.03)
    assert over(rows, rows) == (0, 0, 0)


def made_up(kept, read):
    figures = {"structure": 1, "margin": 1, "calls": 1, "seconds": 1}
    return {"kind": "subject", "kept": kept, "read": read} | figures


def test_the_table_compares_with_the_baseline_at_the_same_level_and_at_the_same_success():
    results = {
        "sdedit 0.2 3": [made_up(50.0, False), made_up(50.0, False)],
        "sdedit 0.4 3": [made_up(22.0, True), made_up(22.0, True)],
        "sdedit 0.8 3": [made_up(10.0, True), made_up(10.0, True)],
        "residual 0.8 3": [made_up(25.0, True), made_up(25.0, True)],
    }
    *_, line = summary(results).splitlines()
    assert line.count("+15.0 dB (+15.0 to +15.0)") == 1  # level 0.8
    assert line.count("+3.0 dB (+3.0 to +3.0)") == 1  # level 0.4, which keeps more


def test_nothing_is_compared_where_no_setting_succeeds_as_often():
    results = {"sdedit 0.4 3": [made_up(30.0, False)], "residual 0.8 3": [made_up(25.0, True)]}
    assert "dB (" not in summary(results)


def test_the_settings_of_a_sweep():
    assert settings([]) == [(0.8, 3.0)]
    assert len(settings(["level"])) == 5 and len(settings(["level", "guidance"])) == 20


def test_pie_bench_is_read(tmp_path):
    (tmp_path / "annotation_images").mkdir()
    Image.new("RGB", (512, 512), "red").save(tmp_path / "annotation_images" / "a.png")
    row = {
        "image_path": "a.png",
        "original_prompt": "a [red] wall",
        "editing_prompt": "a [blue] wall",
        "editing_type_id": "6",
        "mask": [0, 512, 1024, 3],
    }
    (tmp_path / "mapping_file.json").write_text(json.dumps({"000": row}))
    (edit,) = pie_bench(tmp_path)
    assert (edit.source, edit.target, edit.kind) == ("a red wall", "a blue wall", "6")
    assert edit.picture.shape == (3, 512, 512) and edit.scenes is None
    assert edit.keep.sum() == 512 * 512 - 515 and edit.keep[0].max() == edit.keep[2, 2] == 0
    assert run_lengths([3, 2], 3).tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 0]]
