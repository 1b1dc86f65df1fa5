"""What `core` refuses is said in every language: its English sentences are recognised."""

import ast
import io
import re

import pytest
import torch
from PIL import Image

from core.archives import packed
from core.bridge.classes import UNREADABLE
from core.bridge.schedules import schedule_of
from core.data.captions import parse
from core.data.folders import pictures_in
from core.data.points import drawn_points
from core.drawn_schedules import parsed
from core.models import load
from core.paths import ROOT
from core.pictures.opening import open_picture
from core.schedules import SCHEDULES
from core.tape_files import Unopened, read
from demos.words import capital, sentence, table
from demos.words.reasons import BEGIN, alone, reason, recognised
from tests.core.tape_files import changed, put

CORE = ROOT / "core"
REACHED = (  # whose refusals a page shows as they are
    "archives.py",
    "bridge",
    "comparison_files.py",
    "data/captions.py",
    "data/folders.py",
    "data/points.py",
    "drawn_schedules.py",
    "inversion",
    "models/digits.py",
    "models/hub.py",
    "models/trained.py",
    "pictures/opening.py",
    "tape_checks.py",
)
APART = (  # said to whoever writes a program; the page cannot ask for it
    "a scheduler of diffusers is needed",
    "alphas_cumprod must have an entry",
    "composed of too many pictures",
    "diffusers holds a schedule as betas",
    "a diffusers run ends in",
    "limit must be above 0",
    "of another kind",
    "prediction_type must be one of",
    "side must be one of",
    "strength must be in",
    "there is no folder",
    "this sampler needs levels",
)
COMPOSED = ("its drawing {}", "{} and with use_flow_sigmas {}", "{} with use_flow_sigmas {}")
FRAMES = ("{} ", "its drawing ")  # what a sentence of `core` is put together with
PLACES = ("tape{}", "pictures/{}")  # what a value begins with


def template(node: ast.AST) -> str:
    """A text in a source with {} for each value; "" for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(template(each) or "{}" for each in node.values)
    return ""


def texts(folder=CORE):
    found = [folder] if folder.suffix else folder.rglob("*.py")
    for path in found:
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def refusals():
    for name in REACHED:
        for node in texts(CORE / name):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                text = template(node.exc.args[-1])
                wordy = len(text.replace("{}", "").split()) > 1
                if wordy and text not in COMPOSED and not any(each in text for each in APART):
                    yield text


def test_every_template_is_a_sentence_of_core():
    known = {template(node) for node in texts()}
    known |= {f"{frame}{text}" for text in known for frame in FRAMES}
    known |= {text.removesuffix(" {}") for text in known}
    known |= {re.sub(r"^\{\}", place, text) for text in known for place in PLACES}
    ours = {k: re.sub(r"\{\w+\}", "{}", v) for k, v in table("en").items() if k.startswith(BEGIN)}
    assert not [key for key, text in ours.items() if text not in known]


@pytest.mark.parametrize("text", sorted(set(refusals())))
def test_every_refusal_that_a_page_shows_is_recognised(text):
    said = text.replace("{} is no {}", "pictures/x is no {}").replace("{}", "x")
    assert not isinstance(recognised(said), str)


def text_as_picture():
    open_picture(io.BytesIO(b"no picture"))


def cut_picture():
    content = io.BytesIO()
    Image.new("RGB", (64, 64)).save(content, "PNG")
    open_picture(io.BytesIO(content.getvalue()[:-30]))


PROVOKED = {
    "text as a picture": (text_as_picture, "这个文件不是能读取的图片；请用 PNG、JPEG、"),
    "a cut picture": (cut_picture, "无法读取这张图片：这是一个损坏、不完整或少见"),
    "few pictures": (
        lambda: pictures_in(packed({"a.png": b""}), 28, False),
        "至少要有 10 张图片才能训练，而 1 个文件中只有 0 个能读成图片。",
    ),
    "no zip": (lambda: pictures_in(b"PK", 28, False), "压缩包不完整。"),
    "nothing drawn": (
        lambda: drawn_points(Image.new("L", (9, 9)), 5, torch.Generator()),
        "还没有画任何东西；请画出点应在的位置。",
    ),
    "points": (
        lambda: parsed("alpha_bar: 0 1, 0.5 0.7"),
        "第一个点的时间必须是 0，最后一个点的时间必须是 1。",
    ),
    "a range": (
        lambda: schedule_of({"_class_name": "DDIMScheduler", "beta_start": "a"}),
        "DDIMScheduler: beta_start 必须是有限的数，得到的是 'a'。",
    ),
    "no class": (
        lambda: schedule_of({"beta_schedule": "linear"}),
        "没有 _class_name 的调度器配置 必须写明 beta_start and beta_end，或写明类名。",
    ),
    "no scene": (
        lambda: parse("dogg"),
        "'dogg' 不是一个场景；请写成像“蓝色背景上的狗脸”这样；相近的有：dog。",
    ),
    "sigmas": (
        lambda: SCHEDULES["geometric"](sigma_min=5.0, sigma_max=1.0),
        "sigma_min 5.0 必须小于 sigma_max 1.0。",
    ),
    "label": (
        lambda: load("digits").denoiser("seven"),
        "标签必须是 0..9 的数字，留空表示任意数字，得到的是 'seven'。",
    ),
}


@pytest.mark.parametrize("name", PROVOKED)
def test_a_refusal_of_core_is_said_in_chinese(name):
    provoke, wanted = PROVOKED[name]
    with pytest.raises(ValueError) as caught:
        provoke()
    said = sentence(alone(caught.value), "zh")
    assert said.startswith(wanted)
    assert sentence(alone(caught.value)) == capital(str(caught.value)), "the same in English"


@pytest.mark.parametrize("name", [*UNREADABLE, "UniPCMultistepScheduler"])
def test_why_a_scheduler_is_not_read_is_said_in_chinese(name):
    with pytest.raises(ValueError) as caught:
        schedule_of({"_class_name": name, "use_flow_sigmas": True})
    said = sentence(reason(caught.value), "zh")
    assert name in said and "这里的调度需要" in said
    assert sentence(reason(caught.value)) == str(caught.value)
    plain = re.sub("use_flow_sigmas|alpha|sigma|trained_betas|beta_schedule", "", said)
    assert not re.search("[a-z]{4}", plain.replace(name, ""))


def test_why_a_file_is_not_opened_is_said_in_chinese():
    with pytest.raises(Unopened) as caught:
        read(changed(put("frames", 0, "pos", value=7)))
    assert sentence(recognised(caught.value.trouble), "zh") == "tape.frames[0].pos 不在 0..1 之间"


def test_another_text_stays_as_it_is():
    for text in ("anything at all", "a: b", "the model", ""):
        assert recognised(text) == text
