"""Inversion methods compared on one picture: a table that is a picture strip as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from core.inversion import Inversion
from demos import checks, widgets
from demos.editing import asked_of, ways
from demos.inverting import Session, inverted
from demos.methods import choices, offered
from demos.remarks import at_guidance, words
from demos.trials import Now, Original, Row, Task, compare
from demos.ui.server.work import network_seconds, takes
from demos.views.numbers import decibel

METHODS = ("ddim", "residual", "edit_friendly", "belm", "sdedit")
BUDGET, LEAST, MOST = 100, 20, 500  # denoiser calls: as it opens, and the range
EQUAL = 60  # dB: above 59 the error is below that of rounding to 8 bits
COLUMNS = (
    "Method",
    "Reconstruction",
    "Edit",
    "Steps",
    "Calls<small>inversion + edit</small>",
    "Seconds<small>for both</small>",
    "Exact?",
)
LEAD = (
    "One picture, several methods, the same number of denoiser calls: what comes back, and what "
    "an edit keeps. Target, guidance and start level are those of the edit."
)
# Looks at what is shown: no value of an HTML component is ever sent to the server.
STOPPED = """() => {
    const status = document.querySelector(".contest-status .contest-now");
    return status?.querySelector("progress")
        ? '<p class="contest-now">Stopped: the rows that are done stay.</p>'
        : status?.outerHTML ?? "";
}"""


class CheckboxGroup(widgets.Raw, gr.CheckboxGroup):
    """Checkboxes whose values are judged by the function that gets them."""


def seconds(session, methods, budget, **_: Any) -> float:
    """How long a comparison takes on one core: for each method the budget and a way back."""
    if session is None:
        return 0.0
    return network_seconds(session.inversion.model.card.name, 3 * budget * len(methods))


@takes(seconds)
def contest(
    session: Session | None = None,
    methods: Sequence[str] = METHODS,
    budget: int = BUDGET,
    target: str = "9",
    target_prompt: str = "",
    guidance: float = 3.0,
    strength: float = 0.8,
) -> Iterator[tuple[Any, Any]]:
    """Compare inversion methods on the inverted picture; streams what is done and the table.

    Args:
        session: what `invert` left behind.
        methods: ddim, ddim_current, sdedit, fixed_point, anderson, residual, edit_friendly,
            negative_prompt, proximal, null_text, prompt_to_prompt, edict or belm, one or more.
        budget: denoiser calls of inversion and edit together, 20..500.
        target: the label to turn a digit into, "0" .. "9", or "" for any digit.
        target_prompt: the text to turn a picture into, for models that read text.
        guidance: classifier-free guidance of the edit in 0..20; 1 is none.
        strength: start level as a share of the steps, above 0 and up to 1.
    """
    raw = locals()
    session = inverted(session, "methods can be compared on it")
    inversion = session.inversion
    chosen = ways(inversion.model, raw)
    wanted, *how = asked_of(chosen), chosen["guidance"], chosen["strength"]
    budget = checks.whole(budget, "Budget", LEAST, MOST)
    asked = words(inversion.model, wanted), in_words(inversion, *how)
    source, rows = None, []
    for each in compare(Task(session, budget, wanted, *how), methods):
        if isinstance(each, Now):
            yield doing(each), gr.skip()
        elif isinstance(each, Row) and source is not None:
            rows.append(each)
            yield gr.skip(), table(rows, source, budget, *asked)
        elif isinstance(each, Original):
            source = each
            yield gr.skip(), table(rows, source, budget, *asked)
    yield f'<p class="contest-now">Done: {len(rows)} of {len(rows)}.</p>', gr.skip()


def in_words(inversion: Inversion, guidance: float, strength: float) -> str:
    """How every method is asked."""
    name = inversion.model.card.name
    edited, back = (at_guidance(name, each) for each in (guidance, inversion.guidance))
    return (
        f"from {words(inversion.model, str(inversion.prompt))}, at {edited} from start level "
        f"{strength:g}; inverted at {back}"
    )


def doing(now: Now) -> str:
    """Which method is at work and how far it is, as HTML."""
    where = f"{now.place} of {now.methods}, " if now.place else ""
    how_far = f", step {now.done} of {now.total}" if now.place else ""
    return (
        f'<p class="contest-now"><progress max="{now.total}" value="{now.done}"></progress> '
        f"{where}{escape(now.title)}: {now.doing}{how_far}</p>"
    )


def section(session: gr.State, editing: dict[str, Any]) -> None:
    """Lay out the comparison.

    Args:
        session: holds what the inversion left behind, a `demos.inverting.Session`.
        editing: the controls of the edit, of which target, target_prompt, guidance and strength
            say what every method is asked for.
    """
    with gr.Accordion("Compare methods", open=False, elem_classes=["contest-section", "closer"]):
        gr.Markdown(LEAD)
        methods = CheckboxGroup(choices("emoji"), value=[*METHODS], label="Methods")
        with gr.Row(elem_classes=["contest-row"]):
            budget = widgets.Slider(
                LEAST,
                MOST,
                BUDGET,
                step=10,
                label="Budget",
                info="denoiser calls of inversion and edit together; with guidance, each asks "
                "the network twice",
                scale=3,
            )
            button = gr.Button("Compare", variant="primary", scale=1, min_width=120)
            stop = gr.Button("Stop", scale=1, min_width=90)
        status = gr.HTML("", elem_classes=["contest-status"])
        board = gr.HTML("", elem_classes=["contest-board"])
    asked = [editing[name] for name in ("target", "target_prompt", "guidance", "strength")]
    event = button.click(
        checks.shown(contest),
        [session, methods, budget, *asked],
        [status, board],
        show_progress="hidden",
        api_name="compare_methods",
        concurrency_limit=None,
        concurrency_id="compare_methods",
    )
    quiet: dict[str, Any] = {"js": STOPPED, "api_visibility": "private"}
    event.failure(None, None, status, **quiet)
    stop.click(None, None, status, cancels=[event], **quiet)
    session.change(offer, [session, methods], methods, **widgets.QUIET)


def offer(session: Session | None, methods: Sequence[str]) -> dict:
    """The methods that the model of the inversion can run; of those chosen, the ones it can."""
    model = session.inversion.model.card.name if session is not None else "emoji"
    kept = [name for name in offered(model) if name in (methods or ())]
    return gr.update(choices=choices(model), value=kept)


def table(rows: Sequence[Row], source: Original, budget: int, wanted: str, how: str) -> str:
    """The picture and a line for each method, as HTML.

    Args:
        rows: of the methods that are done.
        source: the picture that they inverted.
        budget: denoiser calls that each of them had.
        wanted: what the edit asks for, in words.
        how: how it asks for it, in words.
    """
    back, kept = best_back(rows), best_kept(rows)
    lines = [line(row, row.name in back, row.name in kept) for row in rows]
    head = "".join(f'<th scope="col">{each}</th>' for each in COLUMNS)
    return (
        f'<figure class="contest"><figcaption>{caption(rows, source, budget)}</figcaption>'
        '<div class="contest-scroll" role="region" tabindex="0" '
        'aria-label="Inversion methods compared">'
        f"<table><thead><tr>{head}</tr></thead><tbody>"
        f"{first_lines(source, wanted, how)}{''.join(lines)}</tbody></table></div></figure>"
    )


def caption(rows: Sequence[Row], source: Original, budget: int) -> str:
    """What the budget is, and how the table is to be read."""
    against = "the model's copy of the picture" if source.copy else "the picture"
    told = (
        f"<b>Every method had the same {budget} denoiser calls for inversion and edit</b>: one "
        "that needs more calls a step takes fewer steps. PSNR in dB is measured against "
        f"{against}: the more, the nearer; ∞ is equal. A good inversion reconstructs exactly; a "
        "good edit is read as what was asked for and keeps much."
    )
    if {row.meant for row in rows if row.meant is not None} == {False}:
        told += " Not one of these edits is read as what was asked for."
    return f"<p>{told}</p>"


def first_lines(source: Original, wanted: str, how: str) -> str:
    """The line of the picture itself, and that of the model's copy where it is another."""
    read = f"read as {source.read}" if source.read else ""
    own = "" if source.copy else read
    shown = shot(source.picture, f"The picture that every method inverts{own and ', '}{own}")
    lines = (
        f'<tr><th scope="row">The picture</th><td>{cell(shown + said("", own))}</td>'
        f'<td colspan="5">{said(f"Asked for: {wanted}", how)}</td></tr>'
    )
    if source.copy:
        ratio, more = decibel(source.copied), f"to the picture{read and ', '}{read}"
        shown = shot(source.copy, f"The model's copy of the picture: {ratio} {more}")
        shown += said(ratio, more)
        lines += (
            f'<tr><th scope="row">The model\'s copy</th><td>{cell(shown)}</td>'
            '<td colspan="5">The picture encoded and decoded: every PSNR below is measured '
            "against it.</td></tr>"
        )
    return lines


