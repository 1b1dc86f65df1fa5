"""The API over a real HTTP client: every endpoint with its defaults, and every bad input."""

import base64
import io
import json

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.server import PATIENCE, Stream, defaults


@pytest.fixture(scope="module")
def client(address, tmp_path_factory):
    """A client of the app."""
    return Client(
        address,
        verbose=False,
        download_files=str(tmp_path_factory.mktemp("files")),
        httpx_kwargs={"timeout": PATIENCE},
    )


def answer(client, **arguments):
    """The run that an endpoint answers with."""
    return json.loads(client.predict(**arguments))


def test_schedule_answers_with_its_defaults(client):
    message = answer(client, api_name="/schedule")
    assert message["status"] == "done" and len(message["frames"]) == message["total"]
    assert all(len(frame["pictures"]) == 2 for frame in message["frames"])


def test_noise_answers_with_its_defaults(client):
    message = answer(client, frames=5, api_name="/noise")
    assert [len(frame["pictures"]) for frame in message["frames"]] == [5] * 5
    assert message["frames"][0]["pos"] < message["frames"][-1]["pos"]


def test_sample_streams_every_step(client):
    job = client.submit(steps=100, api_name="/sample")  # longer than several messages
    final = json.loads(job.result(timeout=240))
    assert [frame["i"] for frame in final["frames"]] == list(range(101))
    assert len(job.outputs()) > 2
    assert final["frames"][0]["text"].startswith("Step 1 of 100: noise is over 99 %")


def test_sample_reads_a_prompt(client):
    final = answer(
        client, model="emoji", prompt="狗脸", steps=3, show="guidance split", api_name="/sample"
    )
    assert [len(frame["pictures"]) for frame in final["frames"]] == [5] * 4
    assert "狗脸" in json.dumps(final["title"], ensure_ascii=False)


def test_noise_shows_pixels_and_latents(client):
    message = answer(client, model="emoji", source="scene", frames=3, api_name="/noise")
    assert "round trip" in message["frames"][0]["text"]


def test_every_argument_is_documented(client):
    listed = client.view_api(return_format="dict")["named_endpoints"]
    for name in ("/schedule", "/noise", "/sample", "/invert", "/edit"):
        for parameter in listed[name]["parameters"]:
            assert parameter["parameter_has_default"], (name, parameter)


def test_invert_then_edit_in_one_session(client):
    inverted = answer(client, steps=4, api_name="/invert")
    assert len(inverted["frames"]) == 10
    assert "PSNR" in inverted["frames"][-1]["text"]
    edited = answer(client, target="9", strength=1.0, api_name="/edit")
    assert len(edited["frames"]) == 15
    assert edited["frames"][-1]["text"].startswith("Edited to label 9")


def test_strength_zero_changes_nothing(client):
    client.predict(steps=4, api_name="/invert")
    edited = answer(client, strength=0.0, api_name="/edit")
    assert "∞ dB" in edited["frames"][-1]["text"]


def test_edit_before_invert_starts_from_what_the_page_opens_with(address):
    client = Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE})
    edited = answer(client, api_name="/edit")
    assert len(edited["frames"]) == edited["total"] and edited["settings"]["steps"] == 30
    assert edited["frames"][-1]["text"].startswith("Edited to label 9")


