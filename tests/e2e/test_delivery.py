"""What a browser, a search engine or a chat gets before any script runs."""

import io
import re

import httpx
from PIL import Image


def test_the_page_is_sent_compressed_and_says_what_it_is(address):
    size = {}
    for coding in ("identity", "gzip"):
        with httpx.stream("GET", address, headers={"accept-encoding": coding}) as answer:
            size[coding] = sum(map(len, answer.iter_raw()))
    assert size["gzip"] < 0.4 * size["identity"]
    page = httpx.get(address).text
    assert re.findall('property="og:title" content="(.*?)"', page) == ["Stepwise"]
    [picture] = re.findall('property="og:image" content="(.*?)"', page)
    assert picture == f"{address}/preview.png" and "@Gradio" not in page
    for shown, least in ((picture, 1200), (f"{address}/favicon.ico", 64)):
        answer = httpx.get(shown)
        assert Image.open(io.BytesIO(answer.content)).width >= least
