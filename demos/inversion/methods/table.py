"""Inversion methods compared on one picture: a table that is a picture strip as well."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from core.tapes import Say
from demos.inversion.methods.request import CompareRequest
from demos.inversion.methods.run import Now, Original, Row
from demos.runs.asked import guidance_title, named_condition
from demos.views.html import saying, spoken
from demos.words import said

EQUAL = 60.0  # dB: above it no difference can be seen, nor stored in 8 bits
COLUMNS = ("method", "reconstruction", "edit", "steps", "calls", "seconds", "exact")


def doing(now: Now) -> str:
    """Which method is at work and how far it is, as HTML."""
    key = f"compare.now.{now.doing}"
    values = {"place": now.place, "methods": now.methods, "title": now.title}
    say = said(key, done=now.done, total=now.total, **values)
    bar = f'<progress max="{now.total}" value="{now.done}"></progress>'
    return f'<p class="contest-now">{bar} {spoken(say)}</p>'


def done(count: int) -> str:
    """What is said at the end, as HTML."""
    return f'<p class="contest-now">{spoken(said("compare.done", count=count))}</p>'


def table(rows: Sequence[Row], source: Original, request: CompareRequest) -> str:
    """The picture and a line for each method, as HTML.

    Args:
        rows: of the methods that are done.
        source: the picture that they inverted.
        request: what they were asked for.
    """
    back, kept = best_back(rows), best_kept(rows)
    lines = [line(row, row.name in back, row.name in kept) for row in rows]
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
        guidance=guidance_title(card, request.guidance),
        strength=request.strength,
        inverted=guidance_title(card, inversion.guidance),
    )


def first_lines(source: Original, request: CompareRequest) -> str:
    """The line of the picture itself, and that of the model's copy where it is another."""
    read: Say = said("compare.read", read=source.read) if source.read else ""
    own: Say = "" if source.copy else read
    shown = shot(source.picture, [said("compare.alt.picture"), own]) + figure("", own)
    lines = (
        f"<tr>{spoken(said('compare.picture'), 'th', scope='row')}<td>{cell(shown)}</td>"
        f"{spoken(asked(request), 'td', colspan='5')}</tr>"
    )
    if source.copy:
        ratio = said("compare.figure", ratio=source.copied)
        more: list[Say] = [said("compare.to_picture"), read]
        shown = shot(source.copy, [said("compare.alt.copy"), ratio, *more]) + figure(ratio, more)
        lines += (
            f"<tr>{spoken(said('compare.copy'), 'th', scope='row')}<td>{cell(shown)}</td>"
            f"{spoken(said('compare.copy.note'), 'td', colspan='5')}</tr>"
        )
    return lines


def line(row: Row, best_back: bool, best_kept: bool) -> str:
    """The line of one method."""
    title = f'<tr><th scope="row">{escape(row.title)}'
    if row.trouble:
        trouble = spoken(row.trouble, "td", colspan="6", class_="contest-trouble")
        return f"{title}</th>{trouble}</tr>"
    remark = spoken(row.note, "small") if row.note else ""
    back, kept = (said("compare.figure", ratio=each) for each in (row.back, row.kept))
    read: Say = ""
    if row.read:
        key = "compare.read.not_asked" if row.meant is False else "compare.read"
        read = said(key, read=row.read)
    returned = shot(row.pictures[0], said("compare.alt.back", title=row.title, ratio=row.back))
    returned += figure(back, "", best_back)
    alt: list[Say] = [said("compare.alt.edit", title=row.title, ratio=row.kept), read]
    edited = shot(row.pictures[1], alt) + figure(
        said("compare.kept", figure=kept), read, best_kept
    )
    up, down, again = row.calls
    calls = spoken(said("compare.calls", up=up, down=down), "small")
    calls += spoken(said("compare.calls.again", again=again), "small")
    exact = spoken(said(f"method.exact.{row.name}"), "td", class_="contest-words")
    return (
        f"{title}{remark}</th><td>{cell(returned)}</td><td>{cell(edited)}</td>"
        f"<td>{row.steps}</td><td>{up + down}{calls}</td><td>{row.seconds:.1f}</td>{exact}</tr>"
    )


def cell(content: str) -> str:
    """A picture and what is said of it, side by side."""
    return f'<div class="contest-cell">{content}</div>'


def shot(uri: str, alt: Say) -> str:
    """A picture; large ones, which were made smaller, are smooth."""
    smooth = ' class="smooth"' if uri.startswith("data:image/jpeg") else ""
    return f'<img src="{escape(uri)}"{saying(alt, "alt")} width="96" height="96"{smooth}>'


def figure(value: Say, more: Say, best: bool = False) -> str:
    """A figure, the word "best" where it is, and more below."""
    mark = " " + spoken(said("compare.best"), "strong", class_="contest-best") if best else ""
    above = f"{spoken(value, 'b')}{mark}" if value else ""
    below = spoken(more, "small") if more else ""
    return f"<div>{above}{below}</div>"


def best_back(rows: Sequence[Row]) -> set[str]:
    """The names of the best reconstructions; none where several are equal to the picture."""
    figures = {row.name: min(row.back, EQUAL) for row in rows if not row.trouble}
    best = highest(figures)
    equal = len(best) > 1 and all(figures[name] == EQUAL for name in best)
    return set() if equal else best


def best_kept(rows: Sequence[Row]) -> set[str]:
    """Of the edits that are read as their target, the names of those that keep most."""
    return highest({row.name: row.kept for row in rows if row.meant})


def highest(figures: dict[str, float]) -> set[str]:
    """The names with the highest figure; what is equal in the table is equal."""
    shown = {name: round(figure, 1) for name, figure in figures.items()}
    return {name for name, figure in shown.items() if figure == max(shown.values())}
