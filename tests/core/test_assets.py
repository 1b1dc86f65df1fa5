"""The files that ship with the project: the list is up to date, and a broken one is named."""

import json

import pytest

from core import assets
from core.files import shipped
from core.paths import ROOT
from tests.core.folders import POINTER


def test_the_list_is_up_to_date():
    assert json.loads((ROOT / "assets" / assets.LIST).read_text()) == assets.listed(), (
        "run python -m core.assets"
    )


def test_nothing_is_broken():
    assert assets.broken() == {}


def test_every_part_of_the_app_is_listed():
    listed = assets.listed()
    for path in (
        "models/digits/unet/diffusion_pytorch_model.safetensors",
        "models/emoji/unet/diffusion_pytorch_model-00003-of-00003.safetensors",
        "models/emoji/preview.safetensors",
        "models/basic/model.safetensors",
        "models/emoji-classifier/model.safetensors",
        "data/emoji/pictures.zip",
        "data/mnist.zip",
        "images/library/library.json",
        "tapes/sample.stepwise",
        "ui/js/player.js",
    ):
        assert path in listed
    assert not [path for path in listed if path.endswith(("README.md", "figures.json"))]


def test_looking_is_quick():
    """A start must not wait for it: a few megabytes are read, of the rest the sizes."""
    summed = [size for size, checksum in assets.listed().values() if checksum]
    assert sum(summed) < 10 * 2**20 and len(assets.listed()) < 120


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The assets as links in another place."""
    root = tmp_path / "secret"
    for path in [*assets.listed(), assets.LIST]:
        (root / "assets" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "assets" / path).symlink_to(ROOT / "assets" / path)
    monkeypatch.setattr("core.paths.ROOT", root)
    assert assets.broken() == {}
    return root / "assets"


def replaced(path, content):
    path.unlink()
    path.write_bytes(content)


RESTORE = "; restore it from the repository"


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        ("tapes/sample.stepwise", lambda content: content[:1000], "is cut short: 1000 of "),
        ("models/basic/model.safetensors", lambda content: content[:-1], "is cut short: "),
        ("models/emoji/unet/config.json", lambda content: content + b" ", "was changed"),
        ("ui/js/player.js", lambda content: content.replace(b"a", b"b", 1), "was changed"),
        ("data/mnist.zip", lambda content: content[:-9], "is cut short: "),
        ("data/emoji/pictures.zip", lambda content: b"", "is cut short: 0 of 1409912 bytes"),
    ],
)
def test_a_broken_file_is_named(elsewhere, path, change, said):
    content = (elsewhere / path).read_bytes()
    replaced(elsewhere / path, change(content))
    (only,) = assets.broken().items()
    assert only[0] == f"assets/{path}"
    assert only[1].startswith(f"assets/{path} {said}") and only[1].endswith(RESTORE)


def test_a_missing_file_and_a_pointer_are_named(elsewhere):
    (elsewhere / "images/library/library.json").unlink()
    replaced(elsewhere / "models/emoji/preview.safetensors", POINTER.encode())
    assert assets.broken() == {
        "assets/images/library/library.json": "assets/images/library/library.json is missing"
        + RESTORE,
        "assets/models/emoji/preview.safetensors": "assets/models/emoji/preview.safetensors is a "
        "git-lfs pointer, not the file itself; run git lfs pull in assets",
    }


def test_other_ends_of_lines_are_no_trouble(elsewhere):
    for path in ("ui/js/player.js", "models/digits/unet/config.json"):
        content = (elsewhere / path).read_bytes()
        replaced(elsewhere / path, content.replace(b"\n", b"\r\n"))
    assert assets.broken() == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"ui/js/run.js": 7}', b'{"a": ["b", 1]}'])
def test_a_broken_list_is_named(elsewhere, content):
    replaced(elsewhere / assets.LIST, content)
    (only,) = assets.broken().items()
    assert only[0] == "assets/shipped.json" and only[1].startswith("assets/shipped.json ")


def test_the_list_is_written_as_it_is_read(elsewhere):
    replaced(elsewhere / "ui/js/page.js", b"new")
    assert list(assets.broken()) == ["assets/ui/js/page.js"]
    (elsewhere / assets.LIST).unlink()
    assets.write()
    assert assets.broken() == {}
    assert shipped("assets").json(assets.LIST)["ui/js/page.js"][0] == 3
