"""What became of one lead, in sentences; all events are folded below, with their ids."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, get_args
from urllib.parse import quote

from htpy import Element, Node, a, bdi, dd, details, div, dl, dt, fragment, li, ol, p, span, summary, tbody, td, th, tr

from workers.explaining.explanation_sentences import About
from workers.http.problems import Problem
from workers.report.api_models import EventModel, LeadDetail

from .delivery_words import what_tools_have
from .event_sentences import event_sentence, is_attempt
from .frame import Shown, column, part, sheet, stage_mark
from .page_source import Source
from .phrases import Clock, address, number, plural, value_name

SAME_MOMENT_SECONDS = 60


class StoryMoment(NamedTuple):
    """What happened at once, or one after the other without an answer: a mark, an instant, its sentences."""

    kind: str
    when: Node
    sentences: list[Node]


async def story_view(source: Source, lead_id: str) -> Shown:
    """The page of one lead.

    Raises:
        Problem: 404, it is unknown.
    """
    lead = await source.model.lead(lead_id)
    explained = await source.model.explanation(lead_id, source.policy, source.clock.zone)
    if lead is None or explained is None:
        raise Problem("not-found", f"no lead {lead_id} is known: search for the beginning of its name under Leads")
    about = {name: [one.text for one in explained.sentences if one.about == name] for name in get_args(About)}
    content = [
        _about(lead, source.clock),
        _links(lead, source.crm_link),
        div(".pair.story")[
            part("What happened", ol(".timeline")[[_entry(one) for one in _moments(lead.timeline, source.clock)]]),
            div[
                _said("What happens next", about["next"]),
                _said("Do the tools have it?", what_tools_have(lead.recycled, source.clock)),
                _said("What is promised, and why", [*about["promise"], *about["rule"]]),
                _said("Gates and limits", about["gate"]),
            ],
        ],
        _all_events(lead, source.clock),
    ]
    return Shown(
        f"What became of {lead_id}?",
        " ".join(about["state"][:2]),
        content,
        "/leads",
        is_list=True,
        has_sentences_with_times=True,
    )


def _said(heading: str, sentences: Sequence[Node]) -> Node:
    return part(heading, div(".said")[[p[sentence] for sentence in sentences]]) if sentences else None


def _about(lead: LeadDetail, clock: Clock) -> Element:
    origin = fragment[value_name(lead.origin), fragment[", ", bdi[lead.campaign_id]] if lead.campaign_id else None]
    facts: dict[str, Node] = {
        "Stage": stage_mark(lead.stage),
        "Owner": value_name(lead.owner_id),
        "Origin": origin,
        "Segment": value_name(lead.segment),
        "Account": value_name(lead.account_id),
        "Pass": f"{lead.pass_no}, handed back {_times(max(lead.recycles, int('recycled' in lead.steps)))}",
        "Created": clock.when(lead.created_at, "date"),
        "Last touch": clock.when(lead.last_touch_at, "date", "never"),
    }
    return dl(".about")[[div[dt[name], dd[value]] for name, value in facts.items()]]


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{number(count)} times")


def _links(lead: LeadDetail, crm_link: str) -> Node:
    links: list[Node] = []
    if crm_link:
        there = crm_link.replace("{lead_id}", quote(lead.lead_id, safe=""))
        links.append(a(href=there, rel="noreferrer noopener")["Open it in the CRM"])
    if lead.account_id:
        others = a(href=address("/leads", account=lead.account_id))["Other leads of ", bdi[lead.account_id]]
        links += [" · " if links else "", others]
    return p(".more")[links] if links else None


def _moments(timeline: Iterable[EventModel], clock: Clock) -> Iterator[StoryMoment]:
    """The events in moments: what happened within a minute is one, and so are attempts in a row."""
    group: list[EventModel] = []
    for event in timeline:
        if group and not _belongs(group, event):
            yield from _moment(group, clock)
            group = []
        group.append(event)
    if group:
        yield from _moment(group, clock)


def _belongs(group: list[EventModel], event: EventModel) -> bool:
    if is_attempt(event) or is_attempt(group[0]):
        return is_attempt(event) and all(map(is_attempt, group))
    return (event.at - group[-1].at).total_seconds() < SAME_MOMENT_SECONDS


def _moment(group: list[EventModel], clock: Clock) -> Iterator[StoryMoment]:
    first, last = group[0], group[-1]
    if len(group) > 1 and is_attempt(first):
        when = fragment[clock.when(first.at, "date"), " to ", clock.when(last.at, "date")]
        tried = f"Sales tried {number(len(group))} {plural(len(group), 'time')} to reach the lead; no answer."
        yield StoryMoment("", when, [tried])
        return
    said = [sentence for event in group if (sentence := event_sentence(event, clock)) is not None]
    if said:
        kind = next((one.kind for one in said if one.kind), "")
        words = {str(fragment[one.words]): one.words for one in said}  # tools may say the same several times
        yield StoryMoment(kind, clock.when(first.at), list(words.values()))


def _entry(moment: StoryMoment) -> Element:
    kind = f"t-{moment.kind}" if moment.kind else None
    return li(class_=kind)[span(".at")[moment.when], [p[sentence] for sentence in moment.sentences]]


def _all_events(lead: LeadDetail, clock: Clock) -> Element:
    rows = [
        tr[
            th(scope="row")[clock.when(event.at)],
            td[event.kind],
            td[bdi[", ".join(f"{name} {value}" for name, value in event.fields.items())]],
            td(".id")[bdi[event.id]],
        ]
        for event in lead.timeline
    ]
    head = [column("Time", ""), column("Event", ""), column("Content", ""), column("Event id", "")]
    return details(".fold")[
        summary[f"All {number(len(lead.timeline))} events"], sheet("Events", head, [tbody[rows]], kind="facts")
    ]
