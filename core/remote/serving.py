"""Replicas in Ray Serve: how they are started, and how a page finds them."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

from core import paths
from core.checks import whole
from core.engine import answered_by
from core.remote.calls import Question, Reply
from core.remote.cluster import PATIENCE, Cluster, Lost
from core.remote.replicas import MOST, Process, version

NAME = "stepwise"  # of the application in Ray Serve
REACHED = 5.0  # seconds in which a machine is reached, if it is there
FOREVER = str(10**6)  # seconds that a page outlives its cluster: Ray would end it after 60
STORE = 200 * 2**20  # bytes of Ray's object store: pictures are small
UNNEEDED = [".git", ".venv", "venv", "checkpoints", "tests", "assets/tapes", "assets/images"]


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
