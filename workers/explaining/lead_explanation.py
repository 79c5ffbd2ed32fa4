"""Explains a lead from its document in the read model: the values, the decisions, and the sentences."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from schemas.codec import Codec
from schemas.events import LeadRecycled, LeadSnapshot
from streams.domain.deadlines import HELD
from streams.domain.decisions import AtRisk
from streams.domain.explanation import Explanation, explain
from streams.domain.policy import Policy
from workers.read_model.lead_document import LeadDocument
from workers.read_model.rebuilt_lead import decisions_of, rebuilt_lead

from .explanation_sentences import Sentence, explanation_sentences, zone_of
from .known_decision import KnownDecision, published
from .next_sentences import NextDate


class LeadExplanation(NamedTuple):
    """A lead, explained.

    Attributes:
        explained: The values.
        decisions: What was decided about it, oldest first.
        next_date: The next date of the lead that streams has published; None: nothing is due.
        zone: The time zone of the sentences.
        is_whole: Whether all events of the lead are known.
        is_foreseen: Whether `explained` has what happens next. It has not without a policy, nor where events are
            missing and it would contradict the date that streams has published.
        sentences: The explanation in words.
    """

    explained: Explanation
    decisions: list[KnownDecision]
    next_date: NextDate | None
    zone: ZoneInfo
    is_whole: bool
    is_foreseen: bool
    sentences: list[Sentence]


class Explainer:
    """Explains leads under one policy; None: it is not known here.

    Args:
        codec: Decodes the records in documents.
        policy: The policy.
        zone: The time zone of the sentences; None: that of the calendar of the lead's promises, else UTC.
    """

    def __init__(self, codec: Codec, policy: Policy | None, zone: ZoneInfo | None = None) -> None:
        self._codec = codec
        self._policy = policy
        self._zone = zone

    def __call__(self, document: LeadDocument, snapshot: LeadSnapshot, now: int) -> LeadExplanation:
        """Explain the lead of a document as of `now`; `snapshot` is the one in it, decoded."""
        history, is_whole = rebuilt_lead(document, snapshot, self._codec, self._policy)
        explained = explain(snapshot.lead_id, history, self._policy, now)
        next_date = _next_date(snapshot)
        is_foreseen = self._policy is not None and (is_whole or _agrees(explained, next_date))
        if not is_foreseen:
            explained = replace(explained, following=())
        recycled = [self._codec.decode(entry.value, LeadRecycled) for entry in document.recycles]
        decisions = published(decisions_of(document, self._codec), recycled)
        zone = self._zone or zone_of(explained)
        sentences = explanation_sentences(
            explained, decisions, zone, None if is_foreseen else next_date, is_whole=is_whole
        )
        return LeadExplanation(explained, decisions, next_date, zone, is_whole, is_foreseen, sentences)


def _next_date(snapshot: LeadSnapshot) -> NextDate | None:
    if snapshot.due_at is not None:
        return NextDate(snapshot.due_at, snapshot.due_reason)
    return None if snapshot.until is None else NextDate(snapshot.until, HELD)


def _agrees(explained: Explanation, published: NextDate | None) -> bool:
    """Whether what is foreseen comes at the time that streams has published, which is not that of a warning."""
    first = next((step.at for step in explained.following if not isinstance(step.what, AtRisk)), None)
    return first == (None if published is None else max(published.at, explained.at))
