"""A small job, which leaves little besides the framework that does it.

A touch comes in, what is known of its lead is kept by key, and the lead is told whenever it got further than ever
before.
"""

import random
from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import FactRecord, LeadContacted, LeadSnapshot
from tests.bench.codec import Fastavro
from tests.bench.job import Job, Outputs, Table
from tests.builders import T0, a_contact

TOPIC = "lead-contacted"
TOLD = "lead-snapshots"
TOUCHES_A_LEAD = 5
REPEATED = 0.01
REMEMBERED = 16
TOUCHED, SPOKEN, MET = 1, 2, 3
STEPS: Mapping[str, int] = {"no_answer": TOUCHED, "voicemail": TOUCHED, "connected": SPOKEN, "meeting_held": MET}


class Known(msgspec.Struct, array_like=True, gc=False):
    """What is known of a lead. `step`: how far it ever got; `ids`: of the newest touches."""

    step: int = 0
    touches: int = 0
    first_at: int = 0
    last_at: int = 0
    ids: list[str] = []


ENCODE = msgspec.msgpack.Encoder().encode
DECODE = msgspec.msgpack.Decoder(Known).decode


def touched(known: Known, touch: LeadContacted) -> LeadSnapshot | None:
    """Take in one touch; what is to be told, if it got the lead further."""
    if touch.event_id in known.ids:
        return None
    known.ids = [*known.ids, touch.event_id][-REMEMBERED:]
    at, step = touch.occurred_at, STEPS[touch.outcome]
    known.touches += 1
    known.first_at = min(known.first_at or at, at)
    known.last_at = max(known.last_at, at)
    if step <= known.step:
        return None
    known.step = step
    return LeadSnapshot(
        lead_id=touch.lead_id,
        occurred_at=at,
        recorded_at=at,
        source="bench",
        stage="working",
        first_touch_at=known.first_at,
        last_touch_at=known.last_at,
        touches=known.touches,
        reached=step,
    )


class SmallJob:
    """Record by record, for the peers; see `job.Job`. One topic needs no merge."""

    inputs = (TOPIC,)

    def __init__(self, prefix: str, number: int, *, is_merged: bool) -> None:
        del is_merged
        self._codec = self.codec()
        self._told, self._number = prefix + TOLD, number

    def codec(self) -> Codec | Fastavro:
        return Codec(Catalogue.bundled())

    def take(self, record: Any, table: Table) -> Outputs:
        outputs, raw = Outputs(), table.get(record.key)
        known = Known() if raw is None else DECODE(raw)
        told = touched(known, self._codec.decode(record.value, LeadContacted))
        table[record.key] = ENCODE(known)
        if told is not None:
            outputs.send(self._told, record.key, self._codec.encode(told), partition=self._number)
        return outputs

    def end(self, topic: str, table: Table) -> Outputs:
        del topic, table
        return Outputs()


class GuideJob(SmallJob):
    """With the codec that one finds, and not with ours."""

    def codec(self) -> Fastavro:
        return Fastavro()


def touches(count: int, seed: int = 1) -> list[FactRecord]:
    """In the order of events, over a fifth as many leads; one in a hundred is told twice."""
    dice, found = random.Random(seed), list[FactRecord]()
    for n in range(count):
        if found and dice.random() < REPEATED:
            found.append(found[-dice.randrange(1, min(len(found), 1000) + 1)])
            continue
        lead = f"lead-{dice.randrange(count // TOUCHES_A_LEAD):08d}"
        found.append(a_contact(lead, T0 + n, outcome=dice.choice([*STEPS])))
    return found


GUIDE = ("small", "guide")
JOBS: Mapping[tuple[str, ...], type[Job | SmallJob]] = {(): Job, ("small",): SmallJob, GUIDE: GuideJob}
"""By the arguments that a peer is started with."""
