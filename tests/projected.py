"""What tests of the read model share: logs made up, a log in memory, and all that Redis holds of a model."""

import random
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from prometheus_client import CollectorRegistry

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import AnyRecord, DeliveryResult, LeadDecided, LeadEscalated, LeadRecycled, LeadSnapshot
from schemas.topics import TOPIC_OF, partition_of
from streams.agents.records import snapshot
from streams.domain.decisions import AtRisk, Recycle, Revoke
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import Stalled
from streams.domain.lead_fold import LeadFold
from streams.domain.policy import Policy
from streams.policy_file import parse_policy
from tests.builders import DAY, T0, a_contact, a_created, a_loss, a_reply, a_stall, a_win
from workers.projection.fold import DocumentFold
from workers.projection.log import LogBatch, LogRecord
from workers.projection.metrics import ProjectMetrics
from workers.projection.record_decoder import RecordDecoder
from workers.projection.store import ModelStore
from workers.projection.worker import ProjectWorker
from workers.read_model.generation import PartitionId
from workers.read_model.redis_keys import Keys

if TYPE_CHECKING:
    from redis import Redis

CODEC = Codec(Catalogue.bundled())
TURNS = 2000
POLICY = parse_policy(
    """
version: test
promises: {never_contacted: 3 days, no_follow_up: 7 days, no_progress: 30 days, max_attempts: 4}
reasons: {price: {track: offer, delay: 5 days}, invalid: never}
limits: {max_recycles: off, max_age: off, cooldown: 0 days}
""",
    "policy",
).for_history()

Records = dict[PartitionId, list[LogRecord]]


class LogOf(NamedTuple):
    """A log, and the last snapshot of each lead in it."""

    records: Records
    leads: dict[str, LeadSnapshot]


def a_log(dice: random.Random, leads: int, partitions: int = 2) -> LogOf:
    """What Kafka holds after these many leads lived: facts, decisions, snapshots, deliveries, some told twice."""
    log: Records = {}
    last = {}
    for number in range(leads):
        lead_id = f"lead-{number}"
        for record in _life(lead_id, dice):
            topic = TOPIC_OF[type(record)].name
            place = PartitionId(topic, partition_of(lead_id.encode(), partitions))
            for _ in range(1 + (dice.random() < 0.1 and not isinstance(record, LeadSnapshot))):
                append(log, place, lead_id, record)
            if isinstance(record, LeadSnapshot):
                last[lead_id] = record
    return LogOf(log, last)


def append(log: Records, place: PartitionId, lead_id: str, record: AnyRecord | None) -> None:
    kept = log.setdefault(place, [])
    value = None if record is None else CODEC.encode(record)
    kept.append(LogRecord(place, len(kept), T0 + 1000 * DAY, lead_id.encode(), value))


def _life(lead_id: str, dice: random.Random) -> Iterable[AnyRecord]:
    """One lead as streams would tell of it: its facts, what was decided, and a snapshot after each."""
    ledger, at = LeadFold(lead_id), T0 + dice.randrange(100 * DAY)
    for n in range(dice.choice([1, 2, 4, 9])):
        make: Callable[..., Any] = dice.choice([a_contact] * 3 + [a_reply, a_loss, a_stall, a_created])
        if n == 0:
            make = a_created
        fact = make(lead_id, at, event_id=f"{lead_id} {n}", **_described(make, dice), **_priced(make, lead_id, n))
        yield fact
        ledger.add(fact_of(fact), POLICY, at)
        at += dice.randrange(1, 20 * DAY)
        ledger.tick(POLICY, at)
        yield from _told(ledger, dice)
        yield from _escalated(snapshot(lead_id, ledger.history, ledger.deadline(POLICY), at))
    if dice.random() < 0.2:
        fact = a_win(lead_id, at, event_id=f"{lead_id} won", **_priced(a_win, lead_id, -1))
        yield fact
        ledger.add(fact_of(fact), POLICY, at)
        yield from _told(ledger, dice)
        yield snapshot(lead_id, ledger.history, ledger.deadline(POLICY), at)


