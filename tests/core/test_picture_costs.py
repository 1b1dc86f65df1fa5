"""Pictures that are made to take memory, time or the process: little of it is spent."""

import io
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from core.images import open_picture
from tests.core import picture_files as files
from tests.core.picture_files import claiming, quadrants, refusal, saved

ROOT = Path(__file__).resolve().parents[2]


PEAK = """
import io, resource, sys, threading
from PIL import Image
from core.images import opacity, open_picture
from tests.core import picture_files as files
from tests.core import test_picture_costs as attacks

def png(size):
    buffer = io.BytesIO()
    Image.new("RGBA", size).save(buffer, "PNG")
    return buffer.getvalue()

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

open_picture(io.BytesIO(png((9, 9))))
opacity(io.BytesIO(png((9, 9))))
before = peak()
{action}
print(peak() - before)
"""


def megabytes(action):
    """How much the memory of a fresh process grows, at its peak."""
    run = subprocess.run(
        [sys.executable, "-c", PEAK.format(action=action)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.mark.slow
def test_what_is_refused_takes_no_memory():
    """All formats that claim 900 megapixels: less than 40 MB."""
    grown = megabytes("for kind in files.KINDS: files.refusal(attacks.large(kind))")
    assert grown < 40


def large(kind):
    return claiming(kind, 16384, 16383)


@pytest.mark.slow
def test_many_large_pictures_at_once_take_the_memory_of_few():
    """12 requests of 4000 x 4000 pixels, 64 MB each once decoded: less than 400 MB."""
    action = """
data = png((4000, 4000))
work = [lambda: open_picture(io.BytesIO(data)), lambda: opacity(io.BytesIO(data), (64, 64))]
threads = [threading.Thread(target=work[n % 2]) for n in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    assert megabytes(action) < 400


@pytest.mark.slow
def test_a_profile_or_a_text_that_inflates_takes_no_memory():
    """300 MB in 1 MB, as text, as notes of a camera and as profile: less than 100 MB."""
    assert megabytes("open_picture(io.BytesIO(attacks.inflating()))") < 100


def inflating():
    deflate, block = zlib.compressobj(1), bytes(10**6)
    much = b"".join(deflate.compress(block) for _ in range(300)) + deflate.flush()
    notes = [(b"zTXt", b"a\0\0" + much), (b"iCCP", b"p\0\0" + much)]
    notes.append((b"zTXt", b"Raw profile type exif\0\0" + much))
    return files.png(quadrants(), 8, 2, before=notes)


def repeated_comments():
    """A GIF with 20 MB of comments, in blocks."""
    data = saved(Image.new("L", (4, 4)), "GIF")
    at = data.index(b",\0\0\0\0")
    return data[:at] + b"!\xfe" + (b"\xff" + bytes(255)) * 80_000 + b"\0" + data[at:]


def repeated_scans():
    """A JPEG of 16 megapixels that says the same of all of them 5,000 times: 140 kB."""
    data = saved(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * 5_000 + b"\xff\xd9"


def composed(kind):
    """A HEIC that is composed of 400 large pictures, or says so."""
    return files.heic(derived=(kind, 200 if kind == b"grid" else 400), size=(4000, 80))


HURTING = {
    "GIF comments": repeated_comments,
    "JPEG scans": repeated_scans,
    "HEIC grid": lambda: composed(b"grid"),
    "HEIC overlay": lambda: composed(b"iovl"),
}


@pytest.mark.parametrize("name", HURTING)
def test_what_is_made_to_take_minutes_takes_seconds(name):
    data = HURTING[name]()
    start = time.process_time()
    if name == "GIF comments":
        open_picture(io.BytesIO(data))
    else:
        refusal(data)
    assert time.process_time() - start < 5


def test_what_crashes_a_decoder_ends_another_process():
    """Notes whose type is no text crash the wrapper of libheif."""
    data = files.heic(exif=files.exif(6)).replace(b"Exif", b"\xff" * 4, 1)
    command = "import sys; from pi_heif import open_heif; open_heif(sys.stdin.buffer.read())"
    run = subprocess.run([sys.executable, "-c", command], input=data, capture_output=True)
    assert run.returncode < 0  # killed by a signal: nothing could have been caught
    assert "HEIC" in refusal(data)


def test_the_other_process_cannot_take_gigabytes():
    command = "from core.pictures.isolated import limit; limit(); bytearray({} * 10**6)"
    ends = [
        subprocess.run(
            [sys.executable, "-c", command.format(megabytes)],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        for megabytes in (500, 2_000)
    ]
    assert ends[0].returncode == 0, ends[0].stderr
    assert "MemoryError" in ends[1].stderr
