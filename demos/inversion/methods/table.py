"""Inversion methods compared on one picture: a table that is a picture strip as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from core.models import ModelCard
from core.tapes import Say
from demos.inversion.methods.request import CompareRequest
from demos.inversion.methods.run import Now, Original, Row
from demos.runs.asked import named_condition
from demos.views.html import saying, spoken
from demos.words import said

EQUAL = 60.0  # dB: from there on no difference can be seen, nor stored in 8 bits
COLUMNS = ("method", "reconstruction", "edit", "steps", "calls", "seconds", "exact")


def doing(now: Now) -> str:
    """Which method is at work and how far it is, as HTML."""
    values = {"place": now.place, "methods": now.methods, "title": now.title}
    say = said(f"compare.now.{now.doing}", done=now.done, total=now.total, **values)
    return message(say, f'<progress max="{now.total}" value="{now.done}"></progress> ')


def message(say: Say, before: str = "") -> str:
    """What is said above the table, as HTML."""
    return f'<p class="contest-now">{before}{spoken(say)}</p>'


def table(rows: Sequence[Row], source: Original, request: CompareRequest) -> str:
    """The picture and a line for each method, as HTML.

    Args:
        rows: of the methods that are done.
        source: the picture that they inverted.
        request: what they were asked for.
    """
    ran = [row for row in rows if not row.trouble]
    back = marks({row.name: row.back for row in ran}, len(ran))
    kept = marks({row.name: row.kept for row in ran if row.meant}, len(ran))
    lines = [line(row, back.get(row.name, ""), kept.get(row.name, "")) for row in rows]
    head = "".join(spoken(said(f"compare.column.{each}"), "th", scope="col") for each in COLUMNS)
    name = saying(said("compare.name"), "aria-label")
    return (
        f'<figure class="contest"><figcaption>{caption(rows, source, request.budget)}'
        f'</figcaption><div class="contest-scroll" role="region" tabindex="0"{name}>'
        f"<table><thead><tr>{head}</tr></thead><tbody>"
        f"{first_lines(source, request)}{''.join(lines)}</tbody></table></div></figure>"
    )


def caption(rows: Sequence[Row], source: Original, budget: int) -> str:
    """What the budget is, and how the table is to be read."""
    against = "compare.against.copy" if source.copy else "compare.against.picture"
    told: list[Say] = [said("compare.caption", budget=budget), said(against)]
    told.append(said("compare.reading", equal=EQUAL))
    if {row.meant for row in rows if row.meant is not None} == {False}:
        told.append(said("compare.none_meant"))
    return spoken(told, "p")


def asked(request: CompareRequest) -> Say:
    """How every method is asked."""
    inversion, card = request.session.inversion, request.session.request.card
    return said(
        "compare.asked",
        target=named_condition(card, request.condition),
        source=named_condition(card, str(inversion.prompt)),
        guidance=at_guidance(card, request.guidance),
        strength=request.strength,
        inverted=at_guidance(card, inversion.guidance),
    )


def at_guidance(card: ModelCard, guidance: float) -> Say:
    """A guidance, and below 1 what it does, as in `demos.runs.asked.guidance_title`."""
    if guidance >= 1 or card.told:
        return said("compare.guidance", value=guidance)
    asked = "prompt" if card.condition == "text" else "label"
    return said(f"compare.guidance.{asked}_{'part' if guidance else 'none'}", value=guidance)


def both(first: Say, second: Say) -> Say:
    """One thing and, if there is one, another."""
    return said("compare.and", first=first, second=second) if second else first


def first_lines(source: Original, request: CompareRequest) -> str:
    """The line of the picture itself, and that of the model's copy where it is another."""
    read: Say = said("compare.read", read=source.read) if source.read else ""
    own: Say = "" if source.copy else read
    shown = shot(source.picture, both(said("compare.alt.picture"), own)) + figure("", own)
    lines = (
        f"<tr>{spoken(said('compare.picture'), 'th', scope='row')}<td>{cell(shown)}</td>"
        f"{spoken(asked(request), 'td', colspan='5')}</tr>"
    )
    if source.copy:
        ratio = said("compare.figure", ratio=source.copied)
        shown = shot(source.copy, both(said("compare.alt.copy", ratio=source.copied), read))
        shown += figure(ratio, both(said("compare.to_picture"), read))
        lines += (
            f"<tr>{spoken(said('compare.copy'), 'th', scope='row')}<td>{cell(shown)}</td>"
            f"{spoken(said('compare.copy.note'), 'td', colspan='5')}</tr>"
        )
    return lines


