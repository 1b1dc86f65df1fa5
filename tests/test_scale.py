"""The simulation of a class against what is known in closed form."""

import random
from dataclasses import replace
from itertools import accumulate
from statistics import mean

import pytest

from core.engine import ROWS
from demos.runs.stream import PERIOD
from tests.benchmarks.scale import sites
from tests.benchmarks.simulation import (
    Clock,
    Costs,
    Process,
    Run,
    Site,
    Station,
    hall,
    simulated,
    steady,
)

STEPS = 20
NETWORK = Costs(launch=0.004, row=0.005)  # and nothing else costs anything
COSTS = replace(
    NETWORK, join=0.001, run=0.001, message=0.0015, prepare=0.002, step=0.003, frame=5e3
)


def together(learners):
    return [(learner, 0.0) for learner in range(learners)]


def ends(outcome):
    return [run.done for run in outcome.runs]


# ---- closed forms -------------------------------------------------------------------------------


def test_one_learner_takes_each_step_after_the_other():
    call = NETWORK.launch + 2 * NETWORK.row
    (run,) = simulated(Site(NETWORK), together(1), STEPS).runs
    assert run.first == pytest.approx(call) and run.done == pytest.approx(STEPS * call)
    slow = replace(COSTS, launch=PERIOD)  # a message after each step
    (run,) = simulated(Site(slow), together(1), STEPS).runs
    each = slow.launch + 2 * slow.row + slow.step + slow.message
    begun = slow.join + slow.run + slow.prepare
    assert run.first == pytest.approx(begun + each)
    assert run.done == pytest.approx(begun + STEPS * each)


@pytest.mark.parametrize("learners", [16, 24, 40])
def test_full_batches_take_the_time_of_their_rows(learners):
    outcome = simulated(Site(NETWORK), together(learners), STEPS)
    batch = NETWORK.launch + ROWS * NETWORK.row
    full = learners * STEPS * 2 / ROWS
    assert outcome.processes[0].network.batches == full + 1  # who came first found it free
    assert outcome.seconds == pytest.approx(full * batch + NETWORK.launch)
    assert outcome.use()["network"] == pytest.approx(1 - NETWORK.launch / batch, abs=0.01)


def test_on_one_core_all_work_adds_up():
    outcome = simulated(Site(COSTS, one_core=True), together(12), STEPS)
    (process,) = outcome.processes
    network = process.network.batches * COSTS.launch + process.network.computed * COSTS.row
    rest = 12 * (COSTS.join + COSTS.run + COSTS.prepare + STEPS * COSTS.step)
    messages = (process.python.busy - network - rest) / COSTS.message
    assert process.network.computed == 12 * STEPS * 2
    assert outcome.seconds == pytest.approx(process.python.busy, rel=0.02)  # never idle
    assert messages == pytest.approx(round(messages)) and 2 * 12 <= messages < 12 * STEPS + 1


def test_a_slow_line_is_as_busy_as_its_bytes():
    site = Site(replace(NETWORK, frame=5000.0), uplink=50_000.0)
    outcome = simulated(site, together(8), STEPS)
    assert outcome.uplink.busy >= 8 * STEPS * 5000 / site.uplink
    assert outcome.use()["bytes out"] > 0.9 > outcome.use()["network"]


# ---- laws of queues -----------------------------------------------------------------------------


def arrivals(rate, count, seed):
    chance = random.Random(seed)
    return [*accumulate(chance.expovariate(rate) for _ in range(count))]


def station_with(times, seconds):
    clock = Clock()
    station = Station(clock)
    for when in times:
        clock.after(when, lambda: station.ask(seconds, lambda: None))
    clock.run()
    return station, clock.now


def test_littles_law_the_utilisation_law_and_the_mean_wait():
    """L = lambda W; U = lambda S; of Poisson arrivals W = S + U S / (2 (1 - U))."""
    rate, seconds = 7.0, 0.1
    station, end = station_with(arrivals(rate, 40_000, 0), seconds)
    seen = station.served / end
    assert station.present / end == pytest.approx(seen * station.stayed / station.served)
    assert station.busy / end == pytest.approx(seen * seconds)
    use = rate * seconds
    expected = seconds + use * seconds / (2 * (1 - use))
    assert station.stayed / station.served == pytest.approx(expected, rel=0.03)


def test_no_class_is_served_faster_than_its_busiest_station():
    outcome = simulated(Site(COSTS), steady(200, 240), STEPS)
    (process,) = outcome.processes
    for station in (process.python, process.compute, outcome.uplink):
        assert station.busy <= outcome.seconds
        assert station.present / outcome.seconds == pytest.approx(
            station.stayed / outcome.seconds
        )  # Little's law, all have left
    assert process.network.computed == len(outcome.runs) * STEPS * 2  # no row is lost


# ---- as the engine and the queue ----------------------------------------------------------------


def test_equal_learners_end_together():
    outcome = simulated(Site(COSTS), together(30), STEPS)
    assert max(ends(outcome)) < 1.15 * mean(ends(outcome))
    firsts = [run.first for run in outcome.runs]
    assert max(firsts) < 0.1 * min(ends(outcome))


def test_one_run_of_many_rows_keeps_nobody_waiting():
    clock = Clock()
    process = Process(clock, Site(NETWORK), Station(clock))
    heavy, *light = (Run(0.0, STEPS, rows) for rows in (64, 2, 2, 2, 2))
    for run in (heavy, *light):
        process.press(run)
    clock.run()
    batch = NETWORK.launch + ROWS * NETWORK.row
    assert max(run.done for run in light) <= 2 * STEPS * batch  # the one at work, and their own
    assert heavy.done > 4 * STEPS * batch  # 64 rows a step, and what it gave away
    assert process.network.computed == STEPS * (64 + 4 * 2)


def test_the_line_has_its_length_and_its_order():
    site = Site(COSTS, at_work=3, waiting=5)
    outcome = simulated(site, together(12), STEPS)
    assert [run.turned_away for run in outcome.runs] == [False] * 8 + [True] * 4
    begun = [run.began for run in outcome.runs[:8]]
    assert begun == sorted(begun)
    assert begun[3] >= min(ends(outcome)[:3])


def test_ten_processes_are_ten_times_one():
    one, ten = (simulated(Site(COSTS, processes=n), hall(40 * n), STEPS) for n in (1, 10))
    share = max(each.network.computed for each in ten.processes) / (40 * STEPS * 2)
    assert 1 < share < 2  # chance deals unevenly
    assert ten.seconds == pytest.approx(one.seconds * share, rel=0.1)


def test_the_same_seed_gives_the_same_class():
    for presses in (hall(60, seed=1), steady(60, 240, seed=1)):
        first, again = (simulated(Site(COSTS, processes=3), presses, seed=2) for _ in range(2))
        assert first.runs == again.runs
    assert hall(5, seed=1) == hall(5, seed=1) != hall(5, seed=2)
    times = [when for _, when in steady(50, 240)]
    assert len(times) == 100 and max(times) < 240


def test_a_gpu_is_as_fast_as_said_unless_python_launches_slower():
    where = sites(NETWORK, gpu_rows=500, uplink=1e9)
    outcome = simulated(where["1 GPU"], together(40), STEPS)
    assert outcome.processes[0].network.computed / outcome.seconds == pytest.approx(500, rel=0.02)
    assert len(simulated(where["10 GPUs"], together(40), STEPS).processes) == 10
    quick = sites(NETWORK, gpu_rows=1e9, uplink=1e9)["1 GPU"].costs
    assert (quick.launch, quick.call, quick.row) == (NETWORK.launch, 0.0, 0.0)
