"""Scheduler configs of diffusers: read, or refused in a sentence."""

import pytest

from core.bridge import schedule_of

SHORT = {"num_train_timesteps": 50}


def read(name, **options):
    return schedule_of({"_class_name": f"{name}Scheduler", **options})


def refusal(config):
    """The sentence with which a config is refused."""
    with pytest.raises(ValueError) as caught:
        schedule_of(config)
    return str(caught.value)
