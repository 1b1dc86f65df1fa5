"""Tab 3: the step-by-step sampler. Every intermediate picture streams in while it is computed."""

from demos.sampling.code import CODES
from demos.sampling.page import TITLE, build

__all__ = ["CODES", "TITLE", "build"]
