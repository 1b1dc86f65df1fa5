"""Stepwise: see how image diffusion works. `python app.py --help` lists the flags."""

import argparse
import gc
import os
import tempfile

SETTINGS = {  # before torch and gradio are imported
    "OMP_WAIT_POLICY": "PASSIVE",  # idle threads must not spin
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_TEMP_DIR": os.path.join(tempfile.gettempdir(), f"stepwise-{os.getpid()}"),
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
for name, setting in SETTINGS.items():
    os.environ.setdefault(name, setting)
if os.environ.get("SPACES_ZERO_GPU") == "true":
    __import__("spaces")  # before torch, too

import gradio as gr

from core import models
from demos import TABS
from demos.player import page_head
from demos.server.launch import launch, wait
from demos.widgets import Shared


def page() -> gr.Blocks:
    """The page with its tabs."""
    words = "<h1>Stepwise</h1><p>see how image diffusion works</p>"
    with gr.Blocks(title="Stepwise", fill_width=True) as blocks:
        gr.HTML(words, padding=False, elem_classes=["stepwise-head"])
        picture = gr.State()  # outside of gr.Tabs, which would count it as a tab
        with gr.Tabs(selected="sampling") as tabs:
            for tab in TABS:
                with gr.Tab(tab.TITLE, id=tab.__name__.rpartition(".")[2]):
                    tab.build(Shared(tabs, picture))
    return blocks


def main() -> None:
    """Parse the flags and serve the page until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port (default 7860 or the next free one)")
    parser.add_argument("--allow", action="append", default=[], metavar="NAME", help="a host name")
    half = max(1, (os.cpu_count() or 2) // 2)
    parser.add_argument("--threads", type=int, default=half, help="of one network call")
    parser.add_argument("--model", action="append", default=[], help="a folder of diffusers'")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--dtype", default="auto", help="auto, fp32, bf16 or fp16")
    parser.add_argument("--preview", default="linear", help="of latents: linear, or taesd")
    flags = parser.parse_args()
    try:
        models.prefer(flags.device, flags.dtype, flags.threads, flags.preview)
        for folder in flags.model:
            models.add_folder(folder)
        launch(page(), page_head(), flags.host, flags.port, flags.allow)
        models.load("digits")  # while the learner looks at the recorded run
    except ValueError as error:
        parser.error(str(error))
    gc.freeze()  # what is loaded by now stays; looking through it again would halt every run
    wait()


if __name__ == "__main__":
    main()
