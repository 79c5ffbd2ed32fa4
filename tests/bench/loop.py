"""What the loop of one partition costs, without Kafka, and which part takes it.

Everything is real but the broker and the store: encoded records in, encoded outputs, state and snapshots out.
By itself: `python -m tests.bench.loop`
"""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import FactRecord
from schemas.topics import TOPICS
from streams.agents.inbound import Inbound, Value
from streams.agents.leads import Leads
from streams.agents.loop import PartitionLoop
from streams.agents.loop_rules import Rules
from streams.agents.outbound import Outbound
from streams.agents.policy_switch import PolicyInForce
from streams.domain.funnel import Funnel
from streams.domain.policy import Policy
from streams.engine import Item, MemoryStore, TimerWheel
from streams.engine.garbage_collector import collect_rarely
from streams.policy_file import parse_policy
from streams.runtime.settings import Settings
from streams.runtime.tracing import Tracing
from tests.builders import DAY, T0, a_contact, a_created, a_loss, a_win

LEADS = 10_000
CHUNK = Settings.chunk_records
TOPIC_OF = {topic.record: name for name, topic in TOPICS.items() if topic.record is not None}
CODEC = Codec(Catalogue.bundled())
NOW = T0 + 400 * DAY


@dataclass
class Sheet:
    """A chunk whose writes stay here."""

    state: dict[bytes, bytes]
    records: list[Item[Value]] = field(default_factory=list)
    complete_until: int = 0
    current: Item[Value] | None = None
    sent: int = 0

    def get(self, key: bytes) -> bytes | None:
        return self.state.get(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        assert value is not None
        self.state[key] = value

    def send(self, *_: Any, **__: Any) -> None:
        self.sent += 1


def history(leads: int = LEADS, seed: int = 1) -> list[FactRecord]:
    """Facts in the order of events: created, up to four touches, three in ten closed."""
    dice = random.Random(seed)
    facts: list[FactRecord] = []
    for n in range(leads):
        at, lead = T0 + dice.randrange(60 * DAY), f"lead-{n:08d}"
        facts.append(a_created(lead, at, origin=dice.choice("abcdef")))
        for _ in range(dice.randrange(5)):
            at += dice.randrange(3 * DAY)
            facts.append(a_contact(lead, at, outcome=dice.choice(["no_answer", "connected", "voicemail"])))
        if dice.random() < 0.3:
            facts.append(dice.choice([a_win, a_loss, a_loss])(lead, at + DAY))
    return sorted(facts, key=lambda fact: fact.occurred_at)


def fetched(facts: list[FactRecord]) -> list[Any]:
    """As Kafka would hand them out."""
    return [
        SimpleNamespace(
            topic=TOPIC_OF[type(fact)],
            partition=0,
            offset=n,
            key=fact.lead_id.encode(),
            value=CODEC.encode(fact),
            headers=(),
        )
        for n, fact in enumerate(facts)
    ]


def loop(policy: Policy, tracing: Tracing | None = None) -> PartitionLoop:
    funnel = Funnel()
    in_force = PolicyInForce(policy)
    rules = Rules(in_force, partitions=1, is_live=False, grace_ms=0, wall_ms=lambda: NOW, tracing=tracing)
    outbound = Outbound(CODEC, "", 0, set(TOPICS), policy)
    leads = Leads(policy, 64, funnel, 100_000)
    return PartitionLoop(0, rules, TimerWheel(0), leads, funnel, outbound, MemoryStore(0).items)


def chunks(items: list[Item[Value]], size: int) -> Iterator[list[Item[Value]]]:
    return (items[at : at + size] for at in range(0, len(items), size))


RULE = """
  - name: rule {n}
    when: {{origin: ["{origin}", "partner-{n}-*"], segment: ["s{n}", "enterprise*", ""], pass: "{least}+"}}
    promises:
      never_contacted: {hours} business hours on office
      no_follow_up: 5 business days on late
"""
MANY_RULES = """
version: many rules
calendars:
  office: {timezone: Europe/Berlin, hours: {mon-fri: "09:00-12:30, 13:30-18:00"}}
  late: {timezone: America/New_York, hours: {mon-fri: "10:00-20:00"}}
promises:
  never_contacted: 16 business hours on office
  no_follow_up: 5 business days on late
  no_progress: 22 business days on office
rules:
"""


def many_rules(count: int = 50) -> Policy:
    """A policy as a large company has it: so many rules, and business time on two calendars.

    Its promises are about as long as those of the default policy, so that the loop emits about as much.
    """
    rules = (RULE.format(n=n, origin="abcdef"[n % 6], least=max(1, 3 - n // 6), hours=14 + n % 4) for n in range(count))
    return parse_policy(MANY_RULES + "".join(rules), "many rules")


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU, the least of three rounds; outputs, and bytes of state, of one round."""

    decoded: float
    worked: float
    sent: int
    size: int


def cost(records: list[Any], policy: Policy) -> Cost:
    """Run the facts through a loop with this policy."""
    inbound = Inbound(CODEC, "", lambda: NOW)
    decoded, worked, sheet = [], [], Sheet({})
    for _ in range(3):
        begun = time.process_time()
        items = [Item(*inbound(record), record) for record in records]
        decoded.append(time.process_time() - begun)
        sheet, subject = Sheet({}), loop(policy.for_history())
        begun = time.process_time()
        for run in chunks(items, CHUNK):
            sheet.records = run
            asyncio.run(subject.run(sheet))  # type: ignore[arg-type]  # a sheet is a chunk as far as the loop sees
        worked.append(time.process_time() - begun)
    return Cost(min(decoded), min(worked), sheet.sent, sum(map(len, sheet.state.values())))


def main() -> None:
    """Print the cost a fact, best of three rounds, with the default policy and with one of many rules."""
    collect_rarely()  # as a worker does
    records = fetched(history())
    plain, rich, each = cost(records, Policy()), cost(records, many_rules()), 1e6 / len(records)
    share = plain.decoded / (plain.decoded + plain.worked)
    ratio = (plain.decoded + plain.worked) / (rich.decoded + rich.worked)
    print(
        f"loop of one partition, without Kafka: {len(records):,} facts of {LEADS:,} leads in chunks of {CHUNK:,}.\n"
        "  CPU of this process, least of 3 rounds. The machine is shared: only the ratios of one run count.\n"
        f"  decode   {plain.decoded * each:6.1f} µs a fact, {share:.0%} of both\n"
        f"  loop     {plain.worked * each:6.1f} µs a fact, {plain.sent / len(records):.2f} outputs each\n"
        f"  state    {plain.size / LEADS:6.0f} bytes a lead\n"
        f"  50 rules on two calendars: loop {rich.worked * each:.1f} µs a fact, {rich.sent / len(records):.2f} outputs"
        f" each; {ratio:.2f} of the facts a second"
    )


if __name__ == "__main__":
    main()
