"""Inversions that several tests look at, and a server that is attacked."""

import pytest

from tests.attacks import serving
from tests.demos import finished
from tests.server import ROOT


@pytest.fixture(scope="session")
def digits():
    """The session of an inversion of a digit in 3 steps."""
    from demos.inversion.request import InvertRequest
    from demos.inversion.run import invert

    return finished(invert(InvertRequest.of(steps=3)))


@pytest.fixture(scope="session")
def emoji():
    """The session of an inversion of a scene in 3 steps."""
    from demos.inversion.request import InvertRequest
    from demos.inversion.run import invert

    return finished(invert(InvertRequest.of("emoji", "scene", steps=3)))


@pytest.fixture(scope="session")
def digit_run():
    """The same as it is sent: the whole message, and what stays of the run."""
    from demos.inversion.page import inverted
    from tests.demos import last

    return last(inverted(steps=3))


@pytest.fixture(scope="session")
def scene_run():
    """That of a scene."""
    from demos.inversion.page import inverted
    from tests.demos import last

    return last(inverted("emoji", "scene", steps=3))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that all attacks of this file share."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        running.works()
        yield running


@pytest.fixture
def folder(tmp_path):
    """A folder as that of Stepwise, in which a picture may be saved."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    return tmp_path
