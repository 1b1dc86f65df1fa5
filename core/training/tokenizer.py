"""The tokenizer of the text-to-image model: every word of the captions is one token."""

from __future__ import annotations

import json
import re
from typing import Any

from torch import Tensor

from core.data.emoji import BACKGROUNDS, CHINESE, PLACES, STYLES, subjects

TOKENS = 32  # of a caption, start and end included
PIECES = r"[^\W\d]+|\d|[^\s\w]+"  # how CLIP cuts a text into words


def tokenizer() -> Any:
    """A CLIPTokenizer that has each word of the captions as one token, English and Chinese.

    Byte-pair encoding, Sennrich et al. 2016, https://arxiv.org/abs/1508.07909, merged until
    every word is whole. A Chinese caption is one run of characters, so its words are merged
    with and without the end-of-word mark.
    """
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    named = subjects().values()
    english = [s.name for s in named] + [*BACKGROUNDS, *PLACES, *STYLES, "on a an background"]
    chinese = [s.name_zh for s in named] + [f"{CHINESE[each]}色" for each in BACKGROUNDS]
    chinese += [CHINESE[each] for each in (*PLACES, *STYLES) if each and each != "small"]
    chinese += ["背景上的", "小的", "的", "，"]
    merges: Any = _merges(english, "</w>")
    for left, right in _merges(chinese, ""):
        merges += [(left, right), (left, f"{right}</w>")]
    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{each}</w>" for each in alphabet), *map("".join, merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TOKENS)


def _merges(texts: list[str], end: str) -> list[tuple[str, str]]:
    """The merges that make one token of each word, in the order of their frequency."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    learner = Tokenizer(BPE(end_of_word_suffix=end))
    learner.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = BpeTrainer(
        vocab_size=100_000,
        min_frequency=1,
        end_of_word_suffix=end,
        special_tokens=[f"{each}{end}" for each in sorted(ByteLevel.alphabet())],  # fix their ids
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    pieces = [piece for text in texts for piece in re.findall(PIECES, text)]
    learner.train_from_iterator(sorted(set(pieces)), trainer)
    return [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]


def token_ids(encode: Any, captions: list[str]) -> Tensor:
    """Captions to ids (B, TOKENS), padded and cut as StableDiffusionPipeline does."""
    return encode(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
