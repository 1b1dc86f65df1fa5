"""Models from folders and from the hub: what is refused, and troubles in one sentence."""

import errno
import json
import shutil
from pathlib import Path

import pytest
import torch

from core.models import MODELS, SD, ModelCard, add_folder, hub, load

# ---- what is refused ----------------------------------------------------------------------------


def changed(folder, tmp_path, change):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    change(copy)
    return copy


def only_pickles(folder):
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))


def with_code(folder):
    (folder / "unet" / "modeling.py").write_text("raise SystemExit")


def foreign_class(folder):
    index = json.loads((folder / "model_index.json").read_text())
    index["unet"] = ["modeling", "MyUNet"]
    (folder / "model_index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (only_pickles, "pickled weights can run code"),
        (with_code, "code of its own"),
        (foreign_class, "has MyUNet unet; a model here needs diffusers's UNet2DConditionModel"),
        (lambda folder: (folder / "model_index.json").unlink(), "no model_index.json"),
    ],
)
def test_unsafe_folders_are_refused(folders, tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        add_folder(changed(folders["sd1"], tmp_path, change))


def test_a_folder_called_like_a_model_is_refused(folders, tmp_path):
    copy = tmp_path / "digits"
    shutil.copytree(folders["sd1"], copy)
    with pytest.raises(ValueError, match="already a model called digits"):
        add_folder(copy)


# ---- the hub, mocked at its border --------------------------------------------------------------


def answers(outcome):
    """A snapshot_download that has nothing yet and then raises, or gives, this."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    def snapshot_download(source, *, local_files_only=False, **wanted):
        if local_files_only:
            raise LocalEntryNotFoundError("nothing here")
        assert wanted["revision"] == "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"
        assert not any(
            "bin" in p or p.endswith((".py", ".ckpt")) for p in wanted["allow_patterns"]
        )
        if isinstance(outcome, Exception):
            raise outcome
        bar = wanted["tqdm_class"](total=2_000_000_000, unit="B", disable=False)
        for _ in range(4):
            bar.update(500_000_000)
        bar.close()
        return str(outcome)

    return snapshot_download


def http_error(kind):
    import httpx

    request = httpx.Request("GET", "https://huggingface.co")
    return kind("no", response=httpx.Response(403, request=request))


def troubles():
    import httpx
    from huggingface_hub import errors

    return [
        (http_error(errors.GatedRepoError), "terms to be accepted"),
        (http_error(errors.RepositoryNotFoundError), "the hub has no stable-diffusion"),
        (errors.LocalEntryNotFoundError("offline"), "cannot be reached"),
        (ConnectionError("no route"), "cannot be reached"),
        (httpx.ProxyError("no proxy"), "cannot be reached"),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), "cannot be reached"),
        (PermissionError(errno.EACCES, "Permission denied"), "cache .* cannot be read or written"),
        (
            OSError(errno.EIO, "Input/output error", "/secret"),
            r"\(Input/output error\), so Stable",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (torch.OutOfMemoryError("CUDA out of memory"), "does not fit into the memory"),
    ]


@pytest.mark.parametrize(("trouble", "said"), troubles(), ids=lambda value: str(value)[:20])
def test_troubles_with_the_hub_are_one_sentence(monkeypatch, trouble, said):
    monkeypatch.setattr("huggingface_hub.snapshot_download", answers(trouble))
    with pytest.raises(ValueError, match=said):
        load(SD, device="cpu")
    assert load("exact")


def test_a_model_from_the_hub_reports_its_download(monkeypatch, folders, capsys):
    said = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", answers(folders["sd1"]))
    folder = hub.fetched(MODELS[SD], said.append)
    capsys.readouterr()
    assert folder == folders["sd1"]
    shares = [each.rsplit(": ")[1] for each in said]
    assert shares == [f"{percent} % of 2.0 GB" for percent in (20, 50, 70, 100)]


def test_cards_of_the_hub_are_pinned():
    for card in MODELS.values():
        assert isinstance(card, ModelCard)
        if not Path(card.source).is_absolute() and "assets" not in card.source:
            assert len(card.revision) == 40