def line(row: Row, best_back: bool, best_kept: bool) -> str:
    """The line of one method."""
    title = f'<tr><th scope="row">{escape(row.title)}'
    if row.trouble:
        trouble = escape(checks.sentence(row.trouble))
        return f'{title}</th><td colspan="6" class="contest-trouble">{trouble}</td></tr>'
    remark = f"<small>{escape(row.note)}</small>" if row.note else ""
    back, kept = decibel(row.back), decibel(row.kept)
    read = f"read as {row.read}" if row.read else ""
    read += ", not as asked" if row.meant is False else ""
    returned = shot(row.pictures[0], f"Reconstruction by {row.title}: PSNR {back}")
    returned += said(back, "", best_back)
    edited = shot(row.pictures[1], f"Edit by {row.title}: PSNR {kept} kept{read and ', '}{read}")
    edited += said(f"{kept} kept", read, best_kept)
    up, down, again = row.calls
    return (
        f"{title}{remark}</th><td>{cell(returned)}</td><td>{cell(edited)}</td>"
        f"<td>{row.steps}</td>"
        f"<td>{up + down}<small>{up} + {down}</small><small>to reconstruct: {again}</small></td>"
        f"<td>{row.seconds:.1f}</td>"
        f'<td class="contest-words">{escape(row.exact)}</td></tr>'
    )


