"""How the app starts with broken files, ports and disks, and how it ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.attacks import serving
from tests.server import ROOT, Stream

pytestmark = pytest.mark.slow


def linked(source, target):
    """A second name of a file, or a copy where that is on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def copy(tmp_path):
    """The app in a folder of its own, its files linked, so that one can be broken."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "assets", tree / "assets", copy_function=linked)
    for part in ("core", "demos"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "app.py", tree)
    return tree


def cut(file: Path, share: float = 0.5):
    """Replace a file, not the one that it is a link to, by its first half."""
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: int(len(content) * share)])


def ended(tree: Path, *flags: str) -> tuple[int, str]:
    """Exit status and output of an app that ends by itself."""
    run = subprocess.run(
        [sys.executable, "app.py", *flags], cwd=tree, capture_output=True, text=True, timeout=240
    )
    return run.returncode, run.stdout + run.stderr


BROKEN = {  # weights, and what needs them
    "models/digits/unet/diffusion_pytorch_model.safetensors": ("sample", {}),
    "models/basic/model.safetensors": ("noise", {"model": "basic", "frames": 2}),
    "models/emoji/vae/diffusion_pytorch_model.safetensors": (
        "sample",
        {"model": "emoji", "steps": 2},
    ),
}
ASIDE = ("tapes/sample.stepwise", "tapes/start.html", "images/library/library.json")


def test_broken_weights_cost_their_models_alone(copy, tmp_path):
    for file in BROKEN:
        cut(copy / "assets" / file)
    with serving(tmp_path, tree=copy) as server:
        for file, (event, asked) in BROKEN.items():
            final = server.run(event, **asked)
            error = final["output"].get("error", "")
            name = file.split("/")[1]
            assert not final["success"] and f"assets/models/{name}" in error, final
            assert str(copy) not in error and "Traceback" not in server.said()
            assert f"goes on without assets/{file}" in server.said()
        assert server.run(model="exact", steps=2, guidance=1.0)["success"]


def test_broken_tapes_and_a_broken_library_cost_themselves(copy, tmp_path):
    for file in ASIDE:
        cut(copy / "assets" / file)
    with serving(tmp_path, tree=copy) as server:
        assert all(f"goes on without assets/{file}" in server.said() for file in ASIDE)
        final = server.run("invert", source="library", steps=2)
        assert "library of this server is broken" in final["output"]["error"]
        server.works()


def test_a_missing_script_is_named_and_nothing_starts(copy):
    (copy / "assets/ui/js/player.js").unlink()
    status, said = ended(copy)
    assert status == 2 and "assets/ui/js/player.js" in said and "Traceback" not in said


def test_it_takes_as_many_files_as_it_may():
    script = """
import resource as r
from demos.ui.server.launch import many_files
_, most = r.getrlimit(r.RLIMIT_NOFILE)
r.setrlimit(r.RLIMIT_NOFILE, (256, most))
many_files()
assert r.getrlimit(r.RLIMIT_NOFILE) == (most, most)
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)


def test_a_port_in_use_is_one_sentence(tmp_path):
    with serving(tmp_path) as server:
        port = server.address.rpartition(":")[2]
        status, said = ended(ROOT, "--port", port)
    assert status == 2 and f"port {port}" in said and "Traceback" not in said


@pytest.mark.alone
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_in_the_middle_of_a_run(tmp_path, kind):
    with serving(tmp_path) as server:
        stream = Stream(server.address, "sample", server.values("sample", steps=800))
        for message in stream:
            if message["msg"] == "process_generating":
                break
        begun = time.monotonic()
        server.process.send_signal(kind)
        assert server.process.wait(timeout=20) == 0
        assert time.monotonic() - begun < 3
        stream.http.close()
        assert "Traceback" not in server.said()
        assert not list(tmp_path.glob("stepwise-*")), "its files are left"


def test_a_disk_that_takes_nothing_is_said(tmp_path):
    with serving(tmp_path, environment={"GRADIO_TEMP_DIR": str(tmp_path / "files")}) as server:
        (tmp_path / "files" / "uploads").write_text("a file where the folder should be")
        picture = (ROOT / "assets/images/noise.png").read_bytes()
        files = {"files": ("a.png", picture, "image/png")}
        answer = httpx.post(f"{server.address}/gradio_api/upload", files=files)
        assert answer.status_code == 507 and "could not be stored" in answer.json()["detail"]
        server.works()


@pytest.mark.alone
def test_downloads_are_the_operators_choice(tmp_path):
    environment = {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
    model = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    with serving(tmp_path, environment=environment) as server:
        final = server.run(model=model, steps=2)
        assert "started without --downloads" in final["output"]["error"]
    unreachable = {**environment, "HF_ENDPOINT": "http://127.0.0.1:1"}
    with serving(tmp_path, "--downloads", environment=unreachable) as server:
        begun = time.monotonic()
        final = server.run(model=model, steps=2)
        assert "cannot be reached" in final["output"]["error"]
        assert time.monotonic() - begun < 10
