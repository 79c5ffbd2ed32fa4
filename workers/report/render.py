"""Converts documents of the read model to response models. Pure."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from schemas.codec import Codec
from schemas.events import (
    AnyRecord,
    DeliveryResult,
    LeadDecided,
    LeadEscalated,
    LeadRecycled,
    LeadSnapshot,
    PastPass,
)
from streams.domain.funnel import STEPS
from workers.read_model.escalations import EscalationState, decision_of, escalation_of, escalation_state
from workers.read_model.index import RecycleState, reached_by, recycle_of, states_of
from workers.read_model.lead_document import ENTRY_KINDS, LeadDocument, TimelineEntry
from workers.read_model.listed_facts import ListedFacts, closed_at, facts_of, human_delay_ms, is_at_risk

from . import api_models
from .api_models import instant, optional_instant

KIND_NAMES: tuple[api_models.EventKind, ...] = (
    "created",
    "contacted",
    "stalled",
    "closed",
    "recycled",
    "decided",
    "delivered",
    "escalated",
    "updated",
)
TIMELINE_ENTRIES = 200
_ENVELOPE = frozenset({"lead_id", "event_id", "occurred_at", "recorded_at"})
_INSTANTS = frozenset({"not_before", "idle_since", "until"})


class Renderer:
    """Decodes the records in documents with `codec`, and renders them."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def snapshot(self, document: LeadDocument) -> LeadSnapshot | None:
        value = document.snapshot
        return None if value is None else self._codec.decode(value, LeadSnapshot)

    def facts(self, document: LeadDocument, lead: LeadSnapshot) -> ListedFacts:
        """What the timeline adds to the snapshot."""
        return facts_of(document, lead, self._codec.decode)

    def detail(self, document: LeadDocument, lead: LeadSnapshot, as_of: api_models.AsOf) -> api_models.LeadDetail:
        return api_models.LeadDetail(
            **lead_of(lead, self.facts(document, lead), self.track(document, lead)).__dict__,
            passes=[_pass(one) for one in lead.passes],
            recycled=list(self.recycles(document, lead)),
            escalated=list(self.escalations(document, lead)),
            timeline=[self._event(entry) for entry in list(document.timeline())[-TIMELINE_ENTRIES:]],
            as_of=as_of,
        )

    def recycles(self, document: LeadDocument, lead: LeadSnapshot) -> Iterator[api_models.RecycleModel]:
        """All recycles of a lead that are known, oldest first."""
        events = [self._codec.decode(entry.value, LeadRecycled) for entry in document.recycles]
        results = [self._codec.decode(entry.value, DeliveryResult) for entry in document.deliveries]
        states = states_of(lead, map(recycle_of, events))
        for recycle_id, (state, at) in sorted(states.items(), key=lambda item: (item[1][1], item[0])):
            ours: dict[str, LeadRecycled] = {event.action: event for event in events if event.recycle_id == recycle_id}
            yield _recycle(recycle_id, state, at, lead, ours, [r for r in results if r.recycle_id == recycle_id])

    def track(self, document: LeadDocument, lead: LeadSnapshot) -> str:
        """The track of the recycle that stands; empty if none stands, or if its record expired."""
        events = (self._codec.decode(entry.value, LeadRecycled) for entry in document.recycles if lead.recycle_id)
        ours = (one.track for one in events if one.recycle_id == lead.recycle_id and one.action == "RECYCLE")
        return next(ours, "")

    def escalations(self, document: LeadDocument, lead: LeadSnapshot) -> Iterator[api_models.EscalationModel]:
        """All escalations of a lead that are known, oldest first; warnings (AT_RISK) are only in the timeline."""
        if not document.escalations:
            return
        decisions = [decision_of(self._codec.decode(entry.value, LeadDecided)) for entry in document.decisions]
        for entry in document.escalations:
            record = self._codec.decode(entry.value, LeadEscalated)
            if record.action == "ESCALATE":
                yield _escalation(record, escalation_state(lead, escalation_of(record), decisions))

    def _event(self, entry: TimelineEntry) -> api_models.EventModel:
        record = self._codec.decode(entry.value, ENTRY_KINDS[entry.kind])
        return api_models.EventModel(
            at=instant(entry.at), kind=KIND_NAMES[entry.kind], id=entry.id, fields=dict(_fields(record))
        )


