"""What a control may hold: one kind of field for each kind of value.

From a field come the check, the widget, its default, the argument and its documentation in the
API, and the keys of its words, see `demos.words.word`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from demos.words import Refusal, said

Options = Collection[Any] | Callable[[], Collection[Any]]  # a registry may grow


@dataclass(frozen=True, kw_only=True)
class Field:
    """What one control may hold.

    Attributes:
        default: its value at first.
        idle: the value that asks for nothing, which a closed control holds; the default, if None.
        doc: of the argument in the API, where the words of the page do not say enough.
        needs: whether the other settings of a request leave it anything to say; without them it
            is hidden, and what it holds does not count.
        look: how the control looks: what `demos.ui.controls` knows for this kind of field.
    """

    default: Any = None
    idle: Any = None
    doc: str = ""
    needs: Callable[[Any], bool] | None = None
    look: str = ""

    def check(self, value: Any, name: Any) -> Any:
        """The value, as the run takes it; Refusal, one sentence that begins with the name."""
        return value

    @property
    def is_text(self) -> bool:
        """Whether a text can hold its values: not those that are judged where they are opened."""
        return type(self) is not Field

    def written(self, value: Any) -> str:
        """A value as the text that a link has."""
        return "" if value is None else str(value)

    def parsed(self, text: str) -> Any:
        """The value of such a text, yet to be checked."""
        return text

    @property
    def rest(self) -> Any:
        """The value that asks for nothing."""
        return self.default if self.idle is None else self.idle

    def others(self) -> Iterator[Any]:
        """Values that ask for something: to find out whether any of them is allowed."""
        return (each for each in self.ends() if each != self.rest)

    def ends(self) -> Collection[Any]:
        """Values by which a rule can be tried."""
        return ()

    def knows(self, value: Any) -> bool:
        """Whether a value can be chosen, offered or not."""
        return False

    def range(self) -> str:
        """What it may hold, in the words of the API."""
        return ""


@dataclass(frozen=True, kw_only=True)
class OptionsField(Field):
    """Names to choose from, of a registry or of a function that knows them by now."""

    options: Options

    def names(self) -> list[Any]:
        """What can be chosen now."""
        return list(self._offered())

    def knows(self, value: Any) -> bool:
        """Whether a value can be chosen, offered or not."""
        return value in self._offered()

    def _offered(self) -> Collection[Any]:
        return self.options() if callable(self.options) else self.options


@dataclass(frozen=True, kw_only=True)
class ChoiceField(OptionsField):
    """One of several names."""

    optional: bool = False

    def check(self, value: Any, name: Any) -> Any:
        """The value; Refusal for another one."""
        if value is None and self.optional:
            return None
        value = "" if value is None else value
        value = str(value) if type(value) is int and 0 <= value < 10 else value
        if not isinstance(value, str) or not self.knows(value):
            offered = ", ".join(str(each) or "(empty)" for each in self.names())
            raise Refusal("refused.choice", name=name, options=offered, got=_got(value))
        return value

    def ends(self) -> Collection[Any]:
        """Values by which a rule can be tried."""
        return self.names()

    def range(self) -> str:
        """What it may hold, in the words of the API."""
        return ", ".join(str(each) or '""' for each in self.names())


@dataclass(frozen=True, kw_only=True)
class ChoicesField(OptionsField):
    """Several of several names."""

    def check(self, value: Any, name: Any) -> Any:
        """The chosen names in their order; Refusal for another one, or for no list."""
        if not isinstance(value, list | tuple):
            raise Refusal("refused.choices", name=name, got=_got(value))
        one = ChoiceField(options=self.options)
        chosen = {one.check(each, name) for each in value}
        return tuple(each for each in self.names() if each in chosen)

    def written(self, value: Any) -> str:
        """The names, with commas."""
        return ",".join(value)

    def parsed(self, text: str) -> Any:
        """The names between the commas."""
        return text.split(",") if text else []

    def range(self) -> str:
        """What it may hold, in the words of the API."""
        return "one or more of " + ", ".join(self.names())


@dataclass(frozen=True, kw_only=True)
class WholeField(Field):
    """A whole number in low..high; `slider` is the part of it that a slider has."""

    low: int
    high: int
    slider: tuple[int, int] | None = None

    def check(self, value: Any, name: Any) -> Any:
        """The value; Refusal for another one."""
        number = _number(value)
        if not self.low <= number <= self.high or number != int(number):
            values = {"low": self.low, "high": self.high, "got": _got(value)}
            raise Refusal("refused.whole", name=name, **values)
        return int(number)

    def ends(self) -> Collection[Any]:
        """Values by which a rule can be tried."""
        return self.low, self.high

    def range(self) -> str:
        """What it may hold, in the words of the API."""
        return f"{self.low}..{self.high}"


@dataclass(frozen=True, kw_only=True)
class RealField(Field):
    """A finite number in low..high; `offered` are the values that a page offers alone."""

    low: float
    high: float
    slider: tuple[float, float] | None = None
    step: float = 0.5
    optional: bool = False
    offered: tuple[Any, ...] = ()

    def check(self, value: Any, name: Any) -> Any:
        """The value; Refusal for another one."""
        if self.optional and (value is None or value == ""):
            return None
        number = _number(value)
        if not self.low <= number <= self.high:
            values = {"low": self.low, "high": self.high, "got": _got(value)}
            raise Refusal("refused.real", name=name, **values)
        return number

    def written(self, value: Any) -> str:
        """The shortest text that is read as the same number."""
        return "" if value is None else repr(float(value)).removesuffix(".0")

    def ends(self) -> Collection[Any]:
        """Values by which a rule can be tried."""
        return (self.high,) if self.optional else (self.low, self.high)

    def range(self) -> str:
        """What it may hold, in the words of the API."""
        return f"{self.low:g}..{self.high:g}"


@dataclass(frozen=True, kw_only=True)
class TextField(Field):
    """A line of at most so many characters."""

    most: int
    optional: bool = False

    def check(self, value: Any, name: Any) -> Any:
        """The value; Refusal for another one."""
        if value is None:
            return None if self.optional else ""
        if not isinstance(value, str) or len(value) > self.most:
            raise Refusal("refused.text", name=name, most=self.most)
        return " ".join(value.split())

    def range(self) -> str:
        """What it may hold, in the words of the API."""
        return f"at most {self.most} characters"


@dataclass(frozen=True, kw_only=True)
class TruthField(Field):
    """True or False."""

    def check(self, value: Any, name: Any) -> Any:
        """The value; Refusal for another one."""
        if not isinstance(value, bool):
            raise Refusal("refused.truth", name=name, got=_got(value))
        return value

    def written(self, value: Any) -> str:
        """As JSON has it."""
        return "true" if value else "false"

    def parsed(self, text: str) -> Any:
        """True or False; another text stays as it is."""
        return {"true": True, "false": False}.get(text, text)

    def ends(self) -> Collection[Any]:
        """Values by which a rule can be tried."""
        return False, True

    def range(self) -> str:
        """What it may hold, in the words of the API."""
        return "true or false"


@dataclass(frozen=True, kw_only=True)
class TableField(Field):
    """Values by name: each is judged by the field of that name, or by `other`."""

    named: Mapping[str, Field]
    other: Field

    def check(self, value: Any, name: Any) -> Any:
        """The values, each judged; Refusal for what is no table."""
        if value is None or value == {}:
            return None
        if not isinstance(value, dict):
            raise Refusal("refused.table", name=name, got=_got(value))
        return {key: self._checked(name, key, each) for key, each in value.items()}

    def written(self, value: Any) -> str:
        """Names and values as `beta_end:0.03,s:0.1`."""
        pairs = (value or {}).items()
        return ",".join(f"{key}:{self._field(key).written(each)}" for key, each in pairs)

    def parsed(self, text: str) -> Any:
        """The values by name; a text that is no such list stays as it is."""
        pairs = [part.partition(":") for part in text.split(",") if text]
        if not all(colon for _, colon, _ in pairs):
            return text
        return {key: self._field(key).parsed(each) for key, _, each in pairs}

    def _checked(self, name: Any, key: Any, value: Any) -> Any:
        part = said("refused.part", name=name, part=str(key)[:40])
        return self._field(key).check(value, part)

    def _field(self, key: Any) -> Field:
        return self.named.get(key, self.other)


def Choice(options: Options, default: Any, **more: Any) -> Any:
    """One of several names, of a registry or of a function that knows them by now."""
    return _declared(ChoiceField(options=options, default=default, **more))


def Choices(options: Options, default: tuple, **more: Any) -> Any:
    """Several of several names."""
    return _declared(ChoicesField(options=options, default=default, **more))


def Whole(low: int, high: int, default: int, **more: Any) -> Any:
    """A whole number in low..high; `slider` is the part of it that a slider has."""
    return _declared(WholeField(low=low, high=high, default=default, **more))


def Real(low: float, high: float, default: float | None, **more: Any) -> Any:
    """A finite number in low..high; an `optional` one may be empty, which is None."""
    return _declared(RealField(low=low, high=high, default=default, **more))


def Text(most: int, default: str | None = "", **more: Any) -> Any:
    """A line of at most so many characters; an `optional` one may be None."""
    return _declared(TextField(most=most, default=default, **more))


def Truth(default: bool, **more: Any) -> Any:
    """True or False."""
    return _declared(TruthField(default=default, **more))


def Table(named: Mapping[str, Field], other: Field, **more: Any) -> Any:
    """Values by name, or None; whether the names fit is for `refusals` to say."""
    return _declared(TableField(named=named, other=other, **more))


def Sent(doc: str, **more: Any) -> Any:
    """What is judged where it is opened: an upload, a drawing, what an earlier run left."""
    return _declared(Field(doc=doc, **more))


def _declared(kind: Field) -> Any:
    return dataclasses.field(default=kind.default, metadata={"field": kind})


def _number(value: Any) -> float:
    """The value as a number; NaN, which lies in no range, for anything else."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _got(value: Any) -> Any:
    if value is None or value == "":
        return said("refused.nothing")
    if isinstance(value, int) and abs(value) > 10**40:
        return said("refused.huge")
    return str(value)[:40]
