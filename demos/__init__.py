"""The tabs, in the order in which they are shown."""

from demos import experiments, forward, inversion, sampling, schedules, training

TABS = (schedules, forward, sampling, inversion, experiments, training)
# By the event of a run: what writes it down as Python.
CODES = {event: each for tab in TABS for event, each in getattr(tab, "CODES", {}).items()}
