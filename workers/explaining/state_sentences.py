"""Where a lead is and why, in sentences."""

from collections.abc import Iterator

from streams.domain.explanation import Explanation
from streams.domain.lead import Lead, Stall, clock_of

from .words import TimeWords, counted, ordinal, reason_words

_BROKEN = {
    "never_assigned": "it had had no owner since it was {created} on {since}",
    "never_contacted": "nobody had contacted it since it was {created} on {since}",
    "no_follow_up": "nobody had followed up since the last contact on {since}",
    "no_progress": "there had been no answer and no meeting since {since}",
    "no_next_step": "no next step had been agreed since {since}",
    "attempts_exhausted": "{contacts} had brought no answer and no meeting",
}


def state_sentences(explained: Explanation, times: TimeWords) -> Iterator[str]:
    """What the lead is now."""
    lead = explained.lead
    match explained.stage:
        case "unknown":
            yield "Events of this lead are known, but not its creation."
        case "new":
            yield from _new(lead, times)
        case "working":
            yield from _working(lead, times)
        case "stalled":
            yield from _cold(lead, times)
        case "nurture":
            yield "This lead is with marketing."
            yield from _cold(lead, times)
        case "lost":
            yield from _lost(lead, times)
        case "won":
            yield "The deal with this lead was won."
    if explained.stage in ("new", "working", "stalled"):
        yield from _owner(explained)


def _owner(explained: Explanation) -> Iterator[str]:
    """Whose it is, and who else gets what is addressed to its owner."""
    owner, policy = explained.lead.owner_id, explained.policy
    addressee = owner if policy is None else policy.intake.addressee(owner, explained.at)
    whose = f"It belongs to {owner}" if owner else "It has no owner"
    if addressee == owner:
        yield f"{whose}."
    else:
        yield f"{whose}{', who is away' if owner else ''}; escalations and warnings about it go to {addressee}."


def _new(lead: Lead, times: TimeWords) -> Iterator[str]:
    created = times.on(lead.created_at or 0)
    if lead.pass_no > 1:
        yield f"Marketing passed this lead to sales for the {ordinal(lead.pass_no)} time on {created}."
        yield "Nobody has contacted it since."
    else:
        yield f"Nobody has contacted this lead since it was created on {created}."


def _working(lead: Lead, times: TimeWords) -> Iterator[str]:
    yield f"Sales is working on this lead: {_touches(lead, times)}."
    if lead.last_progress_at is None:
        yield "Nothing has come of it yet: no answer and no meeting."
    elif lead.last_progress_at != lead.last_touch_at:
        yield f"It last moved on {times.on(lead.last_progress_at)}."
    if lead.next_step_at is not None:
        was = "is" if lead.next_step_at > times.now else "was"
        yield f"The next step {was} agreed for {times.on(lead.next_step_at)}."


def _touches(lead: Lead, times: TimeWords) -> str:
    last = times.on(lead.last_touch_at or 0)
    if lead.created_at is None:
        return f"the last contact was on {last}"
    since = f"since it was {_created(lead)} on {times.on(lead.created_at)}"
    return f"one contact, on {last}, {since}" if lead.touches == 1 else _many(lead.touches, last, since)


def _many(touches: int, last: str, since: str) -> str:
    return f"{counted(touches, 'contact')}, the last on {last}, {since}"


def _cold(lead: Lead, times: TimeWords) -> Iterator[str]:
    stall = lead.stall
    if stall is not None:
        subject = "It" if lead.recycle else "This lead"
        yield f"{subject} went cold on {times.on(stall.at)}: {_why(lead, stall, times)}."
        yield from _resume(stall, times)


def _lost(lead: Lead, times: TimeWords) -> Iterator[str]:
    stall = lead.stall
    if stall is None:
        yield "The deal with this lead was lost."
    elif stall.declared_by == "close":
        yield f"The deal with this lead was lost on {times.on(stall.at)}, for the reason {reason_words(stall.reason)}."
    else:
        yield f"The deal with this lead was lost. On {times.on(stall.at)}, {_why(lead, stall, times)}."
        yield from _resume(stall, times)


def _resume(stall: Stall, times: TimeWords) -> Iterator[str]:
    if stall.resume_at is not None:
        yield f"Sales asked to resume on {times.on(stall.resume_at)}."


def _why(lead: Lead, stall: Stall, times: TimeWords) -> str:
    if stall.declared_by == "sales":
        return f"sales reported the reason {reason_words(stall.reason)}"
    if stall.declared_by == "close":
        return f"the deal was lost, for the reason {reason_words(stall.reason)}"
    return _broken(lead, stall, times)


def _broken(lead: Lead, stall: Stall, times: TimeWords) -> str:
    since = times.on(clock_of(lead, stall.reason) or stall.at)
    text = _BROKEN.get(stall.reason)
    if text is None:
        return reason_words(stall.reason)
    return text.format(created=_created(lead), since=since, contacts=counted(lead.attempts, "contact"))


def _created(lead: Lead) -> str:
    return "passed to sales again" if lead.pass_no > 1 else "created"
