"""What the domain decides about histories without Kafka, workers and faults: the same records, in one go."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from streams.agents.outbound import Headers, Outbound
from streams.domain.fact_of_record import fact_of
from streams.domain.lead import stage
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from tests.published import OUTPUT_RECORDS, Published
from tests.world import CODEC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.events import FactRecord
    from streams.domain.policy import Policy


class _Sent:
    """An output that only keeps what it is sent."""

    def __init__(self) -> None:
        self.published = Published()

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        del key, partition, headers
        assert value is not None
        self.published.add(CODEC.decode(value, OUTPUT_RECORDS[topic]), value)


def decided_in_memory(
    histories: Mapping[str, Sequence[FactRecord]],
    policy: Policy,
    until: int,
    states: Mapping[str, bytes] = MappingProxyType({}),
) -> Published:
    """Take in the facts of each lead in their order, with time in between; at last, time goes on until `until`.

    Args:
        histories: The facts of each lead.
        policy: As for imported history.
        until: Epoch ms.
        states: Of leads that have a state already.
    """
    sent, policy = _Sent(), policy.for_history()
    out = Outbound(CODEC, "", 0, (), policy)
    for lead_id, facts in histories.items():
        ledger = LeadFold(lead_id, LeadHistory.decode(states[lead_id]) if lead_id in states else LeadHistory())
        for record in facts:
            fact = fact_of(record, with_how=policy.says_what_counts)
            ledger.tick(policy, fact.at)
            ledger.add(fact, policy, fact.at)
        ledger.tick(policy, until)
        for emission in ledger.emissions:
            out.emit(sent, lead_id.encode(), lead_id, emission, None)
        sent.published.stage_of[lead_id] = stage(ledger.lead)
    return sent.published
