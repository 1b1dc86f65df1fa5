"""Films, sheets and tables of a tape, decoded: their frames, in order, with the holds."""

import csv
import io
import json
import math
import sys
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from core.tape_files import read, written
from core.tapes import Frame, Panel, Tape
from demos.exports import films, fonts
from demos.exports.drawing import FILM, THUMB, Film
from demos.exports.fonts import Pen, missing
from demos.exports.making import Made, Progress, making
from demos.exports.request import FILMS, FORMATS, ExportRequest
from demos.exports.sheets import chosen
from demos.ui.exports import exported, offered, seconds
from demos.ui.server.uploads import NAME, Uploads
from demos.words import said, sentence, table
from tests.core.test_tape_files import picture
from tests.demos import refused
from tests.demos.test_tape_files import sent

SETTINGS = {"model": "digits", "seed": 7, "prompt": "ein Füchslein <&>", "eta": None}
TITLE = said("sample.title", asked="7", model="digits", sampler="ddim", steps=3, seed=7)


def tape(count=5, size=(8, 8), keys=("x", "e")):
    """A run whose i-th frame is as grey as 20 + 40 i, and so is recognised in a film."""
    panels = tuple(Panel(key, "x̂₀", said("player.play")) for key in keys)
    made = Tape(request=SETTINGS, title=TITLE, panels=panels, total=count, event="sample")
    for i in range(count):
        shown = picture(20 + 40 * i if count < 6 else i % 200, size=size)
        made.frames.append(
            Frame(
                pictures=dict.fromkeys(keys, shown),
                say=said("sample.step", step=i, steps=count, share=0.5),
                pos=i / count,
                numbers={"psnr": math.inf, "t": 3.0} | ({"mse": 0.1 + 0.2} if i else {}),
            )
        )
    return made


def export(run=None, **settings):
    """The notes and the bytes of an export, after its progress was looked at."""
    *progress, last = making(run or tape(), ExportRequest.of(**settings))
    assert isinstance(last, Made) and all(isinstance(each, Progress) for each in progress)
    done = [each.done for each in progress if isinstance(each, Progress)]
    assert done == list(range(len(done)))
    return last


def greys(pictures):
    """Which frame of the tape each frame of a film shows, by the middle of the first panel."""
    middle = Film(tape(), tape().panels, "en").top + 3 + 128, 16 + 3 + 128
    return [round((int(np.asarray(each.convert("L"))[middle]) - 20) / 40) for each in pictures]


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_film_has_the_frames_in_order_with_the_holds(kind):
    made = export(format=kind, rate=4, first=1.5, last=3)
    assert made.ending == kind and not made.notes
    with Image.open(io.BytesIO(made.content)) as film:
        assert film.format == {"gif": "GIF", "webp": "WEBP"}[kind] and film.info["loop"] == 0
        frames, spans = [], []
        for frame in ImageSequence.Iterator(film):
            frame.load()  # only then a WebP says how long it stands
            frames.append(frame.convert("RGB"))
            spans.append(frame.info["duration"])
    assert greys(frames) == [0, 1, 2, 3, 4]
    assert spans == [1500, 250, 250, 250, 3000]


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_an_mp4_has_a_constant_rate_and_repeats_what_it_holds(codec, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {codec})
    made = export(format="mp4", rate=4, first=1.5, last=3)
    with av.open(io.BytesIO(made.content), "r") as film:
        stream = film.streams.video[0]
        assert stream.average_rate == 4 and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.width % 2 == stream.height % 2 == 0
        assert film.metadata["title"] == sentence(TITLE)
        assert json.loads(film.metadata["comment"])["settings"] == SETTINGS
        decoded = list(film.decode(stream))
        times = [each.time for each in decoded]
        frames = greys([each.to_image() for each in decoded])
    assert frames == [0] * 6 + [1, 2, 3] + [4] * 12
    assert times == [k / 4 for k in range(21)]


def test_moments_are_rounded_so_that_no_error_adds_up():
    ends = films.ends(300, ExportRequest.of(rate=7, first=0, last=0))
    assert len(ends) == 300 and ends[-1] == pytest.approx(300 / 7)
    with Image.open(io.BytesIO(export(tape(8), rate=30, first=0, last=0).content)) as film:
        spans = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
    assert spans == [30, 40, 30, 30, 40, 30, 30, 40], "hundredths of a second, for 33.3 ms"


def test_a_run_of_one_frame_stands_for_the_longer_hold():
    assert films.ends(1, ExportRequest.of(first=1, last=2)) == [2]
    assert films.ends(2, ExportRequest.of(first=0, last=0, rate=10)) == pytest.approx([0.1, 0.2])
    with Image.open(io.BytesIO(export(tape(1)).content)) as film:
        assert len(list(ImageSequence.Iterator(film))) == 1


