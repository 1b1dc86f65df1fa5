"""What is sent to the server from outside: uploads, headers, hosts, sites and odd requests."""

import httpx
import pytest

from demos.ui.server.uploads import NAME
from tests.attacks import png, waited
from tests.server import Stream, configured, ended, event_of

pytestmark = pytest.mark.slow


# ---- 12 uploads ---------------------------------------------------------------------------------


def test_only_pictures_can_be_uploaded_and_their_names_say_nothing(server):
    upload = f"{server.address}/gradio_api/upload"
    page = {"files": ("page.html", b"<script>alert(1)</script>", "text/html")}
    answer = httpx.post(upload, files=page)
    assert answer.status_code == 415 and "only pictures" in answer.json()["detail"]
    picture = png()
    names = httpx.post(upload, files={"files": ("a.png", picture, "image/png")}).json()
    assert len(names) == 1 and NAME.fullmatch(names[0])
    shown = httpx.get(f"{server.address}/gradio_api/file={names[0]}")
    assert shown.content == picture and shown.headers["content-type"] == "image/png"
    sent = {"path": names[0], "meta": {"_type": "gradio.FileData"}}
    assert server.run("noise", source="upload", picture=sent, fit="photo", frames=2)["success"]


def test_uploads_have_a_size_and_a_quota(server):
    upload = f"{server.address}/gradio_api/upload"
    large = {"files": ("a.png", b"\x89PNG" + bytes(31_000_000), "image/png")}
    answer = httpx.post(upload, files=large, timeout=60)
    assert answer.status_code == 413 and "30 MB" in answer.json()["detail"]
    part = {"files": ("a.png", b"\x89PNG" + bytes(29_000_000), "image/png")}
    statuses = [httpx.post(upload, files=part, timeout=60).status_code for _ in range(12)]
    assert statuses[0] == 200 and statuses[-1] == 429


def test_an_aborted_upload_leaves_nothing(server):
    folder = server.log.parent

    def files():
        return {path for path in folder.rglob("*") if path.is_file()}

    before = files()

    def broken():
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        yield bytes(2_000_000)
        raise RuntimeError("the learner closes the page")

    headers = {"content-type": "multipart/form-data; boundary=x"}
    with pytest.raises(RuntimeError):
        httpx.post(f"{server.address}/gradio_api/upload", content=broken(), headers=headers)
    assert waited(5, lambda: files() <= before)


# ---- 13 headers, hosts, sites -------------------------------------------------------------------


def test_headers_protect_the_page(server):
    for path in ("/", "/config", "/gradio_api/info", "/nothing"):
        headers = server.http.get(path, headers={"origin": "http://evil.example"}).headers
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"]
        assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize("header", ["host", "x-forwarded-host"])
def test_another_name_is_not_answered(server, header):
    answer = server.http.get("/", headers={header: "evil.example"})
    assert answer.status_code == 421 and "evil" not in answer.text.replace("'evil.example'", "")


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
def test_other_sites_cannot_send_anything(server, headers):
    files = {"files": ("a.png", png(), "image/png")}
    assert server.http.post("/gradio_api/upload", files=files, headers=headers).status_code == 403
    own = {"origin": server.address}
    assert server.http.post("/gradio_api/upload", files=files, headers=own).status_code != 403


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=https://example.com/a.png",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=upload/../../../etc/passwd",
        "/gradio_api/proxy=https://example.hf.space/a",
        "/gradio_api/stream/a/b/1/playlist.m3u8",
        "/monitoring/summary",
        "/static/" + "a" * 5000,
        "/assets/" + "b" * 300 + "/c",
        "/?page=nothing",
    ],
)
def test_what_the_page_does_not_use_is_not_there(server, path):
    answer = server.http.get(path)
    assert answer.status_code == (200 if "page=" in path else 404)


def test_a_picture_of_another_address_is_not_fetched(server):
    picture = {"path": "https://example.com/a.png", "meta": {"_type": "gradio.FileData"}}
    data = server.values("noise", source="upload", picture=picture)
    answer = server.join("noise", data)
    assert answer.status_code == 400 and "upload it again" in answer.json()["detail"]


# ---- 15 odd requests ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("call/nothing", b'{"data": []}', 404),
        ("call/v2/nothing", b"{}", 404),
        ("call/v2/sample", b'{"colour": 1}', 400),
        ("call/sample", b'{"data": [1]}', 400),
        ("run/sample", b'{"data": []}', 404),
        ("queue/join", b'{"data": [], "session_hash": "a", "fn_index": -1}', 404),
        ("queue/join", b'{"data": [], "session_hash": "a", "fn_index": 1000000000}', 404),
        ("queue/join", b'{"data": [], "session_hash": "a", "fn_index": 1.5}', 404),
        ("queue/join", b'{"data": [NaN], "session_hash": "a", "fn_index": SAMPLE}', 400),
        ("queue/join", b'{"data": ["\\ud800"], "session_hash": "a", "fn_index": SAMPLE}', 400),
        ("queue/join", b'{"data": {}, "session_hash": "a", "fn_index": SAMPLE}', 400),
        ("queue/join", b"[]", 400),
        ("queue/join", b"", 400),
        ("cancel", b'{"session_hash": 1, "fn_index": 0, "event_id": "a"}', 400),
        ("reset", b"nonsense", 400),
        ("upload", b"", 415),
    ],
)
def test_malformed_requests_are_named(server, path, body, status):
    sample = str(event_of(server.address, "sample")["id"]).encode()
    answer = server.http.post(f"/gradio_api/{path}", content=body.replace(b"SAMPLE", sample))
    assert answer.status_code == status and answer.json()["detail"]


def test_private_events_answer_garbage_with_a_sentence(server):
    for event in configured(server.address)["dependencies"]:
        if not event["backend_fn"] or not event["inputs"]:
            continue
        for value in ("no such name", 1e300, [{"a": True}]):
            data = [value] * len(event["inputs"])
            final = ended(Stream(server.address, event["api_name"], data))
            error = final["output"].get("error")
            assert final["success"] or (error and "fault" not in error), (event, value, final)
    assert "Traceback" not in server.said()
    server.works()
