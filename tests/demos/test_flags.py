"""What the flags of the app ask of `core`."""

import pytest

from core import models
from core.remote import serving
from demos.ui.server.flags import parser, prepare


@pytest.fixture
def asked(monkeypatch):
    """What `core` was asked for, which it does not do."""
    found = []
    monkeypatch.setattr(models, "prefer", lambda *given: found.append(given))
    monkeypatch.setattr(models, "add_folder", found.append)
    monkeypatch.setattr(serving, "connect", found.append)
    return found


def prepared(*flags):
    prepare(parser(None).parse_args(flags))


def test_without_flags_this_machine_computes(asked):
    prepared("--threads", "3")
    assert asked == [("auto", "auto", 3, "linear", False)]


def test_a_folder_and_a_cluster_are_looked_for(asked):
    prepared("--model", "here", "--cluster", "10.0.0.1:6379")
    assert asked[1:] == ["here", "10.0.0.1:6379"]


def test_a_cluster_that_cannot_be_had_is_one_sentence(monkeypatch):
    def missing(address):
        raise ValueError(f"no replicas answer at {address}")

    monkeypatch.setattr(models, "prefer", lambda *given: None)
    monkeypatch.setattr(serving, "connect", missing)
    with pytest.raises(ValueError, match="no replicas answer at auto"):
        prepared("--cluster", "auto")