def test_title_settings_and_seed_are_in_the_metadata(monkeypatch):
    monkeypatch.setattr("demos.exports.making.missing", lambda text: "")  # with Chinese fonts
    for kind in ("gif", "webp"):
        with Image.open(io.BytesIO(export(format=kind, language="zh").content)) as film:
            text = film.info["comment" if kind == "gif" else "xmp"].decode()
        if kind == "webp":
            text = "\n".join(each.text or "" for each in ElementTree.fromstring(text).iter())
        assert sentence(TITLE, "zh") in text
        assert json.loads(text[text.index("{") : text.rindex("}") + 1])["settings"] == SETTINGS
    with Image.open(io.BytesIO(export(format="sheet", language="zh").content)) as sheet:
        assert sheet.info["Title"] == sentence(TITLE, "zh")
        about = json.loads(sheet.info["Description"])
    assert about["settings"] == SETTINGS and about["event"] == "sample"
    assert about["versions"]["torch"]


def test_a_sheet_has_each_frame_once_and_says_how_many_of_them():
    assert chosen(5) == [0, 1, 2, 3, 4]
    some = chosen(1001)
    assert (some[0], some[-1], len(set(some))) == (0, 1000, 30)
    steps = np.diff(some)
    assert steps.max() - steps.min() <= 1
    with Image.open(io.BytesIO(export(tape(5, keys=("x",)), format="sheet").content)) as sheet:
        pixels = np.asarray(sheet.convert("L"))
    areas = {20 + 40 * i: int((pixels == 20 + 40 * i).sum()) for i in range(5)}
    for area in areas.values():
        assert 112 * 112 <= area < 112 * 112 + 2000, areas  # and letters have a few such pixels


@pytest.mark.parametrize(
    ("scale", "size", "shown"),
    [
        (FILM, (28, 28), (280, 280)),
        (FILM, (64, 64), (256, 256)),
        (FILM, (28, 14), (280, 140)),
        (FILM, (200, 100), (200, 100)),
        (FILM, (1024, 512), (512, 256)),
        (THUMB, (28, 28), (112, 112)),
        (THUMB, (512, 512), (160, 160)),
    ],
)
def test_small_pictures_grow_by_a_whole_number_and_large_ones_are_reduced(scale, size, shown):
    assert scale.of(size) == shown
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    made = np.asarray(scale.shown(Image.fromarray(pixels)))
    if max(size) <= 128:
        factor = shown[0] // size[0]
        assert (made == pixels.repeat(factor, 0).repeat(factor, 1)).all()


def test_a_film_of_one_panel_shows_that_one():
    wide, narrow = (Film(tape(), panels, "en") for panels in (tape().panels, tape().panels[:1]))
    assert wide.row.width > narrow.row.width
    said_so = refused(making, tape(), ExportRequest.of(panel="other"))
    assert "x, e" in said_so and "other" in said_so


def test_a_table_has_the_numbers_to_the_last_digit():
    made = export(format="table")
    rows = list(csv.DictReader(io.StringIO(made.content.decode("utf-8-sig"))))
    assert list(rows[0]) == ["frame", "pos", "psnr", "t", "mse", "text"]
    for i, (row, frame) in enumerate(zip(rows, tape().frames, strict=True)):
        assert (int(row["frame"]), float(row["pos"])) == (i + 1, frame.pos)
        numbers = {name: float(row[name]) for name in ("psnr", "t", "mse") if row[name]}
        assert numbers == frame.numbers and row["psnr"] == "inf"
        assert row["text"] == sentence(frame.say)
    chinese = export(format="table", language="zh").content.decode("utf-8-sig")
    assert sentence(tape().frames[1].say, "zh") in chinese


def test_what_a_stranger_wrote_is_no_formula_in_a_spreadsheet():
    run = tape(1)
    run.frames[0] = Frame(
        pictures=run.frames[0].pictures, say="=1+1", pos=0, numbers={"@a": -1.5, "b": math.nan}
    )
    (row,) = csv.DictReader(io.StringIO(export(run, format="table").content.decode("utf-8-sig")))
    assert row == {"frame": "1", "pos": "0", "'@a": "-1.5", "b": "nan", "text": "'=1+1"}


# ---- text ---------------------------------------------------------------------------------------


def test_the_symbols_of_the_page_can_be_written_without_a_font_of_the_system(monkeypatch):
    monkeypatch.setattr(fonts, "_chinese", lambda: None)
    fonts.faces.cache_clear()
    try:
        english = "".join(table("en").values()) + "x̂₀ xₜ ε̂ α σ x_s √ᾱ ∥"
        assert missing(english) == "中文", "the name of the other language, on a button"
        made = export(format="gif", language="zh")
        assert made.notes[0][0] == "export.note.language"
        with Image.open(io.BytesIO(made.content)) as film:
            assert sentence(TITLE) in film.info["comment"].decode()
        assert "font" in sentence(list(made.notes))
    finally:
        fonts.faces.cache_clear()


