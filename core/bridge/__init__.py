"""The bridge to diffusers: its schedules as ours, ours as its configs, its solvers as samplers."""

from core.bridge.schedules import config_of, schedule_of
from core.bridge.solvers import BRIDGED, drive

__all__ = ["BRIDGED", "config_of", "drive", "schedule_of"]
