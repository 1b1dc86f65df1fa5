"""Tab 4: a real picture is inverted to noise, reconstructed, and edited."""

from demos.inversion.code import CODES
from demos.inversion.page import TITLE, build

__all__ = ["CODES", "TITLE", "build"]
