"""Where calls are answered: a replica, which has an engine of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from core import paths
from core.assets import LIST
from core.engine import Call, Engine
from core.models import load, prefer
from core.remote.calls import Packed, Question, Reply, Unloaded, packed, unpacked

MOST = 64  # calls that a replica holds at a time; others wait in line


def version() -> str:
    """A checksum of the list of shipped files: pages and replicas must have the same models."""
    return hashlib.sha256((paths.ASSETS / LIST).read_bytes()).hexdigest()


class Replica:
    """Answers calls of the models that it is asked for, in shared batches."""

    def __init__(self, engine: Engine) -> None:
        """Nothing is loaded yet."""
        self.engine, self.threads = engine, ThreadPoolExecutor(MOST)

    def about(self) -> dict[str, Any]:
        """Its process, the `version` of its files, and its batches by their rows."""
        return {"pid": os.getpid(), "version": version(), "sizes": dict(self.engine.sizes)}

    def answer(self, question: Question) -> Reply:
        """The answer to one call, or what the network raised, as a sentence."""
        try:
            model: Any = load(question.model, dtype=question.dtype)
        except ValueError as error:
            return Unloaded(str(error))
        condition, t = question.condition, question.t
        try:
            given = None if condition is None else unpacked(condition).to(model.device)
            told: Any = unpacked(t).to(model.device) if isinstance(t, Packed) else t
            forward = type(model).forward.__wrapped__  # which `shared` would send on
            with torch.no_grad():
                call = Call(forward, model, unpacked(question.x), told, given, {})
                return packed(self.engine.answer(call))
        except ValueError as error:
            return ValueError(str(error))
        except Exception as error:  # any class may not be there where the answer goes
            return RuntimeError(f"{type(error).__name__}: {error}")

    async def answers(self, questions: Sequence[Question]) -> AsyncIterator[tuple[int, Reply]]:
        """The answers to several calls with their places, each as soon as it is there."""
        loop = asyncio.get_running_loop()

        async def answered(place: int, question: Question) -> tuple[int, Reply]:
            return place, await loop.run_in_executor(self.threads, self.answer, question)

        for reply in asyncio.as_completed([answered(*each) for each in enumerate(questions)]):
            yield await reply


class Process(Replica):
    """A replica that has a process to itself."""

    def __init__(self, device: str, threads: int, downloads: bool) -> None:
        """It computes one batch at a time, with so many threads."""
        prefer(device, threads=threads, downloads=downloads)
        super().__init__(Engine())
        with contextlib.suppress(ValueError):  # whoever asks for it is told
            load("digits")  # what a page opens with
