"""Two processes behind nginx, as README has it: a browser stays with the process of its page."""

import asyncio
import os
import re
import shutil
import socket
import subprocess

import httpx
import pytest

from demos.sampling.request import SampleRequest
from tests.attacks import png, serving, waited
from tests.benchmarks.classroom import Client, body_of, together
from tests.documents import DOCUMENTS
from tests.server import PATIENCE

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]
LEARNERS, COOKIE = 30, "stepwise_route"
ASKED = (SampleRequest, {"model": "digits", "steps": 20, "guidance": 2.0})
MAIN = """
daemon off;
{user}
pid {folder}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/stepwise.conf;
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def recipe(ports, listening):
    """What README says to save, with other ports."""
    text = re.findall(r"```nginx\n(.*?)```", DOCUMENTS["README.md"], re.DOTALL)
    assert len(text) == 1
    changed = {"listen 80;": f"listen 127.0.0.1:{listening};"}
    changed |= {f":{7861 + k};": f":{port};" for k, port in enumerate(ports)}
    for old, new in changed.items():
        assert text[0].count(old) == 1, old
        text[0] = text[0].replace(old, new)
    return text[0]


@pytest.fixture(scope="module")
def apps(tmp_path_factory):
    """Two processes that are ready."""
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    flags = ("--threads", "1", "--allow", "stepwise.example.org", "--port")
    ports = [str(free_port()) for _ in folders]
    with (
        serving(folders[0], *flags, ports[0]) as one,
        serving(folders[1], *flags, ports[1]) as two,
    ):
        for app in (one, two):
            assert waited(60, lambda app=app: app.http.get("/readyz").status_code == 200)
        yield one, two


@pytest.fixture(scope="module")
def address(apps, tmp_path_factory):
    """Where nginx serves both."""
    folder, listening = tmp_path_factory.mktemp("nginx"), free_port()
    ports = [httpx.URL(app.address).port for app in apps]
    (folder / "stepwise.conf").write_text(recipe(ports, listening))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with subprocess.Popen(command) as process:
        try:
            assert waited(20, lambda: listens(listening))
            yield f"http://127.0.0.1:{listening}"
        finally:
            process.terminate()


def begun(app):
    """How many runs a process has sent a first frame of."""
    found = re.search(r"first_frame_seconds_count (\S+)", app.http.get("/metrics").text)
    return float(found[1]) if found else 0.0


def test_both_processes_have_the_same_page(apps):
    pages = [app.http.get("/config").json() for app in apps]
    for key in ("dependencies", "layout"):  # an event has the same number in both
        assert pages[0][key] == pages[1][key], key
    kinds = [[(each["id"], each["type"]) for each in page["components"]] for page in pages]
    assert kinds[0] == kinds[1]


def test_thirty_browsers_are_spread_and_every_run_comes_whole(apps, address):
    before = [begun(app) for app in apps]

    async def browser(seed):
        limits = {"base_url": f"{address}/gradio_api", "timeout": PATIENCE}
        async with httpx.AsyncClient(**limits) as http:
            page = await http.get(f"{address}/")
            assert page.is_success and "Stepwise" in page.text
            given = http.cookies[COOKIE]
            client = Client()
            await client.run(http, body_of(address, ASKED, seed))
            assert (await http.get(f"{address}/")).is_success
            assert http.cookies[COOKIE] == given  # it keeps what it was given
            return client

    async def all_of_them():
        return await asyncio.gather(*(browser(seed) for seed in range(LEARNERS)))

    clients = asyncio.run(all_of_them())
    assert all(len(client.times) > 3 for client in clients)
    counts = [begun(app) - old for app, old in zip(apps, before, strict=True)]
    assert sum(counts) == LEARNERS and min(counts) >= 5


def test_frames_come_one_by_one(address):
    """A proxy that collects them would send all at the end."""
    asked = (SampleRequest, ASKED[1] | {"steps": 100})
    (client,) = asyncio.run(together(address, [body_of(address, asked, 0)]))
    assert len(client.times) > 5 and client.times[0] < client.end / 2


def test_whoever_has_no_cookies_stays_by_its_address(apps, address):
    before = [begun(app) for app in apps]
    for seed in range(4):
        client = Client()

        async def run(client=client, seed=seed):
            bare = {"base_url": f"{address}/gradio_api", "timeout": PATIENCE}
            async with httpx.AsyncClient(**bare) as http:
                await client.run(http, body_of(address, ASKED, seed))
                assert COOKIE not in http.cookies

        asyncio.run(run())
    counts = [begun(app) - old for app, old in zip(apps, before, strict=True)]
    assert sorted(counts) == [0, 4]


def pages(app):
    """How many are open."""
    found = re.search(r"^stepwise_pages (\S+)", app.http.get("/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


def test_a_page_is_counted_and_its_host_is_judged(apps, address):
    heartbeat = f"{address}/gradio_api/heartbeat/one-page"
    with httpx.stream("GET", heartbeat, timeout=PATIENCE) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()  # to let go of it would close the page
        assert next(lines) == "data: ALIVE"
        assert sorted(map(pages, apps)) == [0, 1]
    named = {"host": "stepwise.example.org"}
    assert httpx.get(f"{address}/config", headers=named).is_success
    assert httpx.get(f"{address}/config", headers={"host": "other.example"}).status_code == 421


def test_a_picture_of_some_megabytes_passes(address):
    picture = png(1500)
    assert len(picture) > 1_000_000  # the most that nginx takes without the setting
    answer = httpx.post(
        f"{address}/gradio_api/upload",
        files={"files": ("a.png", picture, "image/png")},
        timeout=PATIENCE,
    )
    assert answer.is_success and answer.json()[0].startswith("upload/")


def test_when_a_process_ends_its_browsers_come_to_the_other(apps, address):
    apps[0].process.terminate()
    apps[0].process.wait(timeout=30)
    for _ in range(8):
        with httpx.Client(base_url=address, timeout=PATIENCE) as http:
            assert http.get("/").is_success and http.get("/config").is_success
