"""Requests: what was asked for, one field per control, each checked and described once."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from demos.runs.fields import Field
from demos.words import Refusal, said, table, word


@dataclass(frozen=True)
class Request:
    """What was asked of one event. A subclass has a field per control and names its `event`."""

    event: ClassVar[str]

    @classmethod
    def controls(cls) -> dict[str, Field]:
        """The fields by name, in the order of the arguments."""
        return {each.name: each.metadata["field"] for each in fields(cls)}

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The values at first."""
        return {name: control.default for name, control in cls.controls().items()}

    @classmethod
    def called(cls, name: str) -> Any:
        """What a control is called on the page."""
        return said(word(cls.event, name, "label"))

    @classmethod
    def of(cls, *values: Any, **named: Any) -> Self:
        """From whatever was sent, in order or by name; Refusal for what cannot be run."""
        request = cls.read(*values, **named)
        for _, refusal in request.refusals():
            raise refusal
        return request

    @classmethod
    def read(cls, *values: Any, **named: Any) -> Self:
        """The same where the controls need not go together; Refusal for one that is wrong."""
        controls = cls.controls()
        sent = dict(zip(controls, values, strict=False)) | named
        unknown = [name for name in sent if name not in controls]
        if unknown:
            raise TypeError(f"{cls.event} has no argument {unknown[0]}")
        sent = cls.defaults() | sent
        return cls(**{k: each.check(sent[k], cls.called(k)) for k, each in controls.items()})

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """What does not go together: the field to change, and why. Each rule stands here once."""
        return iter(())

    def closed(self) -> dict[str, Refusal]:
        """The controls that can ask for nothing beside the others, and why."""
        found = {}
        for name, control in self.controls().items():
            reasons = [self._refused(name, other) for other in control.others()]
            if reasons and all(reasons):
                found[name] = reasons[0]
        return found

    @classmethod
    def bound(cls, causes: Collection[str]) -> list[str]:
        """The fields that some value of the causes hides, closes or leaves fewer options."""
        found = {name for name, each in cls.controls().items() if each.needs}
        start = cls(**cls.defaults())
        for cause in causes:
            for value in cls.controls()[cause].ends():
                changed = dataclasses.replace(start, **{cause: value})
                for name, each in cls.controls().items():
                    found |= {name for other in each.ends() if changed._refused(name, other)}
        return [name for name in cls.controls() if name in found]

    def allowed(self, name: str) -> list[Any]:
        """The options of a choice that go with the other settings; its value may be unlisted."""
        control, own = self.controls()[name], getattr(self, name)
        values = [*control.ends()]
        if own not in values and control.knows(own):
            values.append(own)
        return [each for each in values if self._refused(name, each) is None]

    def _refused(self, name: str, value: Any) -> Refusal | None:
        other = dataclasses.replace(self, **{name: value})
        return next((refusal for at, refusal in other.refusals() if at == name), None)

    def asked(self, name: str) -> bool:
        """Whether a control has anything to say with these settings."""
        needs = self.controls()[name].needs
        return needs is None or needs(self)

    def settings(self) -> dict[str, Any]:
        """What repeats the run, as JSON: the fields that count."""
        kept = (name for name, each in self.controls().items() if each.is_text)
        return {name: getattr(self, name) for name in kept if self.asked(name)}

    @classmethod
    def linked(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings that a link has to name, unless they are the defaults."""
        return settings

    @classmethod
    def after(cls, before: Sequence[Request]) -> dict[str, Any]:
        """What a request takes from those before it in the same run, where all are only asked."""
        return {}

    def beyond(self) -> list[str]:
        """The fields that count and that no text can hold: an upload, a drawing."""
        sent = {name: each for name, each in self.controls().items() if not each.is_text}
        return [name for name, each in sent.items() if each.needs and each.needs(self)]

    def changed(self) -> dict[str, Any]:
        """The settings that count and differ from their defaults."""
        defaults = self.defaults()
        return {k: value for k, value in self.settings().items() if value != defaults[k]}


def event(request: type[Request], **made: Callable[[Any], Any]) -> Callable[[Callable], Callable]:
    """Decorate a function of a request: it takes the values of the fields, as an API does.

    Its signature and the documentation of its arguments are those of the fields. `made` has
    functions that make the value of a field of what was sent for it.
    """

    def asked(values: Sequence[Any], named: Mapping[str, Any]) -> Request:
        sent = dict(zip(request.controls(), values, strict=False)) | dict(named)
        return request.of(**{k: made[k](v) if k in made else v for k, v in sent.items()})

    def decorate(run: Callable) -> Callable:
        @functools.wraps(run)
        def function(*values: Any, **named: Any) -> Any:
            return run(asked(values, named))

        @functools.wraps(run)
        def generator(*values: Any, **named: Any) -> Iterator[Any]:
            yield from run(asked(values, named))

        called: Any = generator if inspect.isgeneratorfunction(run) else function
        del called.__wrapped__  # or its signature would be that of `run`
        called.__signature__ = inspect.Signature(
            [
                inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=value)
                for name, value in request.defaults().items()
            ]
        )
        called.__doc__ = f"{run.__doc__}\n\nArgs:\n" + "".join(documented(request))
        return called

    return decorate


def documented(request: type[Request]) -> Iterator[str]:
    """A line for each argument: what it may hold, and what it is."""
    english: Mapping[str, str] = table("en")
    for name, each in request.controls().items():
        info = each.doc or english.get(word(request.event, name, "info"), "")
        yield f"    {name}: {'; '.join(filter(None, (each.range(), info)))}\n"
