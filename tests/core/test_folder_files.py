"""Files of a model that are missing, cut or broken: each is named, with what to do about it."""

import os
from pathlib import Path

import pytest
import torch

from core.files import Folder, shipped
from core.models import MODELS, load
from core.weights import fill
from tests.core.folders import POINTER, cut, del_, edited, loaded, refused, small, weights

UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
JSONS = (
    "model_index.json",
    "unet/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "scheduler/scheduler_config.json",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
)


# ---- JSON ---------------------------------------------------------------------------------------

CONTENTS = {
    "a pointer": (POINTER, "is a git-lfs pointer, not the file itself; run git lfs pull in "),
    "empty": ("", "is empty; copy or download it again"),
    "cut": ('{"sample_size": 8, "in_chan', "is cut short or no JSON (line 1, column 20)"),
    "a list": ("[1, 2]", "holds a list where an object {...} belongs"),
    "a text": ('"unet"', "holds a str where an object {...} belongs"),
    "nothing": ("null", "holds a NoneType where an object {...} belongs"),
    "a page": ("<!DOCTYPE html>", "is cut short or no JSON (line 1, column 1)"),
    "deep": ("[" * 100_000, "is no JSON that can be read"),
    "long": ('{"a": ' + "9" * 5000 + "}", "is no JSON that can be read"),
}


@pytest.mark.parametrize("file", JSONS)
@pytest.mark.parametrize("content", CONTENTS)
def test_a_json_file_with_other_content(own, file, content):
    text, said = CONTENTS[content]
    (own / file).write_text(text, "utf-8")
    refused(own, file, said)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("model_index.json", "own is not a model in the diffusers format: it has no model_index"),
        *((file, f"own/{file} is missing; copy or download it again") for file in JSONS[1:5]),
        ("tokenizer/tokenizer.json", "is missing, as are vocab.json and merges.txt; copy or"),
        (UNET, "own/unet has no safetensors weights"),
        (TEXT, "own/text_encoder has no safetensors weights"),
    ],
)
def test_a_file_that_is_not_there(own, file, said):
    (own / file).unlink()
    with pytest.raises(ValueError, match=said):
        loaded(own)


@pytest.mark.parametrize("file", [*JSONS, UNET, TEXT])
def test_a_folder_where_a_file_belongs(own, file):
    (own / file).unlink()
    (own / file).mkdir()
    refused(own, file, "is a folder where a file belongs")


@pytest.mark.parametrize("file", [*JSONS, UNET, TEXT])
def test_a_link_to_nowhere(own, file):
    (own / file).unlink()
    (own / file).symlink_to(own.parent / "gone")
    refused(own, file, "is a link to a file that is not there")


@pytest.mark.parametrize("file", [*JSONS, UNET, TEXT])
def test_a_pipe_is_not_waited_for(own, file):
    (own / file).unlink()
    os.mkfifo(own / file)
    refused(own, file, "is no ordinary file where a file belongs")


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", UNET])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied"), "belongs to others; allow this user to read"),
        (OSError(5, "Input/output error"), "cannot be read (Input/output error)"),
    ],
    ids=["permission", "disk"],
)
def test_a_file_that_cannot_be_read(own, monkeypatch, file, error, said):
    opened = Path.open

    def open_(path, *mode, **named):
        if path == own / file:
            raise error
        return opened(path, *mode, **named)

    monkeypatch.setattr(Path, "open", open_)
    refused(own, file, said)


@pytest.mark.parametrize("file", JSONS)
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding(own, file, encoding):
    (own / file).write_bytes('{"naïve": "é"}'.encode(encoding))
    refused(own, file, "is UTF-16; save it as UTF-8" if encoding == "utf-16" else "is not UTF-8")


def test_a_mark_that_the_tokenizers_own_reader_would_take_for_text(own):
    file = own / "tokenizer/tokenizer_config.json"
    file.write_text(file.read_text("utf-8"), "utf-8-sig")
    refused(own, "tokenizer/tokenizer_config.json", "begins with a byte-order mark; save it as")


