"""What goes wrong, as one sentence in the language of the page; everything else stays."""

from __future__ import annotations

import contextlib
import functools
import inspect
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from demos.words import LANGUAGES, capital, said, sentence
from demos.words.reasons import reason

COOKIE = "stepwise_language"


def language() -> str:
    """The language of the page that calls; English for the API."""
    request = LocalContext.request.get(None)
    cookies = getattr(request, "cookies", None) or {}
    chosen = cookies.get(COOKIE, LANGUAGES[0])
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


def shown(run: Callable) -> Callable:
    """Turn the ValueError of a function or generator into the sentence that the page shows.

    What was shown before stays, and the log keeps no traceback of a learner's typing error.
    """

    @functools.wraps(run)
    def function(*values: Any, **named: Any) -> Any:
        with _errors():
            return run(*values, **named)

    @functools.wraps(run)
    def generator(*values: Any, **named: Any) -> Iterator[Any]:
        with _errors():
            yield from run(*values, **named)

    return generator if inspect.isgeneratorfunction(run) else function


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (gr.Error, GeneratorExit):  # said already; Gradio's error is a ValueError, too
        raise
    except ValueError as error:
        raise told(error) from error
    except Exception as error:
        traceback.print_exc()
        raise told(ValueError(sentence(said("error.fault"), language()))) from error


def told(error: ValueError) -> gr.Error:
    """An error as the page shows it."""
    spoken = language()
    text = capital(sentence(reason(error), spoken), spoken)
    return gr.Error(text, print_exception=False)
