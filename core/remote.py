"""Network calls answered by replicas, on other cores and other machines.

`python -m core.remote --replicas 2` starts replicas on this machine, and with `--address` in a
cluster of Ray. A page that is told where they are (`python app.py --cluster ADDRESS`) stays one
process: only its network calls travel. A replica loads models by their name and answers calls
through an engine of its own, so that the calls of many runs share batches there, too.

Calls that are made at the same moment travel in one message, and each answer comes back as soon
as it is there: what comes meanwhile is let into the replica's next batch, which a batch of the
transport would not do. A call is a pure function of its x, t and condition: one whose replica has
died is sent again, to another. Ray: Moritz et al. 2018, https://arxiv.org/abs/1712.05889.

Ray is imported by `deployed` and `connect` alone; `requirements-cluster.txt` has it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import importlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from core import paths
from core.assets import LIST
from core.calls import Packed, Question, Reply, Unloaded, packed, question_of, unpacked
from core.checks import whole
from core.engine import ENGINE, Answering, Call, Engine, answered_by
from core.models import load, prefer

NAME = "stepwise"  # of the application in Ray Serve
MOST = 64  # calls that a replica holds at a time; others wait in line
TOGETHER = 4  # calls of one message at most: it goes to one replica
TRIES = 4  # replicas that a call is sent to, one after the other
PATIENCE = 120.0  # seconds that a call waits for its answer
PAUSE = 0.2  # seconds until a call is sent again, longer each time
REACHED = 5.0  # seconds in which a machine is reached, if it is there
FOREVER = str(10**6)  # seconds that a page outlives its cluster: Ray would end it after 60
STORE = 200 * 2**20  # bytes of Ray's object store: pictures are small
LOST = "the replicas that compute for this page do not answer; try again, or tell whoever runs it"
UNNEEDED = [".git", ".venv", "venv", "checkpoints", "tests", "assets/tapes", "assets/images"]


class Lost(Exception):
    """The replica that had a call is gone."""


Transport = Callable[[list[Question]], AsyncIterator[tuple[int, Reply]]]  # in any order; or Lost


def version() -> str:
    """A checksum of the list of shipped files: pages and replicas must have the same models."""
    return hashlib.sha256((paths.ASSETS / LIST).read_bytes()).hexdigest()


# ---- where calls are answered -------------------------------------------------------------------


class Replica:
    """Answers calls of the models that it is asked for, in shared batches."""

    def __init__(self, engine: Engine) -> None:
        """Nothing is loaded yet."""
        self.engine, self.threads = engine, ThreadPoolExecutor(MOST)

    def about(self) -> dict[str, Any]:
        """Its process, the `version` of its files, and its batches by their rows."""
        return {"pid": os.getpid(), "version": version(), "sizes": dict(self.engine.sizes)}

    def answer(self, question: Question) -> Reply:
        """The answer to one call, or what the network raised, as a sentence."""
        try:
            model: Any = load(question.model, dtype=question.dtype)
        except ValueError as error:
            return Unloaded(str(error))
        condition, t = question.condition, question.t
        try:
            given = None if condition is None else unpacked(condition).to(model.device)
            told: Any = unpacked(t).to(model.device) if isinstance(t, Packed) else t
            forward = type(model).forward.__wrapped__  # which `shared` would send on
            with torch.no_grad():
                call = Call(forward, model, unpacked(question.x), told, given, {})
                return packed(self.engine.answer(call))
        except ValueError as error:
            return ValueError(str(error))
        except Exception as error:  # any class may not be there where the answer goes
            return RuntimeError(f"{type(error).__name__}: {error}")

    async def answers(self, questions: Sequence[Question]) -> AsyncIterator[tuple[int, Reply]]:
        """The answers to several calls with their places, each as soon as it is there."""
        loop = asyncio.get_running_loop()

        async def answered(place: int, question: Question) -> tuple[int, Reply]:
            return place, await loop.run_in_executor(self.threads, self.answer, question)

        for reply in asyncio.as_completed([answered(*each) for each in enumerate(questions)]):
            yield await reply


class Process(Replica):
    """A replica that has a process to itself."""

    def __init__(self, device: str, threads: int, downloads: bool) -> None:
        """It computes one batch at a time, with so many threads."""
        prefer(device, threads=threads, downloads=downloads)
        super().__init__(Engine())
        with contextlib.suppress(ValueError):  # whoever asks for it is told
            load("digits")  # what a page opens with


# ---- where calls are made -----------------------------------------------------------------------


class Cluster:
    """Answers network calls by sending them to replicas.

    Args:
        transport: takes the calls of a message to a replica, and yields its answers as they come.
        local: answers the calls that cannot travel.
        patience: seconds that a call waits for its answer.
        together: calls of a message at most.
    """

    def __init__(
        self,
        transport: Transport,
        local: Answering = ENGINE,
        patience: float = PATIENCE,
        together: int = TOGETHER,
    ) -> None:
        """With a thread that sends and receives."""
        self.transport, self.local = transport, local
        self.patience, self.together = patience, together
        self.unloaded: set[str] = set()  # models that replicas could not load
        self._lock = threading.Lock()
        self._waiting: list[tuple[Question, Future[Reply]]] = []
        self._tasks: set[asyncio.Task] = set()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="cluster", daemon=True).start()

    def answer(self, call: Call) -> Tensor:
        """The answer of a call, on the device of its x.

        ValueError where no replica answers; of what the network raises a ValueError stays one,
        and anything else is a RuntimeError.
        """
        question = question_of(call)
        if question is None or question.model in self.unloaded:
            return self.local.answer(call)
        reply = self._asked(question)
        if isinstance(reply, Unloaded):
            self.unloaded.add(question.model)
            return self.local.answer(call)
        if isinstance(reply, Exception):
            raise reply
        return unpacked(reply).to(call.x.device)

    def close(self) -> None:
        """End its thread; calls that are on their way are lost."""

        def end() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_soon(self._loop.stop)  # once they have been told

        self._loop.call_soon_threadsafe(end)

    def _asked(self, question: Question) -> Reply:
        until, lost = time.monotonic() + self.patience, None
        for attempt in range(TRIES):
            time.sleep(attempt * PAUSE)
            try:
                return self._sent(question).result(max(0.0, until - time.monotonic()))
            except Lost as error:
                lost = error
            except TimeoutError as error:
                lost = error
                break
        raise ValueError(LOST) from lost

    def _sent(self, question: Question) -> Future[Reply]:
        future: Future[Reply] = Future()
        with self._lock:
            self._waiting.append((question, future))
            first = len(self._waiting) == 1
        if first:  # who comes until the thread has time for it travels along
            self._loop.call_soon_threadsafe(self._start)
        return future

    def _start(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for k in range(0, len(waiting), self.together):
            task = self._loop.create_task(self._exchange(waiting[k : k + self.together]))
            self._tasks.add(task)  # the loop itself keeps a weak reference
            task.add_done_callback(self._tasks.discard)

    async def _exchange(self, sent: list[tuple[Question, Future[Reply]]]) -> None:
        error: Exception = Lost("the answers ended early")
        try:
            async for place, reply in self.transport([question for question, _ in sent]):
                sent[place][1].set_result(reply)
        except Exception as raised:
            error = raised
        finally:  # also of one that is cancelled
            for _, future in sent:
                if not future.done():
                    future.set_exception(error)


# ---- Ray ----------------------------------------------------------------------------------------


def imported() -> tuple[Any, Any]:
    """Ray and Ray Serve, which let in who has their token, and report their use to nobody.

    ValueError where they are not installed.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # of the file ~/.ray/auth_token
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray, serve = importlib.import_module("ray"), importlib.import_module("ray.serve")
    except ImportError as error:
        raise ValueError(
            "a cluster needs Ray, which is not installed; pip install -r requirements-cluster.txt"
        ) from error
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    return ray, serve


