"""A thousand mutated folders: each runs, or is refused by a ValueError in one sentence.

`FUZZ_FOLDERS=100000 pytest tests/core/test_folder_fuzz.py` looks further.
"""

import json
import os
import random
import shutil
import struct
from typing import Any

import pytest
import torch

from core.models import MODELS, add_folder, load
from tests.core.folders import POINTER, header_of, letters, resaved, small, weights

CASES = int(os.environ.get("FUZZ_FOLDERS", "1000"))
PER_TEST = 100
VALUES = [
    None, True, False, 0, -1, 1, 2, 3, 7, 64, 0.5, -0.5, 1e308, 10**18, -(10**18), 10**400,
    float("nan"), float("inf"), "", "x", "64", "silu", "\ud800", "../..", [], {}, [1], [8, 8],
    [8, 16, 32], ["DownBlock2D"], ["CrossAttnDownBlock2D"] * 2, {"a": 1}, [None], [[]],
]  # fmt: skip


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """One folder of every layout."""
    root = tmp_path_factory.mktemp("bases")
    least: Any = {"levels": 1, "tokens": letters()}
    made = [small(root / "plain")]
    made.append(small(root / "told", time_cond_proj_dim=8, mid_block_type=None, **least))
    made.append(small(root / "wide", sample_size=[8, 12], use_linear_projection=True, **least))
    made.append(small(root / "sharded", **least))
    resaved(made[-1], "unet", max_shard_size="10KB", variant="fp16")
    made.append(small(root / "halves", mid_block_type=None, **least))
    for part in ("unet", "vae", "text_encoder"):
        path = weights(made[-1], part)
        path.rename(path.with_suffix(".bf16.safetensors"))
    return made


@pytest.fixture
def alone():
    """One thread: there is too little to share."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# ---- mutations: each changes a file that is its folder's own ------------------------------------


def cut_short(path, dice):
    path.write_bytes(path.read_bytes()[: dice.randrange(path.stat().st_size + 1)])


def replaced(path, dice):
    noise = dice.randbytes(dice.randrange(300))
    path.write_bytes(dice.choice([b"", noise, POINTER.encode(), b"[]", b"{}", b"null", b"<html>"]))


def removed(path, dice):
    path.unlink()
    if dice.random() < 0.3:
        path.mkdir()
    elif dice.random() < 0.3:
        path.symlink_to("nowhere")


def flipped(path, dice):
    content = bytearray(path.read_bytes())
    for _ in range(dice.randrange(1, 6)):
        content[dice.randrange(min(len(content), 4000))] = dice.randrange(256)
    path.write_bytes(content)


def other_values(path, dice):
    config = json.loads(path.read_text("utf-8"))
    for _ in range(dice.randrange(1, 4)):
        inner = config
        while isinstance(inner, dict) and inner:
            key = dice.choice(sorted(inner))
            if isinstance(inner[key], dict) and inner[key] and dice.random() < 0.8:
                inner = inner[key]
            elif dice.random() < 0.25:
                del inner[key]
                break
            else:
                inner[key] = dice.choice(VALUES)
                break
    path.write_text(json.dumps(config), "utf-8")


def other_fields(path, dice):
    """Fields that decide what kind of model it is."""
    config = json.loads(path.read_text("utf-8"))
    fields = (
        "sample_size", "in_channels", "out_channels", "latent_channels", "scaling_factor",
        "cross_attention_dim", "hidden_size", "block_out_channels", "down_block_types",
        "up_block_types", "mid_block_type", "layers_per_block", "time_cond_proj_dim",
        "class_embed_type", "addition_embed_type", "act_fn", "norm_num_groups", "model_max_length",
        "attention_head_dim", "num_attention_heads", "vocab_size", "max_position_embeddings",
    )  # fmt: skip
    for field in dice.sample(fields, 3):
        config[field] = dice.choice(VALUES)
    path.write_text(json.dumps(config), "utf-8")


def other_header(path, dice):
    header, rest = header_of(path)
    name = dice.choice(sorted(header))
    entry = header.pop(name)
    change = dice.randrange(6)
    if change == 0:
        header[dice.choice(["x", f"model.{name}", "", "\ud800"])] = entry
    elif change == 1:
        header[name] = dice.choice(VALUES)
    elif change > 2 and "dtype" in entry:
        field = ("dtype", "shape", "data_offsets")[change - 3]
        kinds = {"dtype": ["I8", "F64", "F16", "BF16", "x", 7], "shape": [[], [-1], [2**63], "x"]}
        header[name] = entry | {field: dice.choice([*VALUES, *kinds.get(field, [[0, 1]])])}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + rest)


def other_numbers(path, dice):
    content = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    for _ in range(dice.randrange(1, 4)):
        place = start + 4 * dice.randrange((len(content) - start) // 4)
        content[place : place + 4] = struct.pack("<f", dice.choice([float("nan"), 1e38, 0.0]))
    path.write_bytes(content)


ANY = (cut_short, replaced, removed, flipped)
BY_KIND = {
    ".json": (*ANY, *[other_values] * 12, *[other_fields] * 4),
    ".safetensors": (*ANY, *[other_header] * 4, *[other_numbers] * 4),
}


def mutated(base, folder, dice):
    """A copy with one or two mutations."""
    shutil.copytree(base, folder, copy_function=os.link)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in dice.sample(files, dice.choice([1, 1, 1, 2])):
        kinds = BY_KIND.get(path.suffix, ANY)
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        dice.choice(kinds)(path, dice)
    return folder


def tried(folder):
    """What comes of a folder: "" where it runs, or the sentence."""
    name = ""
    try:
        name = add_folder(folder)
        model = load(name, device="cpu")
        levels = model.schedule.levels(2)
        seen = model.denoiser("dog face", guidance=3.0)(model.noise(0), levels[0])
        assert seen.eps.shape == (1, *model.shape)
        assert model.pixels(seen.eps).shape == (1, 3, *model.sides)
    except ValueError as error:
        return str(error) or "nothing was said"
    finally:
        MODELS.pop(name, None)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(-(-CASES // PER_TEST)))
def test_mutated_folders(bases, alone, tmp_path, monkeypatch, part):
    monkeypatch.setattr("core.models._loaded", {})
    sentences, runs = [], 0
    for number in range(part * PER_TEST, (part + 1) * PER_TEST):
        dice = random.Random(number)
        folder = mutated(dice.choice(bases), tmp_path / f"model-{number}", dice)
        try:
            said = tried(folder)
        except Exception as error:
            raise AssertionError(f"folder {number} of {part}") from error
        runs += not said
        sentences += [said] if said else []
        shutil.rmtree(folder)
    assert runs >= 1 and len(sentences) >= PER_TEST // 2
    for said in sentences:
        assert "model-" in said and said.isprintable() and len(said) < 600, said
        assert "Error" not in said and "Traceback" not in said, said
