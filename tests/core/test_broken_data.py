"""Shipped data that is missing or cut: digits, emoji and classifiers say which file it is."""

import gzip

import pytest

from core.classifiers import digit_classifier, emoji_classifier
from core.data import digits, emoji
from core.files import Folder, shipped
from tests.core.folders import POINTER


@pytest.fixture
def folder(tmp_path):
    """An empty folder that is called like the one with the data."""
    return Folder(tmp_path, "assets/data", shipped("").remedy)


LABELS = digits.FILES["test"][1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content[: len(content) // 2], "is cut short or broken"),
        (lambda content: content[:20] + b"\0" * 20 + content[40:], "is cut short or broken"),
        (lambda content: b"not gzip at all", "is cut short or broken"),
        (lambda content: gzip.compress(b"other content"), "is not the published file"),
        (lambda content: b"", "is empty"),
        (lambda content: POINTER.encode(), "is a git-lfs pointer"),
        (None, "is missing"),
    ],
)
def test_digits(folder, monkeypatch, change, said):
    content = digits.FOLDER.read(LABELS)
    if change is not None:
        (folder.path / LABELS).write_bytes(change(content))
    monkeypatch.setattr(digits, "FOLDER", folder)
    with pytest.raises(ValueError, match=f"^assets/data/{LABELS} {said}") as caught:
        digits._read(LABELS)
    assert str(folder.path) not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("pictures.zip", b"PK\x03\x04 and no more", "is cut short or broken"),
        ("pictures.zip", None, "is missing"),
        ("subjects.json", b"[{]", "is cut short or no JSON"),
        ("subjects.json", b"{}", r"holds a dict where a list \[...\] belongs"),
        ("subjects.json", b"[{}]", "holds no subjects"),
        ("subjects.json", b"[7]", "holds no subjects"),
        ("subjects.json", None, "is missing"),
    ],
)
def test_emoji(folder, monkeypatch, file, content, said):
    subject = next(iter(emoji.subjects().values()))
    if content is not None:
        (folder.path / file).write_bytes(content)
    monkeypatch.setattr(emoji, "FOLDER", folder)
    subject.__dict__.pop("picture", None)
    with pytest.raises(ValueError, match=f"^assets/data/{file} {said}"):
        subject.picture if file == "pictures.zip" else emoji.subjects.__wrapped__()


@pytest.mark.parametrize(
    ("read", "name"),
    [(digit_classifier, "digit-classifier"), (emoji_classifier, "emoji-classifier")],
)
def test_classifiers(monkeypatch, tmp_path, read, name):
    monkeypatch.setattr("core.paths.ROOT", tmp_path)
    file = f"assets/models/{name}/model.safetensors"
    with pytest.raises(ValueError, match=f"^{file} is missing; restore it"):
        read.__wrapped__()
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_bytes(b"12345678")
    with pytest.raises(ValueError, match=f"^{file} is cut short"):
        read.__wrapped__()
