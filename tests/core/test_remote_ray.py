"""Replicas in a cluster of Ray, and the plain sentence where there is none."""

import socket
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from core.engine import ENGINE, answered_by
from core.remote.cluster import Lost
from core.remote.serving import NAME, connect, disconnect, joined
from tests.core.test_engine import runs, sampled
from tests.replicas import replicas
from tests.server import ROOT

PATIENCE = 60  # seconds


def test_ray_is_not_imported_by_a_page_that_has_no_cluster():
    script = "import sys, app; assert not {'ray', 'ray.serve'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=120)


def test_without_ray_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install -r requirements-cluster\.txt"):
        connect("auto")
    script = """
import runpy, sys
sys.modules["ray"], sys.argv[1:] = None, []
runpy.run_module("core.remote", run_name="__main__")
"""
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 2 and "requirements-cluster.txt" in run.stderr
    assert "Traceback" not in run.stderr


def test_where_nobody_listens_one_sentence_says_so():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ValueError, match=f"there is no cluster of Ray at {address}"):
            joined(None, address)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="requirements-cluster.txt is not installed")
@pytest.mark.filterwarnings("ignore")  # of Ray's own
class TestRay:
    """Two replicas on this machine, as one command starts them."""

    @pytest.fixture(scope="class")
    def cluster(self):
        with replicas(2) as address:
            cluster = connect(address)
            answered_by(ENGINE)
            yield cluster
            disconnect(cluster)

    @pytest.fixture(scope="class")
    def asked(self):
        return [*runs()]

    @pytest.fixture(scope="class")
    def expected(self, asked):
        return [sampled(*each) for each in asked]

    @pytest.fixture
    def remotely(self, cluster):
        answered_by(cluster)
        yield cluster
        answered_by(ENGINE)

    def test_thirty_runs_through_two_replicas_are_those_of_runs_alone(
        self, pool, asked, expected, remotely
    ):
        before = ENGINE.sizes.copy()
        found = list(pool.map(lambda each: sampled(*each), asked))
        for one, other in zip(found, expected, strict=True):
            assert (one - other).abs().max() <= 1e-4
        assert before == ENGINE.sizes, "nothing was computed here"
        abouts, deadline = {}, time.monotonic() + PATIENCE
        while len(abouts) < 2 and time.monotonic() < deadline:
            about = told()
            abouts[about["pid"]] = about["sizes"]
        assert len(abouts) == 2 and all(max(sizes) > 2 for sizes in abouts.values()), abouts

    def test_a_replica_that_is_killed_costs_no_run(
        self, pool, asked, expected, remotely, monkeypatch
    ):
        ray: Any = import_module("ray")
        sent, lost, transport = [], [], remotely.transport

        async def counted(questions):
            sent.extend(questions)
            try:
                async for reply in transport(questions):
                    yield reply
            except Lost as error:
                lost.extend(questions)
                raise error

        monkeypatch.setattr(remotely, "transport", counted)
        answers = [pool.submit(sampled, *each) for each in asked]
        deadline = time.monotonic() + PATIENCE
        while len(sent) < 100:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        names = ray.util.list_named_actors(all_namespaces=True)
        victim = next(each for each in names if each["name"].startswith("SERVE_REPLICA"))
        ray.kill(ray.get_actor(**victim))
        for each, other in zip(answers, expected, strict=True):
            assert (each.result() - other).abs().max() <= 1e-4
        assert lost, "calls were on their way"


def told():
    """What one of the replicas says of itself."""
    serve: Any = import_module("ray.serve")
    return serve.get_app_handle(NAME).about.remote().result(timeout_s=PATIENCE)
