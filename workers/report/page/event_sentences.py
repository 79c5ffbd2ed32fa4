"""One sentence for each event of a lead: the actor first, then what happened, then what follows.

Texts of other systems (names, notes) stand in `bdi`, so that their direction of writing changes nothing around them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from htpy import Node, b, bdi, fragment, q

from workers.explaining.decision_sentences import gate_words
from workers.report.api_models import EventKind, EventModel

from .delivery_words import is_unsent
from .phrases import PROMISE_WORDS, Clock, plural, reason_name

_WITHOUT_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "XAF", "XOF", "UGX"})
_ACTIVITIES = {"call": "called", "email": "wrote an email", "message": "wrote a message", "meeting": "met the lead"}
_UNANSWERED = frozenset({"no_answer", "busy", "voicemail", "wrong_number", "bounced", "sent"})
_OUTCOMES = {
    "no_answer": "nobody answered",
    "busy": "the line was busy",
    "voicemail": "only the voicemail answered",
    "wrong_number": "the number is wrong",
    "bounced": "the message came back",
    "connected": "they talked",
    "replied": "the lead replied",
    "meeting_set": "a meeting was agreed",
    "meeting_held": "the meeting took place",
    "no_show": "the lead did not come",
    "cancelled": "it was cancelled",
}
CAUSES = {
    "moved": "the lead moved again",
    "won": "the deal was won",
    "void": "a late report showed that it had not gone cold",
    "restated": "sales reported another reason",
    "requalified": "marketing passed it to sales again",
    "do_not_contact": "it asked not to be contacted",
    "consent_expired": "its consent ends before marketing could write",
}
_BROKEN = {
    "never_assigned": "Nobody became the owner in time",
    "never_contacted": "Nobody contacted the lead in time",
    "no_follow_up": "Nobody followed up in time",
    "no_progress": "Nothing moved in time",
    "no_next_step": "No next step was agreed in time",
    "attempts_exhausted": "The attempts brought no result",
}


class EventSentence(NamedTuple):
    """A sentence, and the kind of its mark: broken, moved, or none."""

    kind: str
    words: Node


def event_sentence(event: EventModel, clock: Clock) -> EventSentence | None:
    """The sentence for an event; None for a decision that another event of the same moment says."""
    words = _words(event, clock)
    return None if words is None else EventSentence(_kind(event), words)


def _kind(event: EventModel) -> str:
    if event.kind in {"stalled", "escalated"}:
        return "broken"
    is_answer = event.kind == "contacted" and _is_answer(event.fields)
    return "moved" if is_answer or event.kind in {"closed", "recycled"} else ""


def _words(event: EventModel, clock: Clock) -> Node | None:
    if event.kind in _SENTENCES:
        return _SENTENCES[event.kind](event.fields)
    return _SENTENCES_WITH_TIMES[event.kind](event.fields, clock)


def is_attempt(event: EventModel) -> bool:
    """Whether sales tried to reach the lead without an answer."""
    is_outbound = event.kind == "contacted" and not _is_answer(event.fields)
    by = event.fields.get("by", "sales")
    return is_outbound and by in {"sales", "agent"} and event.fields.get("outcome") in _UNANSWERED


def money(amount: int, currency: str) -> str:
    """An amount in minor units as people write it."""
    if currency in _WITHOUT_CENTS:
        return f"{amount:,} {currency}"
    return f"{amount / 100:,.2f} {currency or '(no currency)'}"


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else str(value)


def _quoted(fields: Mapping[str, object], name: str) -> Node:
    return bdi[_text(fields, name)]


def _at(fields: Mapping[str, object], name: str, clock: Clock, form: str = "full") -> Node:
    value = fields.get(name)
    return clock.when(datetime.fromisoformat(value) if isinstance(value, str) and value else None, form)


def _created(fields: Mapping[str, object]) -> Node:
    origin = fragment["from ", _quoted(fields, "origin")] if fields.get("origin") else "from an unknown source"
    campaign = fragment[", campaign ", _quoted(fields, "campaign_id")] if fields.get("campaign_id") else None
    owner = fragment["; ", _quoted(fields, "owner_id"), " owns it"] if fields.get("owner_id") else None
    return fragment["The lead came to sales ", origin, campaign, owner, "."]


def _is_answer(fields: Mapping[str, object]) -> bool:
    return fields.get("by") == "lead" or fields.get("direction") == "inbound"


def _contacted(fields: Mapping[str, object], clock: Clock) -> Node:
    activity = _text(fields, "activity")
    step = fragment[" The next step was agreed for ", _at(fields, "next_step_at", clock), "."]
    agreed = step if fields.get("next_step_at") else None
    if _is_answer(fields):
        how = f" ({activity})" if activity else ""
        return fragment[f"The lead came back to us{how}.", agreed]
    who = _quoted(fields, "owner_id") if fields.get("owner_id") else _text(fields, "by").capitalize() or "Sales"
    what = _ACTIVITIES.get(activity, "contacted the lead")
    outcome = _OUTCOMES.get(_text(fields, "outcome"))
    return fragment[who, f" {what}", f"; {outcome}." if outcome else ".", agreed]


def _stalled(fields: Mapping[str, object], clock: Clock) -> Node:
    reason = _text(fields, "reason")
    if fields.get("declared_by") == "detector":
        broken = _BROKEN.get(reason, reason_name(reason).capitalize())
        return fragment[f"{broken}: the promise of {PROMISE_WORDS.get(reason, reason)} was broken."]
    note = fragment[" ", q[_quoted(fields, "note")]] if fields.get("note") else None
    resume = fragment[" Sales asked to resume on ", _at(fields, "resume_at", clock, "date"), "."]
    return fragment[
        "Sales gave the lead up: ", b[bdi[reason_name(reason)]], ".", note, resume if fields.get("resume_at") else None
    ]


def _closed(fields: Mapping[str, object]) -> Node:
    if fields.get("outcome") == "won":
        amount = fields.get("amount")
        paid = fragment[": ", b[money(amount, _text(fields, "currency"))]] if isinstance(amount, int) else None
        return fragment["The deal was won", paid, "."]
    reason = fragment[": ", b[bdi[reason_name(_text(fields, "reason"))]]] if fields.get("reason") else None
    return fragment["The deal was lost", reason, "."]


def _recycled(fields: Mapping[str, object], clock: Clock) -> Node:
    if fields.get("action") == "REVOKE":
        cause = CAUSES.get(_text(fields, "cause"), reason_name(_text(fields, "cause")))
        return fragment["Leadloop took it back from marketing, because ", bdi[cause], "."]
    later = fragment[", to write to it from ", _at(fields, "not_before", clock), " on"]
    return fragment[
        "Leadloop handed the lead back to marketing (",
        bdi[reason_name(_text(fields, "reason"))],
        "), track ",
        b[_quoted(fields, "track")],
        later if fields.get("not_before") else None,
        ".",
    ]


def _decided(fields: Mapping[str, object], clock: Clock) -> Node | None:
    why = bdi[gate_words(_text(fields, "why"))]
    match fields.get("decision"):
        case "HOLD":
            return fragment["Leadloop waits until ", _at(fields, "until", clock), " before it decides: ", why, "."]
        case "SUPPRESS":
            return fragment["Leadloop does not hand the lead back: ", why, ". It decides again when that changes."]
        case "HOLDOUT":
            return "Leadloop left the lead alone: it was drawn into the control group."
        case "RETIRE":
            reason = fragment["the policy never hands ", bdi[reason_name(_text(fields, "reason"))], " back"]
            because = reason if fields.get("why") == "never" else why
            return fragment["Leadloop does not hand the lead back any more: ", because, "."]
    return None


def _delivered(fields: Mapping[str, object]) -> Node | None:
    if not is_unsent(fields.get("outcome"), fields.get("attempts")):
        return _answered(fields)
    if fields.get("action") == "REVOKE":
        return None
    why = _quoted(fields, "detail") if fields.get("detail") else "there was nothing to do"
    return fragment["A hand-back was not sent to ", _quoted(fields, "endpoint"), ": ", why, "."]


def _answered(fields: Mapping[str, object]) -> Node:
    tool = _quoted(fields, "endpoint")
    what = "that it was taken back" if fields.get("action") == "REVOKE" else "it"
    match fields.get("outcome"):
        case "accepted":
            return fragment[tool, f" accepted {what}."]
        case "no_op":
            return fragment[tool, " had nothing to change."]
        case "unverified":
            return fragment[tool, f" accepted {what}, but does not confirm the result."]
        case "retry":
            attempts = fields.get("attempts")
            count = attempts if isinstance(attempts, int) else 1
            return fragment[
                tool, f" does not have {what} yet, after {count} {plural(count, 'attempt')}; it is sent again."
            ]
        case "expired":
            return fragment["It is not sent to ", tool, " again: the consent had ended."]
        case _:
            detail = fragment[": ", q[_quoted(fields, "detail")]] if fields.get("detail") else None
            return fragment[tool, f" did not take {what}", detail, "."]


def _escalated(fields: Mapping[str, object], clock: Clock) -> Node:
    owner = _quoted(fields, "owner_id") if fields.get("owner_id") else "sales"
    promise = PROMISE_WORDS.get(_text(fields, "reason"), _text(fields, "reason"))
    until = _at(fields, "until", clock)
    if fields.get("action") == "AT_RISK":
        return fragment["Leadloop warned ", owner, f": the promise of {promise} breaks ", until, "."]
    return fragment["Leadloop asked ", owner, " to act: a touch until ", until, " keeps the lead with sales."]


def _updated(fields: Mapping[str, object]) -> Node:
    changes = [fragment[name.replace("_", " "), " ", bdi[str(value) or "nobody"]] for name, value in fields.items()]
    between: list[Node] = []
    for place, change in enumerate(changes):
        between += [", " if place else "", change]
    return fragment["The record changed: ", between or "nothing that counts", "."]


_SENTENCES: Mapping[EventKind, Callable[[Mapping[str, object]], Node | None]] = {
    "created": _created,
    "closed": _closed,
    "delivered": _delivered,
    "updated": _updated,
}
_SENTENCES_WITH_TIMES: Mapping[EventKind, Callable[[Mapping[str, object], Clock], Node | None]] = {
    "contacted": _contacted,
    "stalled": _stalled,
    "recycled": _recycled,
    "decided": _decided,
    "escalated": _escalated,
}
