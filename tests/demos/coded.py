"""What the code of a run makes, beside what the stage shows."""

import base64
import io
import json

import numpy as np
from PIL import Image

from core.tapes import Tape
from demos import CODES
from demos.experiments import run as experimenting
from demos.exports.answer import answered
from demos.forward import run as noising
from demos.forward.request import TOLD
from demos.inversion import run as inverting
from demos.sampling import run as sampling
from demos.training import run as training
from demos.training.data import name_of
from tests.demos import finished

PROMPT = "dog face on a blue background"
EMOJI = {"model": "emoji", "prompt": PROMPT, "guidance": 3.0}


def opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def shown(run, panel):
    """The picture that a run ends with, in the panel of this key."""
    *_, last = (each for each in run)
    frame = last.frames[-1] if isinstance(last, Tape) else last  # an inversion may be remembered
    picture = frame.pictures[panel]
    return opened(picture() if callable(picture) else picture)


def stage(event, request):
    """The picture on the stage when the run is over."""
    if event == "sample":
        return shown(sampling.run(request), "x_t" if request.show == "prediction" else "x0")
    if event == "noise":
        panel = "decoded" if request.card.space == "latents" else "x_t"
        return shown(noising.run(request), "clipped" if request.process == TOLD else panel)
    if event == "train":
        return shown(training.run(request, name_of(request)), "samples")
    if event == "experiment":
        return shown(experimenting.run(request), request.experiment.strip)
    if event == "invert":
        return shown(inverting.invert(request), "back")
    session = finished(inverting.invert(request.session.request))
    asked = {name: getattr(request, name) for name in type(request).controls()}
    return shown(inverting.edit(type(request).of(**{**asked, "session": session})), "edit")


def executed(source, folder, monkeypatch):
    """The picture that the code makes, in a namespace of its own; it is the one it saves."""
    monkeypatch.chdir(folder)
    names = {}
    exec(compile(source, "snippet", "exec"), names)
    assert same(Image.open("picture.png"), names["picture"])
    return names["picture"]


def levels(picture):
    return np.asarray(picture.convert("RGB")).astype(int)


def same(one, other):
    return np.array_equal(levels(one), levels(other))


def apart(one, other):
    assert one.size == other.size
    return int(abs(levels(one) - levels(other)).max())


def answer(**asked):
    return answered(json.dumps(asked), CODES)
