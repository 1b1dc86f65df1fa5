"""Tab 5: experiments. What classes do with diffusion, each beside what explains it."""

from demos.experiments.code import CODES
from demos.experiments.page import TITLE, build

__all__ = ["CODES", "TITLE", "build"]
