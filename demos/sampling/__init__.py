"""Tab 3: the step-by-step sampler. Every intermediate picture streams in while it is computed."""

from demos.sampling.page import TITLE, build

__all__ = ["TITLE", "build"]
