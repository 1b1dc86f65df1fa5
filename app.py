"""Stepwise: see how image diffusion works. `python app.py --help` lists the flags."""

import argparse
import os
import threading

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: idle threads must not spin
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
import torch

from core.models import load
from demos import TABS
from demos.player import page_head
from demos.widgets import Shared


def page() -> gr.Blocks:
    """The page with its tabs."""
    with gr.Blocks(
        title="Stepwise", fill_width=True, analytics_enabled=False, delete_cache=(600, 3600)
    ) as blocks:
        gr.HTML(
            "<h1>Stepwise</h1><p>see how image diffusion works</p>",
            padding=False,
            elem_classes=["stepwise-head"],
        )
        picture = gr.State()  # outside of gr.Tabs, which would count it as a tab
        with gr.Tabs(selected="sampling") as tabs:
            shared = Shared(tabs, picture)
            for tab in TABS:
                with gr.Tab(tab.TITLE, id=tab.__name__.rpartition(".")[2]):
                    tab.build(shared)
    return blocks.queue(max_size=64, default_concurrency_limit=8, api_open=False)


def main() -> None:
    """Parse the flags and serve the page until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=None, help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=None, help="port (default: 7860 or the next)")
    parser.add_argument(
        "--threads",
        type=int,
        default=max(1, (os.cpu_count() or 2) // 2),
        help="threads of one network call (default: half the cores)",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    blocks = page()
    threading.Thread(target=load, args=("digits",), daemon=True).start()  # ready by the first Run
    blocks.launch(
        server_name=arguments.host,
        server_port=arguments.port,
        head=page_head(),
        theme=gr.themes.Default(primary_hue="sky", neutral_hue="slate", font=FONT, font_mono=MONO),
        show_error=False,
        max_file_size="20mb",
        state_session_capacity=300,
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        footer_links=["api", "settings"],
    )


FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")

if __name__ == "__main__":
    main()
