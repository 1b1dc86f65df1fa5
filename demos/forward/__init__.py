"""Tab 2: the forward-noising visualizer. A picture drowns, and what one denoising call sees."""

from demos.forward.code import CODES
from demos.forward.page import TITLE, build

__all__ = ["CODES", "TITLE", "build"]
