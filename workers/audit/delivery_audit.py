"""The audit of the deliveries of one lead: what endpoints were owed, and what became of it.

A delivery is finished, waits with a date, or is in progress: deliver has not committed its record. Anything else is
lost. What an endpoint was owed is known only from what it was given before: a filter may have been changed since.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from msgspec import Struct

from schemas.events import DeliveryOutcome, LeadRecycled
from workers.delivery.events import DeliveredEvent
from workers.delivery.target import Target
from workers.read_model.generation import PartitionId

from .delivery_checks import check_outcomes, check_revoke, is_owed, lost
from .delivery_records import DeliveryKey, DeliveryRecords, DeliveryTraces, EventKey, PlacedEvent
from .differences import AuditDifference
from .retention import SLACK_MS

DeliveryState = DeliveryOutcome | Literal["waiting", "in_progress"]
NotJudged = Literal["expired", "before_endpoint", "endpoint_gone"]
"""Why nothing can be said about an event and an endpoint.

expired          the topics no longer hold everything about it
before_endpoint  it is older than all events of its kind that the endpoint was given: the filter may be newer
endpoint_gone    the endpoint is no longer in the endpoints file
"""


class FilteredKind(NamedTuple):
    """What filters look at."""

    endpoint: str
    action: str
    origin: str = ""
    segment: str = ""
    reason: str = ""
    track: str = ""


@dataclass(slots=True)
class DeliveryKnowledge:
    """What is known of the partitions of one number.

    Attributes:
        consumed: The offsets that deliver has committed.
        since: The topics of results and dead letters hold everything that was written at or after it; 0: all.
        given: The first offset of each kind of event of which there is any trace.
    """

    consumed: Mapping[PartitionId, int] = field(default_factory=dict)
    since: int = 0
    given: dict[FilteredKind, int] = field(default_factory=dict)

    def is_consumed(self, place: PartitionId, offset: int) -> bool:
        return offset < self.consumed.get(place, 0)

    def holds(self, written_at: int) -> bool:
        """Whether the topics hold everything that became of what was written then."""
        return not self.since or written_at >= self.since + SLACK_MS

    def note(self, endpoint: str, placed: PlacedEvent) -> None:
        for kind in (kind_of(endpoint, placed.event), FilteredKind(endpoint, placed.event.action)):
            self.given[kind] = min(placed.offset, self.given.get(kind, placed.offset))

    def was_given(self, kind: FilteredKind, offset: int) -> bool:
        """Whether the endpoint was given such an event before this one."""
        return self.given.get(kind, offset) < offset


class DeliveryAudit(Struct, frozen=True, gc=False):
    """The result about the deliveries of one lead.

    Attributes:
        states: The endpoint and the state of each event.
        not_judged: Why nothing can be said about an event and an endpoint, once for each.
        differences: What is wrong.
        due_at: When the first of those that wait is due, epoch ms.
        repeated: The endpoints where an event arrived more than once without a replay, once for each event.
    """

    states: tuple[tuple[str, DeliveryState], ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    differences: tuple[AuditDifference, ...] = ()
    due_at: int | None = None
    repeated: tuple[str, ...] = ()


class DeliveryAuditor:
    """Audits the deliveries of one lead after the other.

    Args:
        filters: What each endpoint wants; None: only what endpoints were given is checked.
    """

    def __init__(self, filters: Mapping[str, Target] | None = None) -> None:
        self._filters = filters

    def audit(
        self, lead_id: str, records: DeliveryRecords, known: DeliveryKnowledge, *, is_certain: bool
    ) -> DeliveryAudit:
        """Compare what endpoints were given with the events.

        Args:
            lead_id: Of the lead.
            records: All of its deliveries.
            known: Of its partitions; what its endpoints were given is added.
            is_certain: Whether all leads of the partitions have been looked at, so `known.given` is complete. Before,
                every missing delivery is a difference.
        """
        return _LeadDeliveries(lead_id, records, known, self._filters, is_certain=is_certain).audit()


class _LeadDeliveries:
    def __init__(
        self,
        lead_id: str,
        records: DeliveryRecords,
        known: DeliveryKnowledge,
        filters: Mapping[str, Target] | None,
        *,
        is_certain: bool,
    ) -> None:
        self._lead_id, self._records, self._known, self._filters = lead_id, records, known, filters
        self._is_certain = is_certain
        self._states: list[tuple[str, DeliveryState]] = []
        self._not_judged: list[NotJudged] = []
        self._differences: list[AuditDifference] = []
        self._due: list[int] = []

    def audit(self) -> DeliveryAudit:
        for key, traces in self._records.deliveries.items():
            self._traced(key, traces)
        for placed in self._records.events.values():
            for endpoint in self._owed_to(placed):
                if DeliveryKey(endpoint, placed.key) not in self._records.deliveries:
                    self._untraced(endpoint, placed)
        repeated = tuple(key.endpoint for key, one in self._records.deliveries.items() if one.is_repeated)
        due_at = min(self._due, default=None)
        return DeliveryAudit(tuple(self._states), tuple(self._not_judged), tuple(self._differences), due_at, repeated)

    def _traced(self, key: DeliveryKey, traces: DeliveryTraces) -> None:
        placed = self._records.events.get(key.event)
        if placed is not None:
            self._known.note(key.endpoint, placed)
        state = self._state(traces, placed)
        if state is not None:
            self._states.append((key.endpoint, state))
        elif placed is None or not self._known.holds(placed.written_at):
            self._not_judged.append("expired")
        else:
            self._differences.append(lost(self._lead_id, key, traces))
        if placed is not None and traces.finals:
            self._differences.extend(self._checked(key, traces, placed))

    def _state(self, traces: DeliveryTraces, placed: PlacedEvent | None) -> DeliveryState | None:
        """The state of a delivery; None if it has none."""
        if traces.finals:
            return (traces.arrived or traces.finals)[-1].result.outcome
        waiting = [one for one in traces.waiting if not self._known.is_consumed(one.place, one.offset)]
        if waiting:
            self._due.append(min(one.due_at for one in waiting))
            return "waiting"
        if placed is not None and not self._known.is_consumed(placed.place, placed.offset):
            return "in_progress"
        return None

    def _checked(self, key: DeliveryKey, traces: DeliveryTraces, placed: PlacedEvent) -> Iterator[AuditDifference]:
        if not self._known.holds(placed.written_at):
            return
        yield from check_outcomes(self._lead_id, key, traces, placed.event)
        if key.event.action == "RECYCLE":
            revoke = EventKey(key.event.event_id, "REVOKE")
            is_revoked = revoke in self._records.events
            of_revoke = self._records.deliveries.get(DeliveryKey(key.endpoint, revoke))
            yield from check_revoke(self._lead_id, key, traces, of_revoke, is_revoked=is_revoked)

    def _owed_to(self, placed: PlacedEvent) -> set[str]:
        """The endpoints that an event should go to: those that want it; a REVOKE also wherever its RECYCLE went."""
        filters = self._filters or {}
        owed = {name for name, target in filters.items() if is_owed(target, placed.event)}
        if placed.event.action == "REVOKE":
            owed |= {name for name in self._recycled_to(placed.key.event_id) if self._takes_revokes(name)}
        return owed

    def _untraced(self, endpoint: str, placed: PlacedEvent) -> None:
        known = self._known
        if not known.is_consumed(placed.place, placed.offset):
            self._states.append((endpoint, "in_progress"))
        elif not known.holds(placed.written_at):
            self._not_judged.append("expired")
        elif reason := self._excuse(endpoint, placed):
            self._not_judged.append(reason)
        else:
            self._differences.append(lost(self._lead_id, DeliveryKey(endpoint, placed.key), None))

    def _excuse(self, endpoint: str, placed: PlacedEvent) -> NotJudged | None:
        """Why an endpoint may rightly not have an event."""
        if self._filters is not None and endpoint not in self._filters:
            return "endpoint_gone"
        is_following = placed.event.action == "REVOKE" and endpoint in self._recycled_to(placed.key.event_id)
        if not self._is_certain or (is_following and self._filters is not None):
            return None
        kind = FilteredKind(endpoint, "REVOKE") if is_following else kind_of(endpoint, placed.event)
        return None if self._known.was_given(kind, placed.offset) else "before_endpoint"

    def _recycled_to(self, recycle_id: str) -> set[str]:
        """Where this RECYCLE arrived."""
        recycle = EventKey(recycle_id, "RECYCLE")
        return {key.endpoint for key, one in self._records.deliveries.items() if key.event == recycle and one.arrived}

    def _takes_revokes(self, endpoint: str) -> bool:
        target = None if self._filters is None else self._filters.get(endpoint)
        return target is None or target.takes("REVOKE")


def kind_of(endpoint: str, event: DeliveredEvent) -> FilteredKind:
    """What the filter of an endpoint sees of an event."""
    track = event.track if isinstance(event, LeadRecycled) else ""
    return FilteredKind(endpoint, event.action, event.origin, event.segment, event.reason, track)
