"""The audit of a live loop: leads, deliveries and the read model balance, and what is changed by hand is named."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from tests.component.projection.harness import Process
from tests.component.scenarios.live_loop import LiveLoop, ScenarioLead, ago
from tests.waiting import wait_for
from tests.world import CODEC
from workers.read_model.redis_keys import Generation, Keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.audited import AuditOfWorld

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def lead(loop: LiveLoop) -> ScenarioLead:
    """A lead that was handed back, taken away again, and lost again; marketing has heard of it all."""
    lead = ScenarioLead(loop, "audited")
    lead.post("lead-created", ago(3), origin="web")
    lead.post("lead-stalled", ago(2.5), reason="bad_timing")
    lead.wait_received("RECYCLE right-time")
    lead.post("lead-contacted", ago(2), by="lead", activity="email", direction="inbound", outcome="replied")
    lead.wait_received("RECYCLE right-time", "REVOKE moved")
    lead.post("lead-stalled", ago(1.5), reason="bad_timing")
    lead.wait_received("RECYCLE right-time", "REVOKE moved", "RECYCLE right-time")
    return lead


def compared(loop: LiveLoop) -> AuditOfWorld:
    """An audit for which project has processed everything."""
    found: list[AuditOfWorld] = []

    def is_whole() -> bool:
        found[:] = [loop.audit()]
        return dict(found[0].result.read_model) == {"compared": found[0].result.leads}

    wait_for(is_whole, 60, "the read model is up to date")
    return found[0]


@contextmanager
def in_redis(loop: LiveLoop) -> Iterator[tuple[Redis, Generation]]:
    redis, keys = Redis.from_url(loop.env()["REDIS_URL"]), Keys(loop.world.app_id)
    yield redis, keys.generation(int(redis.get(keys.current)))  # type: ignore[arg-type]  # bytes
    redis.close()


def named(found: AuditOfWorld) -> list[tuple[str, str, str, str]]:
    return [(one.kind, one.what, one.found, one.expected) for one in found.differences]


def test_deliveries_and_the_read_model_balance(loop: LiveLoop, lead: ScenarioLead) -> None:
    assert lead.wait_settled("REVOKE") == ["accepted"]
    found = compared(loop)
    assert named(found) == []
    assert found.result.deliveries == {("marketing", "accepted"): 3}


def test_a_lead_that_is_missing_in_a_list_and_a_count_that_is_wrong_are_named(
    loop: LiveLoop, lead: ScenarioLead
) -> None:
    compared(loop)
    with in_redis(loop) as (redis, generation):
        stage, row = generation.list("stage:nurture"), generation.count("origin", "web")
        redis.zrem(stage, lead.lead_id)
        redis.zrem(generation.list("track:right-time"), lead.lead_id)
        redis.hincrby(row, "1/touched", 5)
        found = loop.audit()
        redis.zadd(stage, {lead.lead_id: 0})
        redis.zadd(generation.list("track:right-time"), {lead.lead_id: 0})
        redis.hincrby(row, "1/touched", -5)
    assert named(found) == [
        ("read_model", "list stage:nurture", "without the lead", "with it"),
        ("read_model", "list track:right-time", "without the lead", "with it"),
        ("read_model", "leads in stage nurture", "0", "1"),
        ("read_model", "funnel: touched of origin web", "6", "1"),
    ]
    assert named(loop.audit()) == []


def test_a_document_that_is_gone_is_named(loop: LiveLoop, lead: ScenarioLead) -> None:
    compared(loop)
    with in_redis(loop) as (redis, generation):
        key = generation.lead(lead.lead_id)
        document = redis.get(key)
        redis.delete(key)
        found = loop.audit()
        redis.set(key, document)  # type: ignore[arg-type]  # bytes
    assert named(found) == [("read_model", "lead", "missing", "of stage nurture")]


def test_an_endpoint_that_is_newer_than_the_events_is_not_judged(loop: LiveLoop, lead: ScenarioLead) -> None:
    compared(loop)
    path = loop.world.folder / "endpoints.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("  marketing:", "  another: {kind: kafka, topic: another}\n  marketing:"), encoding="utf-8"
    )
    found = loop.audit()
    path.write_text(text, encoding="utf-8")
    assert named(found) == []
    assert found.result.not_judged == {"before_endpoint": 3}
    assert lead.outcomes("RECYCLE") == ["accepted", "accepted"]


def test_the_process_exports_the_last_result(loop: LiveLoop, lead: ScenarioLead) -> None:
    compared(loop)
    env = loop.world.env(**loop.env())
    audit = Process(loop.world.folder / "audit.log", env, "workers.cli", "audit", "--every", "1m")
    try:
        wait_for(lambda: audit.metric("audit_completed_timestamp_seconds") > 0, 60, "an audit is complete")
        assert audit.metric("audit_leads", result="balanced") == 1, lead.lead_id
        assert audit.metric("audit_differences", kind="read_model") == 0
        assert audit.get("/readyz") == (200, "ready\n")
        audit.process.terminate()
        assert audit.ended() == 0, audit.said()
    finally:
        audit.kill()


def test_what_is_damaged_in_kafka_is_named_for_all_that_read_it(loop: LiveLoop, lead: ScenarioLead) -> None:
    """The last one of this module, because the scenarios' audit at its end must balance: the record is repaired."""
    snapshot = lead.snapshot()
    assert snapshot is not None
    compared(loop)
    loop.world.send_raw("lead-snapshots", lead.lead_id, CODEC.encode(type(snapshot)(lead_id=lead.lead_id)))
    loop.world.flush()
    found = compared(loop)
    loop.world.send_raw("lead-snapshots", lead.lead_id, CODEC.encode(snapshot))
    loop.world.flush()
    assert "stage" in {kind for kind, _, _, _ in named(found)}
    assert "read_model" not in {kind for kind, _, _, _ in named(found)}
    assert named(compared(loop)) == []
