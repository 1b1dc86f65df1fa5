"""The room of a class: its word, the teacher's page, and what is offered."""

import contextlib

import httpx
import pytest

from demos.ui.server.room import TAB_OF, Room, reached_by
from tests.attacks import serving
from tests.server import Stream, defaults, event_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A class whose word is Blume."""
    flags = ("--host", "127.0.0.1", "--code", "Blume")
    with serving(tmp_path_factory.mktemp("room"), *flags) as found:
        yield found


@pytest.fixture(scope="module")
def printed(server):
    """What it has printed, and the teacher's key."""
    return server.printed()


@pytest.fixture
def key(printed):
    """The teacher's key."""
    return printed[1]


@contextlib.contextmanager
def learner(server):
    """A browser that knows the word."""
    with httpx.Client(base_url=server.address, timeout=60, follow_redirects=True) as client:
        assert client.get("/", params={"code": " BLUME "}).is_success
        yield client


def test_what_is_printed_is_what_is_needed(printed):
    said, _ = printed
    assert "Learners open http://" in said and "word is blume" in said


def test_without_the_word_there_is_only_the_door(server):
    page = httpx.get(server.address)
    assert page.is_success and 'name="code"' in page.text and "gradio" not in page.text
    chinese = httpx.get(server.address, headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "课堂口令" in chinese.text and 'lang="zh"' in chinese.text
    for path in ("/config", "/gradio_api/info", "/offer", "/line?session_hash=a"):
        answer = httpx.get(server.address + path)
        assert answer.status_code == 401 and "has a word" in answer.json()["detail"]
    body = {"data": [], "fn_index": 0, "session_hash": "a"}
    assert httpx.post(f"{server.address}/gradio_api/queue/join", json=body).status_code == 401
    assert httpx.get(f"{server.address}/healthz").is_success


def test_a_wrong_word_is_said_and_tries_are_bounded():
    room = Room("Blume")
    scope = {"client": ("10.0.0.7", 1)}
    tries = [room.guesses.right(scope, "Baum", room.code) for _ in range(60)]
    assert tries == [False] * 60
    with pytest.raises(Exception, match="too many tries"):
        room.guesses.right(scope, "blume", room.code)
    assert room.guesses.right({"client": ("10.0.0.8", 1)}, "blume", room.code)


def test_the_word_opens_the_page_and_the_rest_of_the_link_stays(server):
    wrong = httpx.get(server.address, params={"code": "Baum"})
    assert wrong.status_code == 403 and "not the word of the class" in wrong.text
    right = httpx.get(server.address, params={"code": "blume", "tab": "noise"})
    assert right.status_code == 303 and right.headers["location"] == "/?tab=noise"
    with learner(server) as client:
        assert "gradio" in client.get("/").text
        assert client.get("/config").is_success
        body = {
            "data": defaults_of(client, "sample"),
            "fn_index": event_index(client, "sample"),
            "session_hash": "learner",
        }
        assert client.post("/gradio_api/queue/join", json=body).is_success


def event_index(client, name):
    return next(e for e in client.get("/config").json()["dependencies"] if e["api_name"] == name)[
        "id"
    ]


def defaults_of(client, name):
    config = client.get("/config").json()
    values = {each["id"]: each["props"].get("value") for each in config["components"]}
    event = next(each for each in config["dependencies"] if each["api_name"] == name)
    return [values[each] for each in event["inputs"]]


def test_the_teachers_page_needs_its_key(server, key):
    for wrong in ("", "x", "ü"):
        answer = httpx.get(f"{server.address}/teacher", params={"key": wrong})
        assert answer.status_code == 403 and "the teacher's" in answer.json()["detail"]
        answer = httpx.post(f"{server.address}/teacher", json={"key": wrong, "link": "?tab=noise"})
        assert answer.status_code == 403
    page = httpx.get(f"{server.address}/teacher", params={"key": key})
    assert page.is_success and "blume" in page.text and "data:image/svg" in page.text
    assert "{{" not in page.text


def test_what_is_offered_reaches_the_learners_and_no_other_site(server, key):
    def offer(link):
        return httpx.post(f"{server.address}/teacher", json={"key": key, "link": link})

    with learner(server) as client:
        before = client.get("/offer").json()["number"]
        link = "https://evil.example/?tab=sample&steps=4&code=blume&seed=3"
        said = offer(link).json()
        assert said["link"] == "tab=sample&steps=4&seed=3"
        assert client.get("/offer").json() == {"number": before + 1, "link": said["link"]}
        for wrong in ("no link", "https://a.example/", 7, None):
            answer = offer(wrong)
            assert answer.status_code == 400 and "Copy link" in answer.json()["detail"]
        assert client.get("/offer").json()["link"] == said["link"], "it stays"
        assert offer("").json()["link"] == ""
        assert client.get("/offer").json() == {"number": before + 2, "link": ""}


def test_the_teacher_sees_counts(server, key):
    with learner(server) as client, client.stream("GET", "/gradio_api/heartbeat/abc"):
        state = httpx.post(f"{server.address}/teacher", json={"key": key}).json()
    assert state["learners"] == 1 and state["waiting"] == 0
    assert set(state) == {"learners", "runs", "waiting", "link"}


def test_every_public_event_has_a_tab():
    import app

    public = {fn.api_name for fn in app.page().fns.values() if fn.api_visibility == "public"}
    assert public == set(TAB_OF)


def test_this_machine_is_called_by_an_address_that_others_reach():
    assert reached_by("192.168.1.7:7860") == "192.168.1.7:7860"
    name, _, port = reached_by("localhost:7860").partition(":")
    assert port == "7860" and name


def test_a_server_without_a_class_has_no_such_pages(tmp_path):
    with serving(tmp_path) as plain:
        for path in ("/teacher?key=a", "/offer"):
            assert httpx.get(plain.address + path).status_code == 404
        data = defaults(plain.address, "schedule")
        assert event_of(plain.address, "schedule")
        assert [*Stream(plain.address, "schedule", data)][-1]["success"]
        assert '<meta name="stepwise-class"' not in httpx.get(plain.address).text
