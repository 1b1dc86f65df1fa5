"""Tab 6: train a small network, and watch what it learns."""

from demos.training.code import CODES
from demos.training.page import TITLE, build

__all__ = ["CODES", "TITLE", "build"]
