"""Shipped data that is missing or cut: digits, emoji and classifiers say which file it is."""

import io
import zipfile

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
MIDDLE = digits.FOLDER.read(digits.ARCHIVE).index(LABELS.encode()) + 2000  # of these labels


def other():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(LABELS, b"other content")
    return content.getvalue()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content[: len(content) // 2], "is cut short or broken"),
        (lambda content: content[:MIDDLE] + b"x" * 20 + content[MIDDLE + 20 :], "is cut short or"),
        (lambda content: content.replace(LABELS.encode(), b"a" * len(LABELS)), "is cut short or"),
        (lambda content: b"no zip at all", "is cut short or broken"),
        (lambda content: other(), "holds a t10k-labels-idx1-ubyte that is not the published one"),
        (lambda content: b"", "is empty"),
        (lambda content: POINTER.encode(), "is a git-lfs pointer"),
        (None, "is missing"),
    ],
)
def test_digits(folder, monkeypatch, change, said):
    content = digits.FOLDER.read(digits.ARCHIVE)
    if change is not None:
        (folder.path / digits.ARCHIVE).write_bytes(change(content))
    monkeypatch.setattr(digits, "FOLDER", folder)
    with pytest.raises(ValueError, match=f"^assets/data/{digits.ARCHIVE} {said}") as caught:
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
