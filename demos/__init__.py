"""The tabs, in the order in which they are shown."""

from demos import forward, inversion, sampling, schedules

TABS = (schedules, forward, sampling, inversion)
