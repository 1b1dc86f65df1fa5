"""How many rows a shared batch has: more only where they are computed faster."""

import pytest
import torch

from core import batches
from core.batches import SIZES, best_rows, measure_batches
from core.engine import ENGINE, ROWS


@pytest.mark.parametrize(
    ("fixed", "each", "wanted"),
    [(0.0, 0.01, 16), (0.05, 0.01, 32), (1.0, 0.01, 128), (1.0, 0.0, 128)],
)
def test_a_batch_is_as_large_as_makes_its_rows_faster(monkeypatch, fixed, each, wanted):
    """A call takes a fixed time and one for each row; a doubling has to gain a tenth."""
    clock = [0.0]
    monkeypatch.setattr(batches.time, "perf_counter", lambda: clock[0])

    def call(rows):
        clock[0] += fixed + each * rows

    assert best_rows(call) == wanted


def test_a_batch_that_does_not_fit_is_not_chosen(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(batches.time, "perf_counter", lambda: clock[0])

    def call(rows):
        if rows > 32:
            raise torch.OutOfMemoryError
        clock[0] += 1

    assert best_rows(call) == 32


def test_the_batches_of_a_model_are_measured(monkeypatch):
    monkeypatch.setattr(ENGINE, "rows", ROWS)
    measure_batches("digits")
    assert ENGINE.rows in SIZES
