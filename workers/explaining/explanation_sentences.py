"""The explanation of a lead, whole: its sentences in order, each with what it is about."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from streams.domain.explanation import Explanation
from streams.domain.policy import Policy, Span
from streams.domain.policy.promises import CLOCKS
from streams.domain.policy.spans import calendar_of

from .decision_sentences import decision_words
from .gate_sentences import gate_sentences
from .known_decision import KnownDecision
from .next_sentences import NextDate, next_sentences
from .promise_sentences import promise_sentences, rule_sentences
from .state_sentences import state_sentences
from .words import TimeWords, counted, reason_words

About = Literal["state", "rule", "promise", "gate", "decision", "next"]

MOST_DECISIONS = 6
UTC_ZONE = ZoneInfo("UTC")


class Sentence(NamedTuple):
    """One sentence, and the part of the explanation that it belongs to."""

    about: About
    text: str


def explanation_sentences(
    explained: Explanation,
    decisions: Sequence[KnownDecision],
    zone: ZoneInfo,
    next_date: NextDate | None,
    *,
    is_whole: bool,
) -> list[Sentence]:
    """Write the explanation.

    Args:
        explained: The lead.
        decisions: What was decided about it, oldest first.
        zone: The time zone of all times.
        next_date: What is known of the future if `explained` foresees nothing.
        is_whole: Whether all events of the lead are known.
    """
    times = TimeWords(zone, explained.at)
    state = list(state_sentences(explained, times))
    if not is_whole:
        state.append("Older events of this lead are no longer known here, so that counts may be too small.")
    parts: list[tuple[About, Iterable[str]]] = [
        ("state", state),
        ("rule", rule_sentences(explained)),
        ("promise", promise_sentences(explained, times)),
        ("gate", gate_sentences(explained, times)),
        ("decision", _decided(explained, decisions, times)),
        ("next", next_sentences(explained, next_date, times)),
    ]
    return [Sentence(about, text) for about, texts in parts for text in texts]


def zone_of(explained: Explanation) -> ZoneInfo:
    """The time zone of the calendar of the lead's promises, else of any calendar of the policy, else UTC."""
    promised = [one.within for one in explained.promises]
    return _zone_in([*promised, *(_spans(explained.policy) if explained.policy else ())])


def zone_of_policy(policy: Policy) -> ZoneInfo:
    """The time zone of the first calendar of the policy's promises, else UTC."""
    return _zone_in(_spans(policy))


def _zone_in(spans: Iterable[Span | None]) -> ZoneInfo:
    calendars = (calendar_of(span) for span in spans)
    return next((calendar.zone for calendar in calendars if calendar is not None), UTC_ZONE)


def _spans(policy: Policy) -> Iterator[Span | None]:
    for promises in (policy.promises, *(rule.promises for rule in policy.rules)):
        yield from (getattr(promises, name) for name in CLOCKS)


def _decided(explained: Explanation, decisions: Sequence[KnownDecision], times: TimeWords) -> Iterator[str]:
    of_pass = [one for one in decisions if one.pass_no == explained.lead.pass_no]
    if (more := len(of_pass) - MOST_DECISIONS) > 0:
        yield f"Leadloop made {counted(more, 'decision')} before the following ones."
    for one in of_pass[-MOST_DECISIONS:]:
        basis = ", ".join(part for part in (_reason(one), _policy(one, explained.policy)) if part)
        yield f"On {times.on(one.at)}, Leadloop {decision_words(one, 'past', times)}{f' ({basis})' if basis else ''}."


def _reason(one: KnownDecision) -> str:
    return f"reason {reason_words(one.reason)}" if one.reason and one.why != "never" else ""


def _policy(one: KnownDecision, now: Policy | None) -> str:
    if not one.policy_version:
        return ""
    is_other = now is not None and now.version == one.policy_version and _is_edited(one.policy_digest, now.digest)
    return f"policy {one.policy_version}{' before its file was changed' if is_other else ''}"


def _is_edited(digest: str, now: str) -> bool:
    return bool(digest) and bool(now) and digest != now
