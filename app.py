"""Stepwise: see how image diffusion works. `python app.py --help` lists the flags."""

import contextlib
import os
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: idle threads must not spin
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_TEMP_DIR", f"{tempfile.gettempdir()}/stepwise-{os.getpid()}")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
if os.environ.get("SPACES_ZERO_GPU") == "true":
    __import__("spaces")  # before torch, too

import gradio as gr

from core import models
from core.batches import measure_batches
from demos import CODES, TABS
from demos.shipped import check
from demos.ui.controls import text
from demos.ui.menu import menu
from demos.ui.player import head, page_head
from demos.ui.recorded import Shared
from demos.ui.server.flags import parser, prepare, room_of
from demos.ui.server.launch import launch, wait


def page() -> gr.Blocks:
    """The page with its tabs."""
    with gr.Blocks(title="Stepwise", fill_width=True) as blocks:
        gr.HTML(head(), padding=False, elem_classes=["stepwise-head"])
        picture, chosen, trained = (gr.State() for _ in range(3))  # in gr.Tabs they count as tabs
        with gr.Tabs(selected="sampling") as tabs:
            shared = Shared(tabs, picture, chosen, trained)
            for tab in TABS:
                with gr.Tab(text(tab.TITLE), id=tab.__name__.rpartition(".")[2]):
                    tab.build(shared)
        menu(shared, CODES)
    return blocks


def main() -> None:
    """Parse the flags and serve the page until interrupted."""
    command = parser(__doc__)
    flags = command.parse_args()
    try:
        check()
        prepare(flags)
        launch(page(), page_head(), flags.host, flags.port, flags.allow, room_of(flags))
    except (ValueError, OSError) as error:  # of files, folders and ports
        command.error(str(error))
    warm_up = measure_batches if flags.classroom else models.load
    with contextlib.suppress(ValueError):  # whoever chooses the model is told
        warm_up("digits")  # while the learner looks at the recorded run
    wait()


if __name__ == "__main__":
    main()
