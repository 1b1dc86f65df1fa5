"""How a model reads text: the tokens of a prompt, its words, and what it does not read."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from core.files import Folder, refusal
from core.lazy import imported
from core.models.kinds import PLACES, places_of, real

MARK = b"\xef\xbb\xbf"  # which the tokenizer's own reader takes for text
EITHER = ("tokenizer.json",), ("vocab.json", "merges.txt")
OBJECTS = (
    "tokenizer.json",
    "vocab.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)


class Read(NamedTuple):
    """How much of a prompt is read: its tokens, how many there may be, and the text beyond."""

    count: int
    limit: int
    cut: str


class Reader:
    """A tokenizer of CLIP's kind, for a text encoder with `places` places.

    Radford et al. 2021, section 2.4, https://arxiv.org/abs/2103.00020: a prompt is a mark for its
    beginning, its tokens and a mark for its end, and is filled up to L = `length` tokens. Of a
    longer one the rest is not read. L is the tokenizer's `model_max_length`, where it has one, and
    at most `places`.
    """

    def __init__(self, folder: Folder, places: int) -> None:
        """Read a tokenizer's folder; ValueError, one sentence, where that cannot be done."""
        check_files(folder)
        try:
            kind = imported("transformers", "CLIPTokenizer")
            self.tokenizer = kind.from_pretrained(folder.path, local_files_only=True)
            marks = self.tokenizer.num_special_tokens_to_add()
            longest = self.tokenizer.model_max_length
        except Exception as error:  # of the library's own kinds, plain Exception among them
            raise folder.refusal("", "holds files that do not make a tokenizer") from error
        config = "tokenizer_config.json"
        if not real(longest) and not isinstance(longest, int):
            raise folder.refusal(config, "has a model_max_length that is no number", "write 77")
        self.length = int(min(longest, places))
        self.limit = self.length - marks
        if self.limit < 1:
            said = f"has a model_max_length of {longest}, which leaves no place for a word"
            raise folder.refusal(config, said, f"write {places}")
        if self.tokenizer.pad_token is None:
            raise folder.refusal(
                config, "names no pad_token", 'write "pad_token": "<|endoftext|>"'
            )

    def encoded(self, prompt: str) -> Any:
        """The L tokens of a prompt, which is cut or filled up, and their mask, (1, L) each."""
        return self.tokenizer(
            prompt,
            padding="max_length",
            max_length=self.length,
            truncation=True,
            return_tensors="pt",
        )

    def tokens(self, prompt: str) -> list[int]:
        """The L tokens of a prompt."""
        return self.encoded(prompt).input_ids[0].tolist()

    def read(self, prompt: str) -> Read:
        """How many tokens a prompt has, how many of them are read, and the text that is not."""
        whole = self.tokenizer(
            prompt, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        places = whole["offset_mapping"]
        cut = prompt[places[self.limit][0] :] if len(places) > self.limit else ""
        return Read(len(places), self.limit, cut.strip())

    def words(self, prompt: str) -> list[tuple[str, list[int]]]:
        """The words of a prompt, each with the places of its tokens in the text's L.

        Chinese has no spaces between words, so there each token counts as one.
        """
        read = self.tokenizer(
            prompt, max_length=self.length, truncation=True, return_offsets_mapping=True
        )
        words: dict[Any, tuple[int, int, list[int]]] = {}
        for place, (start, end) in enumerate(read["offset_mapping"]):
            ascii_word = prompt[start:end].isascii()
            key = read.word_ids(0)[place] if ascii_word else f"token {place}"
            if end > start:
                first, _, places = words.get(key, (start, end, []))
                words[key] = (first, end, [*places, place])
        return [(prompt[start:end], places) for start, end, places in words.values()]


def check_files(folder: Folder) -> None:
    """ValueError, one sentence, for files of a tokenizer that are missing or broken."""
    if not any(all(map(folder.has, files)) for files in EITHER):
        raise folder.refusal("tokenizer.json", "is missing, as are vocab.json and merges.txt")
    for file in filter(folder.has, OBJECTS):
        folder.json(file)
        if folder.read(file).startswith(MARK):
            raise folder.refusal(file, "begins with a byte-order mark", "save it as UTF-8 without")
    if folder.has("merges.txt"):
        folder.text("merges.txt")


@lru_cache(16)
def reader(folder: Folder) -> Reader:
    """The reader of a model's folder, read once; ValueError as in `Reader`."""
    config = "text_encoder/config.json"
    known = places_of(folder.json(config))
    if known is None:
        raise refusal(f"{folder.name}/{config}: {PLACES}")
    return Reader(folder.at("tokenizer"), known)