# ---- the tokenizer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_max_length": 2}, "leaves no place for a word"),
        ({"model_max_length": -5}, "leaves no place for a word"),
        ({"model_max_length": "77"}, "model_max_length"),
        ({"pad_token": None}, "pad_token"),
    ],
)
def test_a_tokenizer_that_cannot_fill_a_prompt_up(own, change, said):
    edited(own, "tokenizer/tokenizer_config.json", **change)
    with pytest.raises(ValueError, match=said) as caught:
        loaded(own)
    assert "own/tokenizer" in str(caught.value)


@pytest.mark.parametrize(("length", "limit"), [(del_, 30), (77, 30), (10**30, 30), (16, 14)])
def test_the_shorter_of_tokenizer_and_text_encoder_counts(own, length, limit):
    edited(own, "tokenizer/tokenizer_config.json", model_max_length=length)
    model = loaded(own)
    assert model.read("dog " * 40).limit == limit
    assert model.embed("dog " * 40).shape == (1, limit + 2, 16)


def test_a_tokenizer_of_other_content(own):
    (own / "tokenizer/tokenizer.json").write_text('{"model": {"type": "WordLevel"}}')
    refused(own, "tokenizer", "holds files that do not make a tokenizer")


# ---- what is shipped ----------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The repository's assets as links in another place, so that one of them can be broken."""
    root = tmp_path / "secret place"
    for path in shipped("assets").path.rglob("*"):
        if path.is_file():
            copy = root / path.relative_to(shipped("").path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path)
    monkeypatch.setattr("core.paths.ROOT", root)
    return root


EMBEDDED = (
    "digits/unet/diffusion_pytorch_model.safetensors",
    "digits/scheduler/scheduler_config.json",
    "emoji/vae/diffusion_pytorch_model.safetensors",
    "emoji/tokenizer/tokenizer.json",
    "basic/model.safetensors",
)


@pytest.mark.parametrize(
    ("file", "trouble"),
    [
        *((file, trouble) for file in EMBEDDED for trouble in ("cut", "missing", "pointer")),
        *(("emoji/preview.safetensors", trouble) for trouble in ("cut", "pointer")),
    ],
)
def test_a_broken_embedded_model_is_told_by_its_place_in_the_repository(
    elsewhere, monkeypatch, file, trouble
):
    monkeypatch.setattr("core.models._loaded", {})
    path = elsewhere / "assets/models" / file
    content = path.read_bytes()
    path.unlink()
    if trouble != "missing":
        path.write_bytes(content[: len(content) // 2] if trouble == "cut" else POINTER.encode())
    model = file.split("/")[0]
    with pytest.raises(ValueError) as caught:
        load(model, device="cpu")
    said = str(caught.value)
    assert "assets/models/" in said and "secret" not in said and str(elsewhere) not in said
    others = {"digits": "basic", "basic": "exact", "emoji": "basic"}
    assert load(others[model], device="cpu")


def test_broken_weights_of_a_network_of_ours(tmp_path):
    network = torch.nn.Linear(2, 2)
    folder = Folder(tmp_path, "here")
    with pytest.raises(ValueError, match=r"^here/w.safetensors is missing; copy or download"):
        fill(network, folder, ["w.safetensors"])


def test_an_error_on_the_disk_is_none_of_the_network(monkeypatch, folders):
    """A model of the hub whose files are broken here is not said to be out of reach."""
    from core.models import SD
    from tests.core.test_hub import answers

    broken = small(folders["sd1"].parent / "broken")
    cut(weights(broken, "vae"))
    monkeypatch.setattr("core.paths.ROOT", broken)
    monkeypatch.setattr("huggingface_hub.snapshot_download", answers(broken))
    with pytest.raises(ValueError) as caught:
        load(SD, device="cpu")
    said = str(caught.value)
    assert said.startswith(f"{MODELS[SD].source}/vae/") and "is cut short" in said
    assert "cache of the Hugging Face hub" in said and "reached" not in said
