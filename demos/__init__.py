"""The tabs, in the order in which they are shown."""

from demos import forward, sampling

TABS = (forward, sampling)
