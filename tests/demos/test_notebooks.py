"""Notebooks and scripts of runs, in clean processes: their picture is that of the stage."""

import ast
import base64
import io
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from demos.exports.answer import KINDS
from demos.sampling.code import core_code
from demos.sampling.request import SampleRequest
from tests.demos.coded import answer, same, stage
from tests.server import ROOT


def test_a_notebook_is_valid_and_speaks_the_language_of_the_page():
    hostile = "*a* [b](http://x) `c` <img src=x>\n# d"
    for language, text in (("en", "The finished picture"), ("zh", "完成的图片")):
        settings = {"model": "emoji", "prompt": hostile, "steps": 2}
        told = answer(event="sample", settings=settings, language=language)
        for kind in KINDS:
            notebook = nbformat.reads(told[kind]["notebook"], as_version=4)
            nbformat.validate(notebook)
            cells = [each.source for each in notebook.cells if each.cell_type == "markdown"]
            assert any(text in each for each in cells)
            assert "<img" not in cells[0].partition("    {")[0].replace("\\<", "")
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    ast.parse(cell.source)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_runs_in_a_clean_kernel_and_shows_the_picture(kind, folder):
    """And the file that it is runs nowhere else: its kernel knows nothing but the folder."""
    asked = {"steps": 5, "label": "3"}
    told = answer(event="sample", settings=asked, language="en")[kind]
    (folder / "core").symlink_to(ROOT / "core")
    notebook = nbformat.reads(told["notebook"], as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"])))
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    shown, strip = pictures
    assert shown.size == (280, 280) and strip.size[0] == 3 * 28
    small = shown.resize((28, 28), Image.Resampling.NEAREST)
    assert same(small.resize(shown.size, Image.Resampling.NEAREST), shown)
    assert same(small, stage("sample", SampleRequest.of(**asked)))


@pytest.mark.slow
def test_the_script_runs_alone(folder):
    """In a process that has nothing but the folder."""
    request = SampleRequest.of(steps=3)
    (folder / "core").symlink_to(ROOT / "core")
    (folder / "run.py").write_text(core_code(request).script(), "utf-8")
    run = subprocess.run(
        [sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, env=quiet()
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert same(Image.open(folder / "picture.png"), stage("sample", request))


def quiet():
    return {name: each for name, each in os.environ.items() if name != "PYTHONPATH"}