def cell(content: str) -> str:
    """A picture and what is said of it, side by side."""
    return f'<div class="contest-cell">{content}</div>'


def shot(uri: str, alt: str) -> str:
    """A picture; large ones, which were made smaller, are smooth."""
    smooth = ' class="smooth"' if uri.startswith("data:image/jpeg") else ""
    return f'<img src="{escape(uri)}" alt="{escape(alt)}" width="96" height="96"{smooth}>'


def said(figure: str, more: str, best: bool = False) -> str:
    """A figure, the word "best" where it is, and more below."""
    mark = ' <strong class="contest-best">best</strong>' if best else ""
    above = f"<b>{escape(figure)}</b>{mark}" if figure else ""
    below = f"<small>{escape(more)}</small>" if more else ""
    return f"<div>{above}{below}</div>"


def best_back(rows: Sequence[Row]) -> set[str]:
    """The names of the best reconstructions; what rounding to 8 bits makes equal is equal."""
    return highest({row.name: min(row.back, EQUAL) for row in rows if not row.trouble})


def best_kept(rows: Sequence[Row]) -> set[str]:
    """Of the edits that are read as their target, the names of those that keep most."""
    return highest({row.name: row.kept for row in rows if row.meant})


def highest(figures: dict[str, float]) -> set[str]:
    """The names with the highest figure; what is equal in the table is equal."""
    shown = {name: round(figure, 1) for name, figure in figures.items()}
    return {name for name, figure in shown.items() if figure == max(shown.values())}
