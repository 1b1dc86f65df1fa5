"""A saved run that is opened: its message, and the way there over HTTP."""

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from core import comparison_files, tape_files
from core.archives import packed
from core.tape_files import load, written
from core.tapes import Frame, Panel, Tape
from demos.runs.opened import message_of, name_of, opened
from demos.runs.stream import compact
from demos.sampling.request import SampleRequest
from demos.sampling.run import run
from demos.words import sentence, table
from tests.core.test_tape_files import picture
from tests.demos import refused
from tests.server import configured

RECORDED = Path(__file__).parents[2] / "assets" / "tapes"
META = {"_type": "gradio.FileData"}


def sent(path, name="a run.stepwise"):
    return {"path": str(path), "orig_name": name, "meta": META}


def test_a_saved_run_is_shown_whole_and_says_where_it_is_from(tmp_path):
    frames: Any
    tape: Any
    tape, *frames = run(SampleRequest.of(steps=3))
    tape.frames.extend(frames)
    (tmp_path / "file").write_bytes(written(tape))
    ((message, archive),) = opened(sent(tmp_path / "file"))
    assert (message["status"], message["file"], archive) == ("opened", "a run.stepwise", None)
    assert message["event"] == "sample" and message["settings"]["steps"] == 3
    assert len(message["frames"]) == message["total"] == 4
    again = [tape.sent(i, each) for i, each in enumerate(frames)]
    for told, made in zip(message["frames"], again, strict=True):
        pictures = [p() if callable(p) else p for p in made["pictures"]]
        assert told == {**made, "pictures": pictures, "text": sentence(made["say"])}
    other = message_of(sent(tmp_path / "file"))
    assert other["run"] != message["run"], "opened again, it is shown from its beginning"


def comparison(about, *runs):
    """A file of a comparison, with these runs in it."""
    head = {"format": "stepwise comparison", "version": 1, "event": "sample", **about}
    files = {f"runs/{k}.stepwise": each for k, each in enumerate(runs)}
    return packed({"comparison.json": json.dumps(head).encode(), **files})


def test_a_comparison_is_sent_as_one_message(tmp_path):
    one, other = ((RECORDED / f"{name}.stepwise").read_bytes() for name in ("sample", "noise"))
    about = {"align": "calls", "panel": "x_t", "look": ["versus.noise.look", {}]}
    (tmp_path / "file").write_bytes(comparison(about, one, other, one))
    message = message_of(sent(tmp_path / "file", "two.stepwise"))
    first, second = message["beside"]
    assert [each["event"] for each in (first, second, message)] == ["sample", "noise", "sample"]
    compare = [each["compare"] for each in (first, second, message)]
    assert [each["place"] for each in compare] == [0, 1, 2]
    assert [each["before"] for each in compare] == [None, first["run"], second["run"]]
    assert all({**each, **about} == each for each in compare)
    assert first["file"] == message["file"] == "two.stepwise" and "beside" not in first
    assert first["frames"] == compact(message)["frames"]


@pytest.mark.parametrize(
    ("about", "runs", "trouble"),
    [
        ({}, 1, "2 to 4 runs"),
        ({}, 5, "2 to 4 runs"),
        ({"format": "stepwise"}, 2, "describes no comparison"),
        ({"version": "1"}, 2, "describes no comparison"),
        ({"align": "time"}, 2, "align must be one of"),
        ({"panel": ["x_t"]}, 2, "must be texts"),
        ({"panel": "x" * 3000}, 2, "must be texts"),
        ({"look": {"a": 1}}, 2, "must be texts"),
        ({"version": 2}, 2, ""),
    ],
)
def test_a_comparison_that_is_none_is_one_sentence(about, runs, trouble):
    recorded = (RECORDED / "noise.stepwise").read_bytes()
    with pytest.raises(tape_files.Unopened) as caught:
        comparison_files.read(comparison(about, *[recorded] * runs))
    assert trouble in str(caught.value) and caught.value.kind == ("broken" if trouble else "newer")


