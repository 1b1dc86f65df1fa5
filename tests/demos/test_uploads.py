"""What the page and the API hand over as pictures and masks: taken, or refused in one sentence."""

import base64
import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from PIL import Image

from demos.pictures import masks, sources
from demos.ui import uploads
from tests.core import picture_files as files
from tests.core.picture_files import quadrants, saved
from tests.demos import refused

ROOT = Path(__file__).resolve().parents[2]
X0 = torch.zeros(1, 1, 28, 28)
UPLOADED = {"_type": "gradio.FileData"}


def sent(tmp_path, data, name="picture"):
    (tmp_path / name).write_bytes(data)
    return {"path": str(tmp_path / name), "meta": UPLOADED}


def uri(data, kind="png"):
    return {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}


# ---- masks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_grey_mask_counts_the_same_share_in_every_depth(depth):
    samples = torch.zeros(28, 28, 1, dtype=torch.int64)
    samples[:7], samples[7:14] = 2**depth - 1, (2**depth - 1) // 2
    mask = masks.painted(uri(files.png(samples.numpy(), depth, 0)), X0)
    assert mask.mean() == 0.25 and mask[..., :7, :].min() == 1


def test_a_mask_is_one_layer(tmp_path):
    half = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    half.paste((0, 0, 0, 255), (0, 0, 20, 40))
    layer = sent(tmp_path, saved(half, "PNG"))
    assert masks.painted([None, layer, None], X0).mean() == 0.5
    for count in (2, 40, 200):
        answer = refused(masks.painted, [layer] * count, X0)
        assert f"one layer, and {count} were sent" in answer


def test_paint_that_covers_less_than_half_is_no_paint():
    faint = saved(Image.new("RGBA", (40, 40), (0, 0, 0, 100)), "PNG")
    assert "nothing is painted yet" in refused(masks.painted, uri(faint), X0).lower()


PEAK = """
import resource, torch
from demos.pictures import masks
from tests.demos import refused
from tests.demos.test_uploads import large_layer, uri

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

layer, x0 = uri(large_layer()), torch.zeros(1, 4, 64, 64)
assert masks.painted(uri(large_layer(9)), x0).min() == 1
before = peak()
refused(masks.painted, [layer] * 200, x0)
print(peak() - before)
for _ in range(3):
    assert masks.painted([layer], x0).min() == 1
print(peak() - before)
"""


def large_layer(side=4000):
    buffer = io.BytesIO()
    Image.new("1", (side, side), 1).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.slow
def test_masks_take_little_memory():
    """200 layers of 4000 x 4000 pixels at once: below 20 MB; one after another: below 100 MB."""
    assert len(large_layer()) < 10_000
    command = [sys.executable, "-c", PEAK]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    at_once, in_turn = map(int, run.stdout.split())
    assert at_once < 20 and in_turn < 100


# ---- files and addresses of data ----------------------------------------------------------------

STRANGE = [
    7,
    "four.png",
    {},
    {"path": 0, "meta": UPLOADED},
    {"path": ["a"], "meta": UPLOADED},
    {"path": {"path": "/etc/hostname"}, "meta": UPLOADED},
    {"path": "/etc/hostname"},
    {"path": "/etc/hostname", "meta": {"_type": ["gradio.FileData"]}},
    {"url": "https://example.org/a.png"},
    {"url": "data:image/png;base64,é"},
    {"url": "data:image/png;base64,####"},
    {"url": "data:image/png"},
    {"url": 5},
]


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_what_is_no_file_is_refused_in_one_sentence(value):
    for function in (lambda: sources.opened(value, "upload"), lambda: uploads.displayed(value)):
        answer = refused(function)
        assert "not a picture" in answer and "hostname" not in answer and "\n" not in answer


def test_a_file_that_is_gone_is_refused_without_its_path(tmp_path):
    gone = {"path": str(tmp_path / "gone.png"), "meta": UPLOADED}
    answer = refused(sources.opened, gone, "upload")
    assert "send it again" in answer and str(tmp_path) not in answer


def test_an_address_of_data_is_opened_in_every_format():
    image = Image.fromarray(quadrants())
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF"):
        assert sources.opened(uri(saved(image, kind)), "upload").size == (128, 64)
    assert sources.opened(uri(files.heic(), "heic"), "upload").size == (128, 64)


# ---- what is shown ------------------------------------------------------------------------------


def test_heic_is_converted_to_be_shown_and_other_formats_are_left_alone(tmp_path):
    image = uploads.displayed(sent(tmp_path, files.heic(orientation=6)))
    assert image.size == (64, 128) and image.mode == "RGB"
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF"):
        data = saved(Image.fromarray(quadrants()), kind)
        assert uploads.displayed(sent(tmp_path, data)) == gr.skip()


def test_a_converted_picture_is_a_png_of_bounded_size(tmp_path):
    with gr.Blocks():
        upload = uploads.upload()
    big = files.heic(derived=(b"grid", 30))
    image = uploads.displayed(sent(tmp_path, big))
    assert max(image.size) == 1024
    shown: Any = upload.postprocess(image)
    header = Path(shown.path).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:]) == image.size


def test_an_upload_that_is_no_picture_is_refused_at_once(tmp_path):
    tiff = saved(Image.fromarray(quadrants()), "TIFF")
    answer = refused(uploads.displayed, sent(tmp_path, tiff))
    assert answer.endswith("use PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC")
