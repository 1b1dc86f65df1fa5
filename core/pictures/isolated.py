"""AVIF and HEIC, decoded in a process of their own.

Their decoders are large, and what a file tells of its size need not be what they find in it. What
goes wrong there, a crash, a gigabyte, a minute, ends that process and is an error here.

`python -m core.pictures.isolated FORMAT` is that process: it takes a file on its input and answers
with a line of JSON, then the pixels.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys

from PIL import Image
from PIL.ImageFile import ImageFile

from core.paths import ROOT
from core.pictures.containers import Refused, check_size

MEMORY, SECONDS = 1_500_000_000, 20  # of address space and of processor time
THREADS = 2
REFUSED = 3  # how the process ends when it answers with our own sentence


def decoded(kind: str, content: bytes) -> Image.Image:
    """The first picture of a file as it is stored; "exif" of its `info` tells how it lies.

    ValueError for a file that cannot be decoded, and for one that is too large, as in
    `check_size`.
    """
    run = subprocess.run(
        [sys.executable, "-m", "core.pictures.isolated", kind],
        input=content,
        capture_output=True,
        cwd=ROOT,
        timeout=4 * SECONDS,
    )
    if run.returncode:
        said = run.stderr.decode(errors="replace")
        raise Refused(said) if run.returncode == REFUSED else ValueError(said)
    head, _, pixels = run.stdout.partition(b"\n")
    told = json.loads(head)
    image = Image.frombytes(told["mode"], told["size"], pixels)
    image.info = {name: bytes.fromhex(value) for name, value in told["info"].items()}
    return image


def opened(kind: str, content: bytes) -> ImageFile:
    """A file whose header was read; imports what only this process needs."""
    if kind == "HEIC":
        from pi_heif import HeifImageFile, options

        options.DECODE_THREADS = THREADS
        return HeifImageFile(io.BytesIO(content))
    from PIL import AvifImagePlugin

    AvifImagePlugin.DEFAULT_MAX_THREADS = THREADS
    return AvifImagePlugin.AvifImageFile(io.BytesIO(content))


def limit() -> None:
    """Bound memory and time of this process, where the system can."""
    with contextlib.suppress(ImportError):
        import resource

        bounds = {"RLIMIT_AS": MEMORY, "RLIMIT_CPU": SECONDS, "RLIMIT_CORE": 0}
        for name, bound in bounds.items():
            with contextlib.suppress(ValueError, OSError):  # not known here, or lower already
                resource.setrlimit(getattr(resource, name), (bound, bound))


def main() -> int:
    """Decode the file on the input; returns how the process is to end."""
    limit()
    image = opened(sys.argv[1], sys.stdin.buffer.read())
    try:
        check_size(image.size)
    except Refused as error:
        sys.stderr.write(str(error))
        return REFUSED
    image.load()
    notes = {name: image.info.get(name) or b"" for name in ("exif", "icc_profile")}
    head = {"mode": image.mode, "size": image.size}
    head["info"] = {name: value.hex() for name, value in notes.items()}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + image.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