def deployed(
    replicas: int,
    address: str | None = None,
    device: str = "auto",
    threads: int = 1,
    gpus: float = 0,
    downloads: bool = False,
) -> str:
    """Start replicas and wait until they answer; returns the address for pages.

    Args:
        replicas: how many, 1 or more.
        address: of the cluster of Ray that has room for them; None starts one on this machine.
        device: where they compute, "auto" their accelerator if they have one.
        threads: of one network call, and cores of a replica.
        gpus: of a replica; half of one lets two replicas share it.
        downloads: whether they fetch models from the hub.

    Raises:
        ValueError: Ray is not installed, or there is no cluster.
    """
    replicas, threads = whole(replicas, "replicas", 1), whole(threads, "threads", 1, 256)
    ray, serve = imported()
    shared = {"env_vars": {"OMP_WAIT_POLICY": "PASSIVE"}}
    if address is None:
        shared["env_vars"]["PYTHONPATH"] = str(paths.ROOT)
        ray.init(
            num_cpus=replicas * threads,
            include_dashboard=False,
            object_store_memory=STORE,
            runtime_env=shared,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    else:
        joined(ray, address, {**shared, "working_dir": str(paths.ROOT), "excludes": UNNEEDED})
    serve.start(proxy_location="Disabled")  # no HTTP: pages use handles
    served = serve.deployment(
        Process,
        num_replicas=replicas,
        max_ongoing_requests=MOST,
        ray_actor_options={"num_cpus": threads, "num_gpus": gpus},
    )
    serve.run(served.bind(device, threads, downloads), name=NAME, route_prefix=None)
    return ray.get_runtime_context().gcs_address


def joined(ray: Any, address: str, shared: dict[str, Any] | None = None) -> None:
    """Join a cluster of Ray; ValueError where there is none."""
    host, _, port = address.rpartition(":")
    try:
        if port.isdigit():  # Ray itself would wait for it `FOREVER`
            socket.create_connection((host.strip("[]"), int(port)), REACHED).close()
        ray.init(address, runtime_env=shared, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"there is no cluster of Ray at {address}: {error}") from error


def connect(address: str) -> Cluster:
    """Let the replicas at an address, "auto" for this machine, answer this process's calls.

    ValueError, one sentence, where Ray is missing, no replica answers, or theirs are other models.
    """
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", FOREVER)
    ray, serve = imported()
    joined(ray, address)
    missing = (ray.exceptions.RayError, serve.exceptions.RayServeException, TimeoutError)
    try:
        handle = serve.get_app_handle(NAME)
        theirs = handle.about.remote().result(timeout_s=PATIENCE)["version"]
    except missing as error:
        raise ValueError(
            f"no replicas answer at {address}; start them with python -m core.remote"
        ) from error
    if theirs != version():
        raise ValueError(
            f"the replicas at {address} have other models than this page; start both from the "
            "same version of Stepwise"
        )
    asked = handle.options(method_name="answers", stream=True)

    async def transport(questions: list[Question]) -> AsyncIterator[tuple[int, Reply]]:
        try:
            async for reply in asked.remote(questions):
                yield reply
        except missing as error:
            raise Lost(str(error)) from error

    cluster = Cluster(transport)
    answered_by(cluster)
    return cluster


def disconnect(cluster: Cluster) -> None:
    """Leave a cluster: all calls are answered here again."""
    answered_by(cluster.local)
    cluster.close()
    imported()[0].shutdown()


def main() -> None:
    """Start replicas, say where they are, and end them when interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--replicas", type=int, default=2, help="how many (default 2)")
    add("--address", help="of a cluster of Ray, or auto (default: one of its own)")
    add("--device", default="auto", help="auto, cpu, cuda or mps")
    add("--threads", type=int, default=1, help="threads of one network call (default 1)")
    add("--gpus", type=float, default=0, help="of each replica (default 0)")
    add("--downloads", action="store_true", help="let replicas fetch models from the hub")
    flags = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        address = deployed(**vars(flags))
        print(f"{flags.replicas} replicas answer: python app.py --cluster {address}", flush=True)
        threading.Event().wait()
    except ValueError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        ray, serve = imported()
        serve.delete(NAME) if flags.address else serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    importlib.import_module("core.remote").main()  # replicas find its classes by this name
