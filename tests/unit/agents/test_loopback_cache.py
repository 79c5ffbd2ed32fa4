"""Own records that are read back: the same fact as if it had been decoded, and only for the same record."""

import pytest

from schemas.topics import INPUTS
from streams.agents import loopback_cache
from streams.agents.inbound import Inbound
from streams.agents.loopback_cache import LoopbackCache
from streams.agents.outbound import Outbound
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import Stalled
from streams.domain.lead_fold import Emission, LeadFold
from streams.domain.policy import Policy
from streams.engine import FetchedRecord
from tests.builders import DAY, T0, a_created, a_reply
from tests.builders_domain import a_policy, within
from tests.fakes import FakeChunk, Sent, a_fetched_record

from .agent_harness import CODEC, TOPIC_OF

POLICY = a_policy(within(never_contacted=30))


def own_emissions() -> list[Emission]:
    """A stall, its recycle, and the revoke of that."""
    ledger = LeadFold("ada")
    ledger.add(fact_of(a_created("ada")), POLICY, T0)
    ledger.tick(POLICY, T0 + DAY)
    ledger.add(fact_of(a_reply("ada", T0 + 2 * DAY)), POLICY, T0 + 2 * DAY)
    return ledger.emissions


def sent(remembered: LoopbackCache) -> list[Sent]:
    chunk = FakeChunk()
    outbound = Outbound(CODEC, "", 0, set(TOPIC_OF.values()), Policy(), remembered)
    for each in own_emissions():
        outbound.emit(chunk, b"ada", "ada", each, None)
    return chunk.sent


def a_record(one: Sent) -> FetchedRecord:
    return a_fetched_record(one.topic, one.key, one.value, headers=one.headers)


def test_a_cached_fact_equals_the_decoded_one() -> None:
    remembered = LoopbackCache()
    hearing = Inbound(CODEC, "", lambda: T0 + 9 * DAY, loopback=remembered)
    decoding = Inbound(CODEC, "", lambda: T0 + 9 * DAY)
    records = [a_record(one) for one in sent(remembered) if one.topic in INPUTS]
    assert [record.topic for record in records] == ["lead-stalled", "lead-recycled", "lead-recycled"]
    for record in records:
        assert hearing(record) == decoding(record)


def test_a_cached_fact_is_returned_once_and_only_for_its_topic_and_key() -> None:
    remembered, fact = LoopbackCache(), Stalled(T0, "id")
    remembered.expect(("topic", b"ada"), b"1", fact)
    remembered.expect(("topic", b"ada"), b"2", fact)
    assert remembered.pop(("topic", b"ada"), b"1") is fact
    assert remembered.pop(("topic", b"ada"), b"1") is None
    assert remembered.pop(("topic", b"bob"), b"2") is None
    assert remembered.pop(("topic", b"ada"), None) is None


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback_cache, "LIMIT", 2)
    remembered = LoopbackCache()
    for value in (b"1", b"2", b"3"):
        remembered.expect(("topic", b"ada"), value, Stalled(T0, "id"))
    assert remembered.pop(("topic", b"ada"), b"1") is None
    assert remembered.pop(("topic", b"ada"), b"3") is not None
