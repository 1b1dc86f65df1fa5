"""ZeroGPU: only a Space lends, and what it is asked for is an estimate of the request."""

import pickle
import sys
from types import SimpleNamespace

from demos.runs import zero_gpu
from demos.runs.zero_gpu import loaded, on_gpu
from demos.sampling.request import SampleRequest

RAW = {"model": "emoji", "steps": 30, "guidance": 3, "prompt": "dog face"}


def numbers(request):
    yield request


def test_elsewhere_nothing_changes(monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert on_gpu(lambda request: 60)(numbers) is numbers


def test_a_space_is_told_how_long(monkeypatch):
    asked = []

    def lend(duration):
        asked.append(duration)
        return lambda function: function

    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=lend))
    on_gpu(lambda request: request.seconds)(numbers)
    (seconds,) = asked
    short, long = SampleRequest.of(**RAW), SampleRequest.of(**{**RAW, "steps": 500, "batch": 16})
    assert 20 <= seconds(short) < 60 < seconds(long)


def test_a_request_crosses_to_another_process():
    request = SampleRequest.of(**RAW)
    assert pickle.loads(pickle.dumps(request)) == request


def test_work_without_a_lent_gpu_stays_on_the_cpu(monkeypatch):
    asked = []
    monkeypatch.setattr(zero_gpu, "load", lambda name, device, report: asked.append(device))
    for value in ("", "true"):
        monkeypatch.setenv("SPACES_ZERO_GPU", value)
        loaded("emoji")
    assert asked == ["auto", "cpu"]
