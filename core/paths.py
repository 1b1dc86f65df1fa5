"""Where the parts of the project lie on this machine."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
ASSETS = ROOT / "assets"
WEIGHTS = ASSETS / "models"  # one folder per model, with its card
CHECKPOINTS = ROOT / "checkpoints"  # of trainings that are under way