def test_what_no_font_has_is_named_and_left_out():
    run = tape(2)
    strange = "\U000e0041"  # a tag, which has no picture anywhere
    run.frames[1] = Frame(pictures=run.frames[1].pictures, say=f"a{strange}b", pos=0)
    (note,) = export(run).notes
    assert note[0] == "export.note.characters" and strange in sentence(note, "zh")
    pen = Pen(16)
    assert pen.width(f"a{strange}b") == pytest.approx(pen.width("ab"))


def test_lines_are_no_wider_than_asked_and_lose_nothing():
    pen = Pen(16)
    texts = (sentence(tape().frames[0].say), "第三步噪声占功率" * 9, "x" * 300, "a b", "")
    for text in texts:
        lines = pen.wrapped(text, 200)
        assert all(pen.width(line) <= 200 for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert pen.wrapped("a b", 200) == ["a b"]


# ---- what is refused ----------------------------------------------------------------------------


def test_what_cannot_be_made_is_refused_in_one_sentence(monkeypatch):
    assert "no frames" in refused(making, tape(0), ExportRequest.of())
    monkeypatch.setattr(films, "PIXELS", 10**6)
    assert "5 frames of 572 × 384" in refused(making, tape(), ExportRequest.of())
    assert export(format="sheet").content, "a sheet is no film"
    monkeypatch.setattr(films, "PIXELS", 10**9)
    monkeypatch.setattr(films, "FILE_BYTES", 100)
    assert "MB" in refused(making, tape(), ExportRequest.of())


def test_without_pyav_the_other_kinds_are_made(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install av" in refused(making, tape(), ExportRequest.of(format="mp4"))
    assert export(format="webp").content


@pytest.mark.parametrize(
    "wrong", [{"format": "avi"}, {"rate": 0}, {"rate": 31}, {"first": 11}, {"last": -1}]
)
def test_a_setting_out_of_range_is_refused(wrong):
    (name,) = wrong
    assert sentence(said(f"export.{name}.label")) in refused(ExportRequest.of, **wrong)


# ---- over the page ------------------------------------------------------------------------------


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "uploads").mkdir()
    (tmp_path / "run.stepwise").write_bytes(written(tape()))
    return Uploads(tmp_path / "uploads")


def asked(file, **settings):
    """The reports of an export."""
    return [json.loads(each) for each in exported(sent(file), json.dumps({"of": "a", **settings}))]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_run_that_is_sent_becomes_a_file_that_can_be_fetched(uploads, tmp_path, kind):
    *_, last = asked(tmp_path / "run.stepwise", format=kind)
    assert last["of"] == "a" and NAME.fullmatch(last["file"])
    path = uploads.path_of(last["file"])
    assert path is not None
    content = path.read_bytes()
    assert len(content) / 1e6 == last["megabytes"] and path.suffix == f".{last['ending']}"
    assert content == export(read(written(tape())), format=kind).content


def test_what_goes_wrong_is_said_in_the_dialog(uploads, tmp_path):
    (tmp_path / "broken").write_bytes(b"hello")
    cases = (
        asked(tmp_path / "broken"),
        asked(tmp_path / "gone"),
        asked(tmp_path / "run.stepwise", format="avi"),
        asked(tmp_path / "run.stepwise", volume=11),
        asked(tmp_path / "run.stepwise", panel="y"),
    )
    for reports in cases:
        assert reports[-1].keys() == {"of", "refused"}
        assert sentence(reports[-1]["refused"], "zh")
    for text in ("", "[1]", "{", None):
        *_, last = (json.loads(each) for each in exported(sent(tmp_path / "run.stepwise"), text))
        assert last["ending"] == "gif", "the defaults"
    assert list(uploads.folder.iterdir())


def test_long_films_wait_in_the_lane_of_long_runs(uploads, tmp_path):
    few = seconds(sent(tmp_path / "run.stepwise"), "{}")
    (tmp_path / "long.stepwise").write_bytes(written(tape(600)))
    assert 0 < few < 1 < seconds(sent(tmp_path / "long.stepwise"), "{}")
    assert seconds(None, None) == seconds(sent(tmp_path / "gone"), "") == 0.0


def test_the_dialog_offers_what_the_request_has():
    found = offered()
    assert list(found["format"]["options"]) == list(FORMATS) and set(FILMS) < set(FORMATS)
    assert (found["rate"]["low"], found["rate"]["high"], found["rate"]["default"]) == (1, 30, 10)
    json.dumps(found)
