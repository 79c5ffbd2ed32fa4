"""Expands a consumed record: an event into a delivery per endpoint that wants it, a waiting record into one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from schemas.codec import Codec, Undecodable
from schemas.events import LeadEscalated
from schemas.headers import traceparent_of

from ..events import DeliveredEvent, decode_event, is_known, sent_from
from ..target import Endpoint
from .model import ConsumedRecord, RetryState
from .owned_partition import Delivery, OpenRecord, OwnedPartition


class BadRecord(Exception):
    """A record that no delivery can be made of: to be sent to the dead-letter topic, with this reason and detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Expansion:
    """`now` returns epoch ms."""

    endpoints: Mapping[str, Endpoint]
    codec: Codec
    now: Callable[[], int]

    def of_event(self, partition: OwnedPartition, record: OpenRecord) -> list[Delivery]:
        """Return the deliveries of a record of `lead-recycled` or `lead-escalated`.

        Raises:
            BadRecord: it is no event, or one whose action is unknown.
        """
        event = self._event(record.record)
        found = [self._delivery(partition, record, event, endpoint) for endpoint in self.endpoints.values()]
        return [delivery for delivery in found if delivery is not None]

    def of_wait(self, partition: OwnedPartition, record: OpenRecord) -> Delivery:
        """Return the delivery of a record of a waiting topic.

        Raises:
            BadRecord: it is no event, or its retry state cannot be read.
        """
        event = self._event(record.record)
        try:
            retry = RetryState.of(record.record.headers)
        except ValueError as error:
            raise BadRecord("bad_waiting_record", str(error)) from error
        if partition.is_unsure(record.record) and retry.due_at <= self.now():
            retry = replace(retry, may_have_arrived=True)
        is_left_out = self._is_left_out_again(partition, event, retry)
        return Delivery(event, retry, record, partition, _traceparent(record.record), is_left_out)

    def _delivery(
        self, partition: OwnedPartition, record: OpenRecord, event: DeliveredEvent, endpoint: Endpoint
    ) -> Delivery | None:
        """What an event is to an endpoint, if anything. A REVOKE goes wherever its RECYCLE went."""
        target, name = endpoint.target, endpoint.name
        is_left_out = target.leaves_out(event)
        follows = event.action == "REVOKE" and target.takes("REVOKE") and partition.index.has_recycle_of(event, name)
        if not (is_left_out or follows or target.wants(event)):
            return None
        now = self.now()
        held_until = target.held_until(event, now)
        retry = RetryState(
            name,
            published_at=record.record.written_at,
            first_at=max(now, sent_from(event), held_until),
            due_at=held_until,
            why="collected" if held_until else "",
            may_have_arrived=partition.is_unsure(record.record) and not is_left_out,
            held_until=held_until,
        )
        return Delivery(event, retry, record, partition, _traceparent(record.record), is_left_out)

    def _is_left_out_again(self, partition: OwnedPartition, event: DeliveredEvent, retry: RetryState) -> bool:
        """A replay brings back what the filter left out: it stays left out, unless the filter has been changed."""
        endpoint = self.endpoints.get(retry.endpoint)
        if endpoint is None or not retry.replay or not endpoint.target.leaves_out(event):
            return False
        return partition.index.was_never_sent(event, retry.endpoint)

    def _event(self, record: ConsumedRecord) -> DeliveredEvent:
        try:
            event = decode_event(self.codec, record.value)
        except Undecodable as error:
            raise BadRecord(error.reason, error.detail) from error
        if not is_known(event):
            if isinstance(event, LeadEscalated):
                raise BadRecord("bad_escalation", "no escalation_id, or an action that is not known")
            raise BadRecord("bad_recycle", "no recycle_id, or an action that is not known")
        return event


def _traceparent(record: ConsumedRecord) -> str:
    return (traceparent_of(record.headers) or b"").decode()