def lead_of(lead: LeadSnapshot, facts: ListedFacts, track: str) -> api_models.LeadModel:
    human = human_delay_ms(lead)
    return api_models.LeadModel(
        lead_id=lead.lead_id,
        stage=lead.stage,
        pass_no=lead.pass_no,
        created_at=optional_instant(lead.created_at),
        origin=lead.origin,
        campaign_id=lead.campaign_id,
        segment=lead.segment,
        owner_id=lead.owner_id,
        account_id=lead.account_id,
        first_touch_at=optional_instant(lead.first_touch_at),
        last_touch_at=optional_instant(lead.last_touch_at),
        last_progress_at=optional_instant(lead.last_progress_at),
        touches=lead.touches,
        steps=_steps(reached_by(lead)),
        stall_id=lead.stall_id,
        stall_reason=lead.stall_reason,
        stalled_at=optional_instant(lead.stalled_at),
        decision=lead.decision,
        until=optional_instant(lead.until),
        recycle_id=lead.recycle_id,
        recycles=lead.recycles,
        due_at=optional_instant(lead.due_at),
        due_reason=lead.due_reason,
        do_not_contact=lead.do_not_contact,
        consent_expires_at=optional_instant(lead.consent_expires_at),
        expected_amount=lead.expected_amount,
        late_facts=lead.late_facts,
        amount=None if facts.amount is None else facts.amount.minor,
        currency="" if facts.amount is None else facts.amount.currency,
        closed_at=optional_instant(closed_at(lead)),
        track=track,
        at_risk=is_at_risk(lead, facts),
        system_delay_seconds=None if facts.system_delay_ms is None else facts.system_delay_ms / 1000,
        human_delay_seconds=None if human is None else human / 1000,
    )


def _steps(reached: int) -> list[str]:
    return [step for step, bit in STEPS.items() if reached & bit]


def _pass(one: PastPass) -> api_models.PassSummary:
    return api_models.PassSummary(
        pass_no=one.pass_no,
        created_at=optional_instant(one.created_at),
        origin=one.origin,
        campaign_id=one.campaign_id,
        owner_id=one.owner_id,
        stall_reason=one.stall_reason,
        steps=_steps(one.reached),
    )


def _recycle(
    recycle_id: str,
    state: RecycleState,
    at: int,
    lead: LeadSnapshot,
    events: Mapping[str, LeadRecycled],
    results: Iterable[DeliveryResult],
) -> api_models.RecycleModel:
    recycle, revoke = events.get("RECYCLE") or LeadRecycled(), events.get("REVOKE")
    return api_models.RecycleModel(
        recycle_id=recycle_id,
        lead_id=lead.lead_id,
        state=state,
        at=instant(at),
        reason=recycle.reason,
        track=recycle.track,
        not_before=optional_instant(recycle.not_before),
        expires_at=optional_instant(recycle.expires_at),
        pass_no=recycle.pass_no,
        origin=recycle.origin,
        campaign_id=recycle.campaign_id,
        segment=recycle.segment,
        revoked_at=None if revoke is None else instant(revoke.occurred_at),
        cause="" if revoke is None else revoke.cause,
        deliveries=[_delivery(result) for result in results],
    )


def _escalation(record: LeadEscalated, state: EscalationState) -> api_models.EscalationModel:
    return api_models.EscalationModel(
        escalation_id=record.escalation_id,
        lead_id=record.lead_id,
        state=state,
        at=instant(record.occurred_at),
        until=optional_instant(record.until),
        reason=record.reason,
        owner_id=record.owner_id,
        lead_owner_id=record.lead_owner_id,
        pass_no=record.pass_no,
        origin=record.origin,
        campaign_id=record.campaign_id,
        segment=record.segment,
        account_id=record.account_id,
    )


def _delivery(result: DeliveryResult) -> api_models.DeliveryModel:
    return api_models.DeliveryModel(
        endpoint=result.endpoint,
        action=result.action,
        outcome=result.outcome,
        attempts=result.attempts,
        status=result.status,
        at=instant(result.occurred_at),
        detail=result.detail,
    )


def _fields(record: AnyRecord) -> Iterator[tuple[str, object]]:
    """The fields of a record without its ids, times and defaults."""
    for one in msgspec.structs.fields(record):
        value = getattr(record, one.name)
        if one.name in _ENVELOPE or value == one.default:
            continue
        yield one.name, _rendered(one.name, value)


def _rendered(name: str, value: object) -> object:
    if isinstance(value, int) and (name.endswith("_at") or name in _INSTANTS):
        return api_models.rfc3339(instant(value))
    return value
