"""What is known of handing recycles to tools, in words: which tool has it, which never got it, which gets it when."""

from collections.abc import Iterable, Mapping

from htpy import Node, bdi, fragment

from schemas.events import DeliveryOutcome
from workers.report.api_models import DeliveryModel, RecycleModel

from .phrases import Clock

_WORDS: Mapping[DeliveryOutcome, str] = {
    "accepted": "accepted",
    "no_op": "had nothing to change",
    "refused": "refused",
    "unverified": "accepted, not confirmed",
    "dead": "failed",
    "retry": "is sent again",
    "expired": "not sent: the consent had ended",
    "unknown": "not known",
}


def is_unsent(outcome: object, attempts: object) -> bool:
    """Whether it ended without an attempt: taken back before, left out by a filter, or without a consent."""
    return outcome in {"no_op", "expired"} and not attempts


def is_later(recycle: RecycleModel, clock: Clock) -> bool:
    """Whether it may not be sent yet."""
    return recycle.not_before is not None and recycle.not_before > clock.now


def outcome_words(delivery: DeliveryModel) -> str:
    """`accepted`; `not sent: taken back before it was sent`."""
    if delivery.outcome == "no_op" and is_unsent(delivery.outcome, delivery.attempts):
        return f"not sent: {delivery.detail}" if delivery.detail else "not sent"
    return _WORDS[delivery.outcome]


def what_tools_have(recycles: Iterable[RecycleModel], clock: Clock) -> list[Node]:
    """Of the hand-back that stands: a sentence for each tool, or why there is none yet."""
    standing = [one for one in recycles if one.state == "standing"]
    if not standing:
        return []
    newest = max(standing, key=lambda one: one.at)
    if newest.deliveries:
        return [_sentence(one, clock) for one in newest.deliveries]
    if is_later(newest, clock):
        return [fragment["No tool has it yet: it is sent from ", clock.when(newest.not_before), " on."]]
    return ["No tool has confirmed it yet."]


def _sentence(delivery: DeliveryModel, clock: Clock) -> Node:
    tool, when = bdi[delivery.endpoint], clock.when(delivery.at)
    if is_unsent(delivery.outcome, delivery.attempts):
        return fragment[tool, " does not get it: ", bdi[delivery.detail or "not sent"], "."]
    match delivery.outcome:
        case "accepted" | "no_op":
            return fragment[tool, " has it: confirmed ", when, "."]
        case "unverified":
            return fragment[tool, " accepted it ", when, ", but does not confirm the result."]
        case "retry":
            return fragment[tool, " does not have it yet; it is sent again."]
        case _:
            return fragment[tool, " does not have it: the delivery failed ", when, " and needs a person."]