def test_a_broken_run_in_a_comparison_is_named():
    whole = (RECORDED / "noise.stepwise").read_bytes()
    for broken, kind in ((whole[: len(whole) // 2], "cut"), (b"no run", "foreign")):
        with pytest.raises(tape_files.Unopened) as caught:
            comparison_files.read(comparison({}, whole, broken))
        assert caught.value.kind == kind
    with pytest.raises(tape_files.Unopened, match="cut short"):
        comparison_files.read(comparison({}, whole, whole)[:2000])


def test_what_is_said_in_words_that_this_version_does_not_know_stays_text(tmp_path):
    tape = Tape(
        request={},
        title=["__proto__", {}],
        panels=(Panel("x", "x", ["gone.panel", {"a": 1}]),),
        total=2,
    )
    for say, text in ((["gone.key", {}], "in English"), (["sample.moved", {"share": "x"}], "")):
        shown = {"x": picture()}
        tape.frames.append(
            Frame(pictures=shown, say=say, pos=0, text=text, doubts=[["gone.doubt", {}]])
        )
    (tmp_path / "file").write_bytes(written(tape))
    message = message_of(sent(tmp_path / "file"))
    assert [each["say"] for each in message["frames"]] == ["in English", "sample.moved"]
    assert message["title"] == "__proto__" and message["panels"][0]["title"] == "gone.panel"
    assert message["frames"][0]["doubts"] == ["gone.doubt"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/me/a.stepwise", "a.stepwise"),
        ("C:\\me\\a.stepwise", "a.stepwise"),
        ("a\u202e\n.stepwise", "a.stepwise"),
        ("x" * 300 + ".stepwise", "x" * 48 + "…" + "xx.stepwise"),
        (None, ""),
        (7, ""),
    ],
)
def test_the_name_of_a_file_is_shown_without_its_folder(name, shown):
    assert name_of({"orig_name": name}) == shown


def test_what_is_no_run_is_refused_in_one_sentence_of_each_language(tmp_path, monkeypatch):
    file = tmp_path / "file"
    monkeypatch.setattr(tape_files, "FILE_BYTES", 200_000)
    cases = {
        "cut": (RECORDED / "sample.stepwise").read_bytes()[:5000],
        "broken": packed({"tape.json": b'{"format": "stepwise", "version": 1}'}),
        "newer": packed({"tape.json": b'{"format": "stepwise", "version": 2}'}),
        "foreign": b"\x89PNG\r\n\x1a\n",
        "large": bytes(200_001),
    }
    for kind, content in cases.items():
        file.write_bytes(content)
        said = refused(message_of, sent(file))
        assert "a run.stepwise" in said and str(tmp_path) not in said, said
        assert f"tape.refused.{kind}" in table("zh")
    for value in (None, [], "a", {"path": "/etc/hostname"}, sent(tmp_path / "gone")):
        assert "is not here any more" in refused(message_of, value)


# ---- over HTTP ----------------------------------------------------------------------------------


def upload(server, content, name="a.stepwise"):
    files = {"files": (name, content, "application/octet-stream")}
    return httpx.post(f"{server.address}/gradio_api/upload", files=files, timeout=60)


def event_for(server, player):
    """The number of the event that opens a file for a player."""
    config = configured(server.address)
    boxes = [each for each in config["components"] if each["type"] == "uploadbutton"]
    players = {each["props"].get("elem_id"): each["id"] for each in config["components"]}
    (index,) = (
        each["id"]
        for each in config["dependencies"]
        if len(each["inputs"]) == 1
        and each["inputs"][0] in [box["id"] for box in boxes]
        and players[f"player-{player}"] in each["outputs"]
    )
    return index


def asked(server, value, player):
    """What it answers to a file."""
    index, session = event_for(server, player), uuid.uuid4().hex
    body = {"data": [value], "fn_index": index, "session_hash": session}
    server.http.post("/gradio_api/queue/join", json=body).raise_for_status()
    url = f"/gradio_api/queue/data?session_hash={session}"
    with server.http.stream("GET", url) as response:
        messages = [json.loads(line[5:]) for line in response.iter_lines() if line[:5] == "data:"]
    return messages


@pytest.mark.slow
@pytest.mark.parametrize("player", ["schedule", "noise", "sample", "invert"])
def test_a_file_that_is_sent_is_shown_by_the_player(server, player):
    content = (RECORDED / "sample.stepwise").read_bytes()
    answer = upload(server, content)
    assert answer.status_code == 200, answer.text
    value = [{"path": answer.json()[0], "orig_name": "a.stepwise", "meta": META}]
    messages = asked(server, value, player)
    texts = [each["output"]["data"][0] for each in messages if "data" in each.get("output", {})]
    shown = json.loads(next(text for text in texts if isinstance(text, str)))
    tape = load(RECORDED / "sample.stepwise")
    frames = compact({"frames": [tape.sent(i, each) for i, each in enumerate(tape.frames)]})
    assert shown["status"] == "opened" and shown["file"] == "a.stepwise"
    assert [each["pictures"] for each in shown["frames"]] == [
        each["pictures"] for each in frames["frames"]
    ]


@pytest.mark.slow
def test_a_broken_file_is_one_sentence_and_a_strange_kind_is_not_taken(server):
    answer = upload(server, b"PK\3\4 and no more", "half.stepwise")
    value = [{"path": answer.json()[0], "orig_name": "half.stepwise", "meta": META}]
    final = asked(server, value, "sample")[-2:]
    said = next(each["output"]["error"] for each in final if "error" in each.get("output", {}))
    assert said == "The file half.stepwise is cut short; copy or download it again."
    strange = upload(server, b"hello", "a.txt")
    assert strange.status_code == 415 and "saved runs" in strange.json()["detail"]
    large = upload(server, bytes(30_000_001))
    assert large.status_code == 413 and "at most 30 MB" in large.json()["detail"]
    for path in ("/etc/hostname", "upload/" + "0" * 32 + "-a.stepwise"):
        body = {"data": [[{"path": path, "meta": META}]], "session_hash": "s"}
        body["fn_index"] = event_for(server, "sample")
        answer = server.http.post("/gradio_api/queue/join", json=body)
        assert answer.status_code == 400 and "not here any more" in answer.text
    assert "Traceback" not in server.said()
    server.works()
