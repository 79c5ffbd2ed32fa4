"""What forbids handing a lead back, in sentences."""

from collections.abc import Iterator

from streams.domain.explanation import ExplainedGate, Explanation
from streams.domain.facts import NO_CONSENT

from .words import TimeWords, reason_words
from .words import times as how_often


def gate_sentences(explained: Explanation, times: TimeWords) -> Iterator[str]:
    """The gates that are closed, and the limits."""
    if explained.stage in ("won", "unknown"):
        return
    closed = [one for one in explained.gates if not one.is_open]
    for one in closed:
        yield _closed(one, explained, times)
    stall = explained.lead.stall
    if not closed and (stall is None or stall.is_open):
        yield "Nothing forbids handing it back to marketing."
    yield from _consent(explained, times)
    yield from _recycles(explained)


def _closed(gate: ExplainedGate, explained: Explanation, times: TimeWords) -> str:
    match gate.name:
        case "customer":
            return "It must not be handed back: it is a customer, because a deal with it was won before."
        case "do_not_contact":
            return "It must not be handed back: it asked not to be contacted."
        case "consent":
            return f"It must not be handed back: {_lost_consent(gate, times)}."
        case "date":
            reason = reason_words(explained.lead.stall.reason) if explained.lead.stall else "this reason"
            return f"It waits for a date: sales has reported {reason} without a date to resume."
        case "cooldown":
            handed_back = f"It was handed back on {times.on(explained.lead.recycled_at or 0)}"
            return f"{handed_back}, and may not be handed back again before {times.on(gate.until or 0)}."


def _lost_consent(gate: ExplainedGate, times: TimeWords) -> str:
    if gate.until is None or gate.until == NO_CONSENT:
        return "its consent was withdrawn"
    if gate.until <= times.now or gate.needed_at is None:
        return f"its consent ended on {times.on(gate.until)}"
    return (
        f"its consent ends on {times.on(gate.until)}, and marketing could not start to write before "
        f"{times.on(gate.needed_at)}"
    )


def _consent(explained: Explanation, times: TimeWords) -> Iterator[str]:
    for gate in explained.gates:
        if gate.name == "consent" and gate.is_open and gate.until is not None:
            yield f"Its consent ends on {times.on(gate.until)}."


def _recycles(explained: Explanation) -> Iterator[str]:
    recycles, policy = explained.lead.recycles, explained.policy
    most = policy.limits.max_recycles if policy else None
    if recycles and explained.stage != "nurture":
        limit = f", of at most {most}" if most is not None else ""
        yield f"It has been handed back {how_often(recycles)} so far{limit}."