def _escalated(now: LeadSnapshot) -> Iterable[AnyRecord]:
    """A snapshot; sometimes its stall was escalated first, and sometimes it was decided about that again."""
    dice = random.Random(f"{now.lead_id} {now.occurred_at}")
    if not now.stall_id or dice.random() < 0.5:
        yield now
        return
    facts: dict[str, Any] = {"lead_id": now.lead_id, "occurred_at": now.occurred_at, "stall_id": now.stall_id}
    name = f"{now.lead_id} escalated {now.occurred_at}"
    yield LeadEscalated(event_id=name, escalation_id=name, action="ESCALATE", owner_id=now.owner_id, **facts)
    yield LeadDecided(event_id=name, decision="ESCALATE", **facts)
    if dice.random() < 0.5:
        yield msgspec.structs.replace(now, decision="ESCALATE", until=now.occurred_at + DAY)
        return
    later = {**facts, "occurred_at": now.occurred_at + 1}
    yield LeadDecided(event_id=f"{name} again", decision="RETIRE", **later)
    yield msgspec.structs.replace(now, decision="RETIRE")


def _described(make: Callable[..., Any], dice: random.Random) -> dict[str, str]:
    if make is not a_created:
        return {}
    return {
        "origin": dice.choice(["web", "fair", "webinar"]),
        "campaign_id": dice.choice(["", "spring", "autumn"]),
        "owner_id": dice.choice(["ann", "bob"]),
    }


def _priced(make: Callable[..., Any], lead_id: str, n: int) -> dict[str, Any]:
    dice = random.Random(f"{lead_id} costs {n}")
    money = {"currency": dice.choice(["EUR", "USD", ""])}
    if make is a_created:
        money["segment"] = dice.choice(["smb", "enterprise", ""])
    if make not in (a_created, a_win) or dice.random() < 0.3:
        return {}
    return {**money, "expected_amount" if make is a_created else "amount": dice.randrange(10**6)}


def _told(ledger: LeadFold, dice: random.Random) -> Iterable[AnyRecord]:
    from streams.agents import records  # noqa: PLC0415  # only to make what streams would write

    for told in ledger.emissions:
        what = told.what
        if isinstance(what, AtRisk):
            continue  # the policy warns of nothing
        if isinstance(what, Stalled):
            yield records.stalled(ledger.lead_id, what)
            continue
        yield records.decided(ledger.lead_id, what, told.lead, Policy(version="test"))
        if isinstance(what, Recycle | Revoke):
            make: Any = records.recycled if isinstance(what, Recycle) else records.revoked
            event: LeadRecycled = make(ledger.lead_id, what, told.lead)
            yield event
            yield from _delivered(event, dice)
    ledger.emissions.clear()


def _delivered(event: LeadRecycled, dice: random.Random) -> Iterable[DeliveryResult]:
    for attempt in range(dice.choice([0, 1, 2])):
        yield DeliveryResult(
            endpoint=dice.choice(["hubspot", "webhook"]),
            recycle_id=event.recycle_id,
            action=event.action,
            lead_id=event.lead_id,
            occurred_at=event.occurred_at + 1000 * attempt,
            outcome=dice.choice(["retry", "accepted", "dead"]),
            attempts=attempt + 1,
        )