def line(row: Row, back: str, kept: str) -> str:
    """The line of one method; `back` and `kept` are the keys of what its figures are marked by."""
    remark = spoken(row.note, "small") if row.note else ""
    head = f'<tr><th scope="row">{spoken(row.title)}{remark}</th>'
    if row.trouble:
        return head + spoken(row.trouble, "td", colspan="6", class_="contest-trouble") + "</tr>"
    up, down, again = row.calls
    calls = spoken(said("compare.calls", up=up, down=down), "small")
    calls += spoken(said("compare.calls.again", again=again), "small")
    exact = spoken(row.exact, "td", class_="contest-words")
    return (
        f"{head}<td>{cell(reconstruction(row, back))}</td><td>{cell(edit(row, kept))}</td>"
        f"<td>{row.steps}</td><td>{up + down}{calls}</td><td>{row.seconds:.1f}</td>{exact}</tr>"
    )


def reconstruction(row: Row, mark: str) -> str:
    """The picture that came back, and how near it is."""
    alt = said("compare.alt.back", title=row.title, ratio=row.back)
    return shot(row.pictures[0], alt) + figure(said("compare.figure", ratio=row.back), "", mark)


def edit(row: Row, mark: str) -> str:
    """The edited picture, how much of the picture it keeps, and what it is read as."""
    read: Say = ""
    if row.read:
        key = "compare.read.not_asked" if row.meant is False else "compare.read"
        read = said(key, read=row.read)
    alt = both(said("compare.alt.edit", title=row.title, ratio=row.kept), read)
    kept = said("compare.kept", figure=said("compare.figure", ratio=row.kept))
    return shot(row.pictures[1], alt) + figure(kept, read, mark)


def cell(content: str) -> str:
    """A picture and what is said of it, side by side."""
    return f'<div class="contest-cell">{content}</div>'


def shot(uri: str, alt: Say) -> str:
    """A picture; large ones, which were made smaller, are smooth."""
    smooth = ' class="smooth"' if uri.startswith("data:image/jpeg") else ""
    return f'<img src="{escape(uri)}"{saying(alt, "alt")} width="96" height="96"{smooth}>'


def figure(value: Say, more: Say, mark: str = "") -> str:
    """A figure, the words it is marked by, by their key, and more below."""
    marked = " " + spoken(said(mark), "strong", class_="contest-best") if mark else ""
    above = f"{spoken(value, 'b')}{marked}" if value else ""
    below = spoken(more, "small") if more else ""
    return f"<div>{above}{below}</div>"


def marks(figures: Mapping[str, float], compared: int) -> dict[str, str]:
    """What the highest of the figures in dB are marked by, by name.

    It is the best if there is another method; what is equal in the table is tied. From EQUAL on
    all are equal to the picture: nothing of several such is better than the others.
    """
    shown = {name: round(min(ratio, EQUAL), 1) for name, ratio in figures.items()}
    highest = max(shown.values(), default=0.0)
    names = [name for name, ratio in shown.items() if ratio == highest]
    if compared < 2 or (len(names) > 1 and highest == EQUAL):
        return {}
    return dict.fromkeys(names, "compare.best" if len(names) == 1 else "compare.tied")
