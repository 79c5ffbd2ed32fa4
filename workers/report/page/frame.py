"""The frame of every page: the views, how old the figures are, the question and its answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from htpy import (
    Element,
    Node,
    Renderable,
    a,
    bdi,
    body,
    button,
    caption,
    div,
    footer,
    form,
    h1,
    h2,
    head,
    header,
    html,
    li,
    link,
    main,
    meta,
    nav,
    p,
    path,
    script,
    section,
    span,
    svg,
    symbol,
    table,
    td,
    th,
    thead,
    time,
    title,
    tr,
    ul,
    use,
)

from workers.report.access.reader import PageReader, Way
from workers.report.api_models import AsOf, rfc3339

from .assets import ICON, SCRIPT, STYLE
from .phrases import Clock, address, number

VIEWS = (
    ("/", "Today"),
    ("/leads", "Leads"),
    ("/sources", "Sources"),
    ("/promises", "Promises"),
    ("/recycling", "Recycling"),
    ("/funnel", "Funnel"),
    ("/delivery", "Delivery"),
    ("/agreement", "Agreement"),
)
LATE_SECONDS = 60
_MARKS = {
    "new": "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11z",
    "working": "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11zM8 5v6a3 3 0 0 0 0-6z",
    "stalled": "M8 2.5l6 11h-12z",
    "nurture": "M13 8a5 5 0 1 1-1.6-3.7M13.2 1.8v3h-3",
    "won": "M2.5 8.5l3.7 3.7l7.3-8",
    "lost": "M3.5 3.5l9 9M12.5 3.5l-9 9",
    "unknown": "M3 8h10",
}


@dataclass(frozen=True)
class Shown:
    """What a page shows.

    Attributes:
        question: Its title.
        answer: Its first sentence.
        content: Its parts.
        here: The path of the view that it belongs to.
        status: Of the response.
        headers: Of the response, beside those of every page.
        is_list: Whether the page is a list, which must not move under the reader.
        has_sentences_with_times: Whether times are part of texts, so that all of them stay in the zone of the server.
    """

    question: str
    answer: Node
    content: Node = None
    here: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_list: bool = False
    has_sentences_with_times: bool = False


def document(
    shown: Shown, clock: Clock, as_of: AsOf | None, reader: PageReader, revision: str = "", grafana: str = ""
) -> Renderable:
    """A page with the frame around it, for who reads it; `revision` of the read model, if the page is live."""
    return _html(
        shown,
        [
            _masthead(shown.here, clock, as_of),
            main("#main", tabindex="-1")[h1[shown.question], p(".lede")[shown.answer], _behind(as_of), shown.content],
            _bottom(clock, reader, is_fixed=shown.has_sentences_with_times),
            _dashboards(shown.here, grafana),
        ],
        revision,
    )


def bare_document(shown: Shown) -> Renderable:
    """A page without the frame, for readers who have not signed in."""
    return _html(shown, main("#main.alone", tabindex="-1")[h1[shown.question], p(".lede")[shown.answer], shown.content])


def _html(shown: Shown, content: Node, revision: str = "") -> Renderable:
    return html(lang="en")[
        head[
            meta(charset="utf-8"),
            meta(name="viewport", content="width=device-width, initial-scale=1"),
            meta(name="color-scheme", content="light dark"),
            title[f"{shown.question} – Leadloop"],
            link(rel="stylesheet", href=STYLE.path),
            link(rel="icon", type="image/svg+xml", href=ICON.path),
            script(src=SCRIPT.path, defer=True),
        ],
        body(data_live=revision or None, data_list="yes" if shown.is_list else None)[
            svg(".marks", aria_hidden="true", focusable="false")[
                [symbol(id=f"m-{name}", viewBox="0 0 16 16")[path(d=drawn)] for name, drawn in _MARKS.items()]
            ],
            a(".skip", href="#main")["Skip to the content"],
            content,
        ],
    ]


def _dashboards(here: str, grafana: str) -> Node:
    """The way to the dashboards for whom the figures over time, or the processes, are the question."""
    if not grafana:
        return None
    board, words = _BOARDS.get(here, ("leadloop-loop", "Funnel and promises over time"))
    return footer[p[a(href=f"{grafana}/d/{board}", rel="noreferrer noopener")[f"{words}, in Grafana"]]]


_BOARDS = {"/delivery": ("leadloop-delivery", "Delivery over time")}


def _masthead(here: str, clock: Clock, as_of: AsOf | None) -> Element:
    views = [li[a(href=place, aria_current="page" if place == here else None)[name]] for place, name in VIEWS]
    return header(".top")[
        div(".masthead")[a(".brand", href="/")["Leadloop"], nav(aria_label="Views")[ul[views]], _age(clock, as_of)]
    ]


def _age(clock: Clock, as_of: AsOf | None) -> Node:
    if as_of is None or as_of.at is None:
        return p(".asof.late")["How old the figures are is not known yet"]
    age = clock.age(as_of.at)
    words = f"{age} s ago" if age < LATE_SECONDS else f"{number(age // 60)} min ago"
    return p(class_="asof late" if age >= LATE_SECONDS else "asof")[
        "As of ", time(datetime=rfc3339(as_of.at), data_age=str(age), data_now=rfc3339(clock.now))[words]
    ]


def _behind(as_of: AsOf | None) -> Node:
    """What a reader has to know about figures that are not up to date."""
    if as_of is not None and as_of.is_filling:
        return p(".few")["The figures are being rebuilt; until that is done, these stand still. No event is lost."]
    if as_of is not None and as_of.behind_records > 0:
        records = number(as_of.behind_records)
        return p(".few.behind")[f"{records} newer records are not in these figures yet; they arrive by themselves."]
    return None


def _bottom(clock: Clock, reader: PageReader, *, is_fixed: bool) -> Element:
    """The time zone, and who is signed in; whom a proxy names can sign out there only."""
    ends = form(method="post", action="/sign-out")[button(".plain", type="submit")["Sign out"]]
    return footer[
        p["Times are in ", span(data_zone=None if is_fixed else "yes")[clock.zone.key], "."],
        p["Signed in as ", bdi[reader.name], _BY[reader.way], "."],
        ends if reader.way != "proxy" else None,
    ]


_BY: dict[Way, str] = {"key": " (a key)", "oidc": "", "proxy": " (by the proxy)"}


def part(heading: str, *content: Node, note: Node = None, anchor: str | None = None) -> Element:
    """A part of a view: a heading, at most one note, and what it is about."""
    return section(id=anchor)[h2[heading], p(".note")[note] if note else None, content]


def sheet(
    heading: str, head_cells: Sequence[Node], rows: Iterable[Node], *, kind: str = "", is_sorted: bool = False
) -> Element:
    """A table that may be wider than the screen: it scrolls by itself, and the keyboard can scroll it."""
    return div(".wide", role="region", aria_label=heading, tabindex="0")[
        table(class_=f"num {kind}".strip(), data_sort="yes" if is_sorted else None)[
            caption(".hidden")[heading], thead[tr[head_cells]], list(rows)
        ]
    ]


def column(words: Node, kind: str = "n") -> Element:
    """The head of a column; that of a plot is empty, because the number beside it says the same."""
    return td(class_=kind)[""] if words == "" else th(scope="col", class_=kind or None)[words]


def stage_mark(stage: str) -> Element:
    """A stage: a shape, and its word."""
    return span(class_=f"stage s-{stage}")[mark(stage), stage]


def mark(name: str) -> Element:
    return svg(".mark", width="13", height="13", aria_hidden="true")[use(href=f"#m-{name}")]


def missing(*sentences: Node) -> Element:
    """What a figure would need that the read model does not have."""
    return div(".few")[[p[sentence] for sentence in sentences]]


def more_link(path_: str, words: str, **filters: object) -> Element:
    return p(".more")[a(href=address(path_, **filters))[words]]
