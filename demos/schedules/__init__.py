"""Tab 1: the noise schedule explorer. Two schedules, their curves, one picture noised by both."""

from demos.schedules.page import TITLE, build

__all__ = ["TITLE", "build"]
