"""The flags of `python app.py`."""

from __future__ import annotations

import argparse
import os

from core import models
from core.remote import serving
from demos.ui.server.room import Room

EPILOG = "Without flags the page is for this machine alone, without a GPU and the network."


def parser(description: str | None) -> argparse.ArgumentParser:
    """What can be asked for on the command line."""
    flags = argparse.ArgumentParser(description=description, epilog=EPILOG)
    add, half = flags.add_argument, max(1, (os.cpu_count() or 2) // 2)
    add("--host", help="address to listen on (default 127.0.0.1; 0.0.0.0 for a class)")
    add("--port", type=int, help="port (default 7860 or the next free one)")
    add(
        "--allow",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name by which the page may be called and whose pages may show it",
    )
    add("--classroom", action="store_true", help="serve a class, with a page for its teacher")
    add("--code", default="", metavar="WORD", help="that a learner of the class has to type")
    add("--threads", type=int, default=half, help="threads of one network call")
    add("--model", help="a folder in the diffusers format, offered in the menus")
    add(
        "--downloads",
        action="store_true",
        help="let whoever opens the page start the download of Stable Diffusion (2 GB)",
    )
    add(
        "--cluster",
        metavar="ADDRESS",
        help="of the replicas that python -m core.remote has started, or auto: they compute",
    )
    add("--device", default="auto", help="auto, cpu, cuda or mps")
    add("--dtype", default="auto", help="auto, fp32, bf16 or fp16")
    add("--preview", default="linear", help="of latents: linear, or taesd")
    return flags


def prepare(flags: argparse.Namespace) -> None:
    """Set `core` up as it was asked for; ValueError, one sentence, where that cannot be."""
    models.prefer(flags.device, flags.dtype, flags.threads, flags.preview, flags.downloads)
    if flags.model:
        models.add_folder(flags.model)
    if flags.cluster:
        serving.connect(flags.cluster)


def room_of(flags: argparse.Namespace) -> Room | None:
    """The room of a class; None where the page is for everybody who reaches it."""
    return Room(flags.code) if flags.classroom or flags.code else None
