"""The job of Leadloop as one writes it record by record, for the peers that it is measured against.

It decodes, dedupes, folds, decides and encodes with the very code of Leadloop, and needs no Faust. What a peer brings
is what carries it: the fetching, the table with its changelog, the sending, the commits.

What it leaves out, in favour of the peers: metrics, the funnel, the check of every key's partition, dead letters, and
deadlines and stream time after a restart.
"""

import time
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple, Protocol

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import Heartbeat
from schemas.headers import traceparent_of
from schemas.topics import INPUTS, TOPICS
from streams.agents.inbound import Inbound
from streams.agents.leads import Milestones, milestones
from streams.agents.outbound import Headers, Outbound
from streams.agents.records import snapshot
from streams.domain.facts import Fact
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Policy

UPSTREAM = ("lead-created", "lead-contacted", "deal-closed")


class Table(Protocol):
    """State by key, as a framework keeps it."""

    def get(self, key: bytes) -> bytes | None: ...
    def __setitem__(self, key: bytes, value: bytes) -> None: ...


class Send(NamedTuple):
    """One record to send; its fields are named as both frameworks name them."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None
    headers: Headers


class Outputs(list[Send]):
    """What one record leads to."""

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        self.append(Send(topic, key, value, partition, headers))


class Deadlines:
    """A heap; an entry that was overtaken is passed over when its time comes."""

    def __init__(self) -> None:
        self._due: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []

    def set(self, key: bytes, due: int | None) -> None:
        if due is None:
            self._due.pop(key, None)
        elif self._due.get(key) != due:
            self._due[key] = due
            heappush(self._heap, (due, key))

    def passed(self, now: int) -> Iterator[tuple[int, bytes]]:
        while self._heap and self._heap[0][0] < now:
            due, key = heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                yield due, key


class Job:
    """The leads of one partition; a call for each record.

    `is_merged`: records come in the order of events, so the newest is the time. Without that, time is as far as every
    upstream topic has been read, for one that is ahead must not break the promises of the others; and one that was
    read to its end has been read up to the heartbeat.
    """

    inputs = INPUTS

    def __init__(self, prefix: str, number: int, *, is_merged: bool) -> None:
        codec = Codec(Catalogue.bundled())
        self._policy = Policy().for_history()
        self._inbound = Inbound(codec, prefix, lambda: time.time_ns() // 1_000_000)
        self._out = Outbound(codec, prefix, number, set(TOPICS), self._policy)
        self._deadlines = Deadlines()
        self._is_merged = is_merged
        self._newest = dict.fromkeys((prefix + name for name in UPSTREAM), 0)
        self._now = self._complete_until = 0

    def take(self, record: Any, table: Table) -> Outputs:
        """Do one record: what is due first, then the fact itself."""
        outputs = Outputs()
        at, value = self._inbound(record)
        self._go_on(self._time(record.topic, at), table, outputs)
        if isinstance(value, Heartbeat):
            self._complete_until = at
        else:
            self._fact(record, value, table, outputs)  # type: ignore[arg-type]  # the bench sends nothing else
        return outputs

    def end(self, topic: str, table: Table) -> Outputs:
        """A topic was read to its end."""
        outputs = Outputs()
        self._go_on(self._time(topic, self._complete_until), table, outputs)
        return outputs

    def _time(self, topic: str, at: int) -> int:
        if self._is_merged:
            return max(self._now, at)
        if topic in self._newest:
            self._newest[topic] = max(self._newest[topic], at)
        return min(self._newest.values())

    def _go_on(self, now: int, table: Table, outputs: Outputs) -> None:
        self._now = now
        for due, key in self._deadlines.passed(now):
            ledger, before = self._load(key, table)
            ledger.tick(self._policy, due + 1)
            self._finish(key, ledger, before, table, outputs, None)

    def _fact(self, record: Any, fact: Fact, table: Table, outputs: Outputs) -> None:
        key = record.key
        ledger, before = self._load(key, table)
        if ledger.add(fact, self._policy, self._now) != "repeat":
            self._finish(key, ledger, before, table, outputs, traceparent_of(record.headers))

    def _load(self, key: bytes, table: Table) -> tuple[LeadFold, Milestones | None]:
        raw = table.get(key)
        if raw is None:
            return LeadFold(key.decode()), None
        ledger = LeadFold(key.decode(), LeadHistory.decode(raw))
        return ledger, milestones(ledger.lead, ledger.deadline(self._policy))

    def _finish(
        self,
        key: bytes,
        ledger: LeadFold,
        before: Milestones | None,
        table: Table,
        outputs: Outputs,
        traceparent: bytes | None,
    ) -> None:
        due = ledger.deadline(self._policy)
        for told in ledger.emissions:
            self._out.emit(outputs, key, ledger.lead_id, told, traceparent)
        if milestones(ledger.lead, due) != before:
            self._out.snapshot(outputs, key, snapshot(ledger.lead_id, ledger.history, due, self._now))
        table[key] = ledger.history.encode()
        self._deadlines.set(key, due and due.due)
