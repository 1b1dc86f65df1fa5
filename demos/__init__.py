"""The tabs, in the order in which they are shown."""

from demos import forward, sampling, schedules

TABS = (schedules, forward, sampling)
