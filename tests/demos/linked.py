"""Links as a browser sends them, and what is asked for by them."""

import json
from urllib.parse import parse_qsl

from demos.experiments.request import ExperimentRequest
from demos.forward.request import NoiseRequest
from demos.inversion.request import EditRequest, InvertRequest, StridesRequest
from demos.runs import links
from demos.sampling.request import SampleRequest
from demos.schedules.request import ScheduleRequest
from demos.training.request import TrainRequest

KINDS = {
    "schedule": (ScheduleRequest,),
    "noise": (NoiseRequest,),
    "sample": (SampleRequest,),
    "invert": (InvertRequest,),
    "edit": (InvertRequest, EditRequest),
    "strides": (StridesRequest,),
    "experiment": (ExperimentRequest,),
    "train": (TrainRequest,),
}


def settings_of(found):
    return {k: value for request in found for k, value in request.settings().items()}


def texts(query):
    """What a browser sends of a query, and the server reads."""
    return links.texts_of(as_sent(query))


def as_sent(query):
    return json.dumps(dict(parse_qsl(query, keep_blank_values=True)), ensure_ascii=False)


def opened(query, kinds):
    return links.asked(links.parsed(texts(query), kinds), kinds)
