"""A generator in a process of its own, which others on the machine do not notice.

It has a low priority, STEPWISE_NICE, 15 where that is not set; randomness and threads of its own;
and what it takes from memory is given back at its end. It goes on only when it is asked for its
next value.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Generator
from typing import IO, Any, TypeVar, cast

from core.paths import ROOT

Value = TypeVar("Value")
NEXT = b"n"
NICE = int(os.environ.get("STEPWISE_NICE", "15"))  # the lowest priority is 19
PATIENCE = 30  # seconds that it has to close
# At a low priority its threads may spin between two pieces of work, which harms nobody else: to
# sleep instead makes it a third slower.
DROPPED = ("OMP_WAIT_POLICY",) if NICE > 0 else ()


def apart(
    function: Callable[..., Generator[Value, None, None]], *given: Any
) -> Generator[Value, None, None]:
    """The values of `function(*given)`, which runs in another process.

    Everything crosses by pickle. A ValueError there is one here. Closed here, it is closed there.
    RuntimeError where the process ends by itself.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "core.training.apart"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in DROPPED},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        taken, told = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stdin)
        try:
            pickle.dump((function, given), told)
            while True:
                told.write(NEXT)
                told.flush()
                kind, value = pickle.load(taken)
                if kind == "end":
                    return
                if kind == "refused":
                    raise ValueError(value)
                yield value
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeError("the process of the training has ended") from error
        finally:
            with contextlib.suppress(BrokenPipeError):
                told.close()  # it ends with that
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def serve() -> None:
    """The other side."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not reach the answers
    if hasattr(os, "nice"):
        os.nice(NICE)
    asked = sys.stdin.buffer
    function, given = pickle.load(asked)
    with contextlib.closing(function(*given)) as values:
        while asked.read(1) == NEXT:
            try:
                answer = "value", next(values)
            except StopIteration:
                answer = "end", None
            except ValueError as error:
                answer = "refused", str(error)
            pickle.dump(answer, answers)
            answers.flush()


if __name__ == "__main__":
    serve()
