"""What follows from what on a page: every control that others follow is heard."""

from dataclasses import replace
from random import Random

import pytest

from demos.experiments import page as experiments
from demos.experiments.request import ExperimentRequest
from demos.forward import page as forward
from demos.forward.request import NoiseRequest
from demos.inversion import page as inversion
from demos.inversion.request import InvertRequest
from demos.sampling import page as sampling
from demos.sampling.request import SampleRequest

pytestmark = pytest.mark.slow

DRAWS = 50


def followed(asked, name):
    """What the other controls show: whether they are there, open, and with which options."""
    closed, others = asked.closed(), [each for each in asked.controls() if each != name]
    return {each: (asked.asked(each), each in closed, asked.allowed(each)) for each in others}


def unheard(kind, causes):
    """The pairs of a control that is no cause and another one that follows it."""
    random, found = Random(0), set()
    values = {name: [each.default, *each.ends()] for name, each in kind.controls().items()}
    quiet = [name for name, known in values.items() if name not in causes and len(known) > 1]
    start = kind(**kind.defaults())
    for _ in range(DRAWS):
        asked = replace(start, **{name: random.choice(known) for name, known in values.items()})
        for name in quiet:
            before = followed(asked, name)
            for value in values[name]:
                after = followed(replace(asked, **{name: value}), name)
                found |= {(name, each) for each in after if after[each] != before[each]}
    return found


@pytest.mark.parametrize(("kind", "causes"), [
    (SampleRequest, sampling.CAUSES), (NoiseRequest, forward.CAUSES),
    (InvertRequest, inversion.CAUSES), (ExperimentRequest, experiments.CAUSES),
])  # fmt: skip
def test_what_others_follow_is_a_cause(kind, causes):
    assert unheard(kind, causes) == set()


def test_a_cause_that_is_left_out_is_found():
    left = [name for name in sampling.CAUSES if name not in ("guided_by", "eta")]
    assert {("guided_by", "show"), ("eta", "sampler")} <= unheard(SampleRequest, left)