class MemoryLog:
    """A log in memory in place of Kafka's: gives runs of any size from any of its places, or of those `assigned`."""

    def __init__(
        self, records: Records, dice: random.Random, most: int = 20, assigned: Iterable[PartitionId] | None = None
    ) -> None:
        self.records = records
        self.assigned = frozenset(records if assigned is None else assigned)
        self.is_positioned = False
        self.is_member = True
        self.is_spare = False
        self._dice = dice
        self._most = most
        self._at: dict[PartitionId, int] = {}

    def take(self, seconds: float, most: int = 0) -> LogBatch:  # noqa: ARG002  # as the log of Kafka is asked
        if not self.is_positioned:
            return LogBatch([], {})
        taken: list[LogRecord] = []
        for place in self._dice.sample(sorted(self.assigned), self._dice.randint(1, len(self.assigned))):
            some = self.records[place][self._at[place] :][: self._dice.randint(1, self._most)]
            self._at[place] += len(some)
            taken.extend(some)
        ends = {place: at for place, at in self._at.items() if at == len(self.records[place])}
        return LogBatch(taken, ends)

    def seek(self, positions: Mapping[PartitionId, int | None]) -> None:
        self._at = {place: at or 0 for place, at in positions.items()}
        self.is_positioned = True

    def pause(self) -> None:
        self.is_positioned = False

    def ends(self, places: Iterable[PartitionId] | None = None) -> dict[PartitionId, int]:
        return {place: len(self.records[place]) for place in places or self.records}

    def request_ends(self, places: Iterable[PartitionId]) -> dict[PartitionId, Future[Any]]:
        futures: dict[PartitionId, Future[Any]] = {}
        for place in places:
            futures[place] = Future()
            futures[place].set_result(type("End", (), {"offset": len(self.records[place])})())
        return futures

    def refresh_leaders(self) -> None:
        """Nothing is ever refused here."""

    def cluster(self) -> str:
        return "cluster"

    def commit(self, positions: Mapping[PartitionId, int]) -> None:
        """Nobody reads it."""

    def close(self) -> None:
        """Nothing is open."""

    @property
    def is_at_end(self) -> bool:
        return self.is_positioned and all(at == len(self.records[place]) for place, at in self._at.items())


def a_worker(
    log: Any,
    redis: Any,
    app_id: str,
    *,
    is_rebuilding: bool = False,
    fold: DocumentFold | None = None,
    registry: CollectorRegistry | None = None,
) -> ProjectWorker:
    """A worker as it is wired, but for its log."""
    metrics = ProjectMetrics(registry or CollectorRegistry())
    return ProjectWorker(
        log,
        ModelStore(redis, app_id),
        RecordDecoder(CODEC),
        fold or DocumentFold(CODEC),
        metrics,
        is_rebuilding=is_rebuilding,
    )


def a_turn(worker: ProjectWorker) -> None:
    """One turn, which looks at everything that is looked at once a second."""
    worker._checked_at = -1e9  # noqa: SLF001
    worker.step()


def work(worker: ProjectWorker, log: MemoryLog) -> None:
    """Turn until everything is in and read."""
    for _ in range(TURNS):
        a_turn(worker)
        if log.is_at_end and not worker.missing:
            return
    raise AssertionError(f"not done after {TURNS} turns: {worker.missing}")


def project(records: Records, redis: Any, app_id: str, dice: random.Random, **how: Any) -> None:
    """A worker of its own, for as long as it has to do."""
    log = MemoryLog(records, dice)
    work(a_worker(log, redis, app_id, **how), log)


def content(redis: "Redis", app_id: str, number: int | None = None) -> dict[str, Any]:
    """All that readers may see of a generation (of the current one): keys to values, without counts of nought."""
    keys = Keys(app_id)
    client: Any = redis
    generation = keys.generation(int(client.get(keys.current)) if number is None else number)
    asked: list[str] = []
    with client.pipeline(transaction=False) as pipe:
        for raw in client.scan_iter(match=generation.prefix + "*", count=1000):
            name = raw.decode().removeprefix(generation.prefix)
            if name.startswith(("lead:", "pos:")):
                pipe.get(raw)
            elif name.startswith("count:"):
                pipe.hgetall(raw)
            elif name.startswith("list:") and not name.startswith("list:rows:"):
                pipe.zrange(raw, 0, -1, withscores=name.startswith(("list:by:", "list:top:")))
            else:
                continue
            asked.append(name)
        found = dict(zip(asked, pipe.execute(), strict=True))
    for name, value in found.items():
        if name.startswith("count:"):
            found[name] = {field: int(n) for field, n in value.items() if int(n)}
        if name.startswith("list:top:"):
            found[name] = [one for one in value if one[1]]
    return {name: value for name, value in found.items() if value}