@pytest.mark.parametrize(
    ("api_name", "arguments", "said"),
    [
        ("/sample", {"steps": 0}, "Steps must be a whole number in 1..1000, got 0."),
        ("/sample", {"steps": 2.5}, "Steps must be a whole number in 1..1000, got 2.5."),
        ("/sample", {"steps": None}, "Steps must be a whole number in 1..1000, got nothing."),
        ("/sample", {"seed": -1}, "Seed must be a whole number"),
        ("/sample", {"seed": 1e99}, "Seed must be a whole number"),
        ("/sample", {"label": "12"}, "Label must be one of"),
        ("/sample", {"batch": 17}, "Batch must be a whole number in 1..16, got 17."),
        ("/sample", {"guidance": "nan"}, "Guidance must be a number in 0..20, got nan."),
        ("/sample", {"eta": 7}, "Eta (η) must be a number in 0..1, got 7."),
        ("/sample", {"sampler": "magic"}, "Sampler must be one of ddim"),
        ("/sample", {"sampler": "heun", "eta": 0.5}, "deterministic"),
        ("/sample", {"model": "sdxl"}, "Model must be one of digits, emoji, exact, basic"),
        ("/sample", {"model": "basic"}, "knows no labels"),
        ("/sample", {"show": "attention per word"}, "choose the model emoji"),
        ("/sample", {"model": "emoji", "prompt": "x" * 501}, "Prompt must be text of at most 500"),
        ("/noise", {"model": "emoji", "source": "scene", "caption": "puppy"}, "near it"),
        ("/noise", {"model": "emoji", "source": "test digit"}, "Picture must be one of scene"),
        ("/sample", {"schedule": "cosine"}, "trained with its own schedule"),
        ("/schedule", {"first": "linear", "first_parameters": {"rho": 7}}, "no parameter rho"),
        ("/schedule", {"first_parameters": {"beta_end": 0.00001}}, "must not exceed"),
        ("/schedule", {"second": "wavy"}, "Second schedule must be one of linear"),
        ("/noise", {"digit": 11}, "Digit must be a whole number in 0..9, got 11."),
        ("/noise", {"source": "upload"}, "upload a picture first"),
        ("/noise", {"source": "upload", "picture": "four.png"}, "not a picture"),
        ("/noise", {"source": "upload", "picture": {"path": "/etc/hostname"}}, "not a picture"),
        ("/noise", {"source": "library"}, "Picture must be one of test digit"),
        ("/noise", {"model": "basic", "process": "Markov chain"}, "not uniform"),
        ("/schedule", {"first_parameters": {"beta_end": "much"}}, "must be a number"),
        ("/invert", {"model": "exact"}, "ill-posed"),
        ("/invert", {"source": "generated"}, "No picture was sent yet"),
    ],
)
def test_bad_input_is_one_sentence(client, api_name, arguments, said):
    with pytest.raises(AppError, match=r"\.$") as caught:
        client.predict(**arguments, api_name=api_name)
    text = str(caught.value)
    assert said in text and "Traceback" not in text and "\n" not in text


def picture_file(tmp_path, image, **options):
    path = tmp_path / "picture.png"
    image.save(path, **options)
    return handle_file(str(path))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_any_mode_of_picture_is_accepted(client, tmp_path, mode):
    image = Image.new("L", (60, 90), 255)
    image.paste(0, (25, 10, 35, 80))
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    image.convert(mode).save(path)
    message = answer(
        client, source="upload", picture=handle_file(str(path)), frames=2, api_name="/noise"
    )
    assert len(message["frames"]) == 2


def test_a_file_that_is_no_picture_is_refused(client, tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("not a picture")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(source="upload", picture=handle_file(str(path)), api_name="/noise")


def test_a_huge_picture_is_refused_before_it_is_decoded(client, tmp_path):
    picture = picture_file(tmp_path, Image.new("1", (12000, 12000)))
    with pytest.raises(AppError, match="at most 16 megapixels"):
        client.predict(source="upload", picture=picture, api_name="/noise")


def test_a_failed_run_leaves_the_server_at_work(address):
    data = defaults(address, "sample")
    data[3] = "many"
    last = list(Stream(address, "sample", data))[-1]
    assert not last["success"] and "Steps must be" in last["output"]["error"]
    data[3] = 3
    assert list(Stream(address, "sample", data))[-1]["success"]


def test_cancel_ends_the_run_and_keeps_what_was_sent(address):
    data = defaults(address, "sample")
    data[3] = 1000
    stream, seen = Stream(address, "sample", data), 0
    for message in stream:
        seen += message["msg"] == "process_generating"
        if seen == 3:
            stream.cancel()
            seen = 4
    assert seen < 500


def test_photo_is_shown_as_it_is(client, tmp_path):
    picture = picture_file(tmp_path, Image.radial_gradient("L"))
    message = answer(
        client, source="upload", picture=picture, fit="photo", frames=3, api_name="/noise"
    )
    assert len(message["panels"]) == 3
    uri = message["frames"][0]["pictures"][0].partition(",")[2]
    assert Image.open(io.BytesIO(base64.b64decode(uri))).size == (96, 96)
