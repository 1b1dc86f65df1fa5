"""Inversions that several tests look at."""

import pytest

from demos.inverting import invert
from tests.demos import last


@pytest.fixture(scope="session")
def digits():
    """An inversion of a digit in 3 steps."""
    return last(invert(steps=3))


@pytest.fixture(scope="session")
def emoji():
    """An inversion of a scene in 3 steps."""
    return last(invert("emoji", "scene", steps=3))
