"""The tokenizer of the text-to-image model: every word of the captions is one token."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from torch import Tensor

from core.data.emoji import BACKGROUNDS, CHINESE, PLACES, STYLES, subjects
from core.data.phrases import wording

TOKENS = 32  # of a caption, start and end included
END = "</w>"  # marks the last letter of a word
PIECES = r"[^\W\d]+|\d|[^\s\w]+"  # how CLIP cuts a text into words


def tokenizer() -> Any:
    """A CLIPTokenizer that has each word of the captions as one token, English and Chinese.

    Byte-pair encoding, Sennrich et al. 2016, https://arxiv.org/abs/1508.07909, merged until
    every word is whole. A Chinese caption is one run of characters, so its words are merged
    with and without the end-of-word mark. The words of `core.data.phrases` come after all
    others: the ids of the grammar's words stay what they were.
    """
    from transformers import CLIPTokenizer

    merges = _grammar_merges()
    tokens = [*_alphabet(), *map("".join, merges), "<|startoftext|>", "<|endoftext|>"]
    added = _added_merges(merges)
    tokens += map("".join, added)
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    pairs: Any = merges + added
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=TOKENS)


def _alphabet() -> list[str]:
    """The 256 bytes as characters, within a word and at its end."""
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = sorted(ByteLevel.alphabet())
    return [*alphabet, *(f"{each}{END}" for each in alphabet)]


def _grammar_merges() -> list[tuple[str, str]]:
    """The merges that make one token of each word of the grammar."""
    named = subjects().values()
    english = [s.name for s in named] + [*BACKGROUNDS, *PLACES, *STYLES, "on a an background"]
    chinese = [s.name_zh for s in named] + [f"{CHINESE[each]}色" for each in BACKGROUNDS]
    chinese += [CHINESE[each] for each in (*PLACES, *STYLES) if each and each != "small"]
    chinese += ["背景上的", "小的", "的", "，"]
    merges: Any = _merges(english, END)
    for left, right in _merges(chinese, ""):
        merges += [(left, right), (left, right + END)]
    return merges


def _added_merges(merges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The merges that follow these and make one token of each word of `core.data.phrases`."""
    from tokenizers.pre_tokenizers import ByteLevel

    english, chinese = wording()
    words = [(piece, END) for piece in _pieces(english)]
    words += [(piece, end) for piece in _pieces(chinese) for end in ("", END)]
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    known = len(ranks)
    spelled = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str
    for word, end in words:
        *letters, final = spelled(word)[0][0]
        cut = _merged([*letters, final + end], ranks)
        while len(cut) > 1:
            ranks.setdefault((cut[0], cut[1]), len(ranks))
            cut = _merged(cut, ranks)
    return list(ranks)[known:]


def _merged(cut: list[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    """Merge neighbours, the pair of lowest rank first, until no pair has one."""
    while pairs := [pair for pair in pairwise(cut) if pair in ranks]:
        left, right = min(pairs, key=ranks.__getitem__)
        whole: list[str] = []
        for symbol in cut:
            if whole and (whole[-1], symbol) == (left, right):
                whole[-1] += symbol
            else:
                whole.append(symbol)
        cut = whole
    return cut


def _pieces(texts: list[str]) -> list[str]:
    return sorted({piece for text in texts for piece in re.findall(PIECES, text.lower())})


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
