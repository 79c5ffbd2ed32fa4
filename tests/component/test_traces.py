"""Traces in a real collector: from a form to the marketing tool, from an import, and while no collector answers."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import yaml

from schemas.headers import traceparent_of
from tests.as_user import environment, run
from tests.builders import a_stall
from tests.component.projection.harness import Process
from tests.kafka import Broker, free_ports
from tests.kafka_records import messages, read_all
from tests.otlp_collector import Collector, ReceivedSpan, collector
from tests.running_system import SECRET
from tests.waiting import STREAMS_GRACE, wait_for
from tests.world import World
from workers.http.keys import digest_of, new_key

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the collector is a program for Linux")

KEY = new_key()
TRACE_ID = "ab" * 16
SAMPLED, UNSAMPLED = f"00-{TRACE_ID}-{'cd' * 8}-01", f"00-{'ef' * 16}-{'cd' * 8}-00"


class TracedSystem:
    """ingest, streams, deliver and a receiver, with traces to a collector."""

    def __init__(self, world: World, folder: Path, redis_url: str, stack: ExitStack, endpoint: str) -> None:
        receiver = stack.enter_context(_started(Process(folder / "receiver.log", {}, *_receiver(free_ports(1)[0]))))
        wait_for(lambda: "ready" in receiver.said(), 30, "the receiver is ready")
        self.receiver = f"http://127.0.0.1:{receiver.said().split()[-1]}"
        (folder / "keys.yml").write_text(
            yaml.safe_dump({"sources": {"crm": {"keys": [digest_of(KEY)], "scopes": ["ingest"]}}})
        )
        webhook = {
            "kind": "webhook", "url": self.receiver, "allow_http": True, "ports": [int(self.receiver.split(":")[-1])],
            "secrets": [{"env": "LEADLOOP_TEST_SECRET"}],
        }  # fmt: skip
        (folder / "endpoints.yml").write_text(
            yaml.safe_dump({"allow_networks": ["127.0.0.0/8"], "endpoints": {"nurture": webhook}})
        )
        env = world.env(
            LEADLOOP_CLOCK="wall", LEADLOOP_GRACE_SECONDS="0.5", LEADLOOP_KEYS_FILE=str(folder / "keys.yml"),
            LEADLOOP_ENDPOINTS_FILE=str(folder / "endpoints.yml"), LEADLOOP_TEST_SECRET=SECRET,
            LEADLOOP_INGEST_PORT="0", LEADLOOP_DATA_DIR=str(folder / "state"), REDIS_URL=redis_url,
            OTEL_BSP_SCHEDULE_DELAY="200", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        )  # fmt: skip
        commands = {"streams": ("streams",), "ingest": ("workers.cli", "ingest"), "deliver": ("workers.cli", "deliver")}
        self.processes = {
            name: stack.enter_context(_started(Process(folder / f"{name}.log", env, *command)))
            for name, command in commands.items()
        }
        for process in self.processes.values():
            process.wait_ready(60)

    def post(self, traceparent: str = "", **event: str) -> None:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "traceparent": traceparent}
        body = json.dumps({"occurred_at": time.strftime("%FT%TZ", time.gmtime()), **event}).encode()
        address = f"{self.processes['ingest'].address()}/v1/events"
        with urlopen(Request(address, body, headers), timeout=30) as response:  # noqa: S310  our own
            assert response.status == 202

    def stall(self, lead: str, traceparent: str = "") -> None:
        """A lead that sales gives back at once: it is recycled."""
        self.post(kind="lead-created", lead_id=lead, origin="webinar")
        self.post(traceparent, kind="lead-stalled", lead_id=lead, reason="no_capacity")

    def tries(self) -> list[dict[str, Any]]:
        with urlopen(f"{self.receiver}/_seen", timeout=30) as response:  # noqa: S310  our own
            return list(json.load(response)["tries"])


def _receiver(port: int) -> tuple[str, ...]:
    return ("tests.simulators.receiver", "--port", str(port), "--secret", SECRET)


@contextmanager
def _started(process: Process) -> Iterator[Process]:
    try:
        yield process
    finally:
        process.kill()


@pytest.fixture
def received(tmp_path: Path) -> Iterator[Collector]:
    with collector(tmp_path) as running:
        yield running


def test_a_trace_leads_from_the_request_over_streams_to_the_receiver(
    real_kafka: Broker, redis_url: str, tmp_path: Path, received: Collector
) -> None:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    with ExitStack() as stack:
        system = TracedSystem(world, tmp_path, redis_url, stack, received.endpoint)
        streams = system.processes["streams"].process
        streams.send_signal(
            signal.SIGSTOP
        )  # one chunk has all events of a lead, the first of which has a trace of its own
        system.stall("grace", SAMPLED)
        system.stall("heidi", UNSAMPLED)
        streams.send_signal(signal.SIGCONT)
        wait_for(lambda: len(system.tries()) == 2, 60, "the receiver was called for both")
        spans = wait_for(lambda: _of_the_trace(received), 30, "all spans of the trace are exported")
        wait_for(lambda: _chunks(received, spans["POST /v1/events"]), 30, "the chunk that had it")
        tried = {one["traceparent"] for one in system.tries()}
    post, decide, deliver = (spans[name] for name in ("POST /v1/events", "streams decide", "deliver"))
    (chunk,) = _chunks(received, post)
    assert [one.service.removeprefix("leadloop-") for one in (post, decide, chunk, deliver)] == [
        "ingest", "streams", "streams", "deliver",
    ]  # fmt: skip
    assert [one.parent_id for one in (post, decide, deliver)] == ["cd" * 8, post.span_id, decide.span_id]
    assert post.attributes["http.response.status_code"] == "202"
    assert deliver.attributes["leadloop.endpoint"] == "nurture"
    assert deliver.attributes["leadloop.outcome"] == "accepted"
    assert tried == {f"00-{TRACE_ID}-{deliver.span_id}-01", UNSAMPLED}, "what is not sampled is passed on unchanged"
    assert UNSAMPLED.split("-")[1] not in {span.trace_id for span in received.spans()}
    assert not any(span.is_error for span in received.spans())
    assert not {"grace", "heidi"} & {word for span in received.spans() for word in span.attributes.values()}


def _of_the_trace(received: Collector) -> dict[str, ReceivedSpan]:
    """The spans of one event each, by name; empty as long as one is missing."""
    found = {span.name: span for span in received.spans() if span.trace_id == TRACE_ID}
    return found if {"POST /v1/events", "streams decide", "deliver"} <= found.keys() else {}


def _chunks(received: Collector, post: ReceivedSpan) -> list[ReceivedSpan]:
    """Of the chunks that had the event: a chunk belongs to the first sampled trace in it, and links to the others."""
    return [
        span
        for span in received.spans()
        if span.name == "streams chunk" and post.span_id in (span.parent_id, *span.links)
    ]


def test_the_facts_of_an_import_belong_to_its_traces(real_kafka: Broker, tmp_path: Path, received: Collector) -> None:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    (tmp_path / "ada.csv").write_text("lead,when\n" + "".join(f"l{n},2026-03-02T09:00:{n:02}Z\n" for n in range(5)))
    (tmp_path / "ada.yml").write_text(
        "source: example\ntables:\n  ada:\n    files: ada.csv\n    facts:\n"
        "      - {kind: lead-created, lead_id: lead, occurred_at: when, origin: {constant: website}}\n"
    )
    env = world.env(OTEL_EXPORTER_OTLP_ENDPOINT=received.endpoint)
    run(environment(**env), tmp_path, "import", "ada.csv", "--mapping", "ada.yml")
    (span,) = wait_for(received.spans, 30, "the span of the import")
    assert (span.service, span.name, span.parent_id) == ("leadloop-import", "import", "")
    published = read_all(world.bootstrap, f"{world.prefix}lead-created")
    (traceparent,) = {traceparent_of(one.headers) for one in published}
    assert traceparent is not None
    assert traceparent.decode()[3:52] == f"{span.trace_id}-{span.span_id}"


def test_a_collector_that_is_away_delays_no_exit(real_kafka: Broker, tmp_path: Path) -> None:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    away = f"http://127.0.0.1:{free_ports(1)[0]}"
    env = world.env(LEADLOOP_CLOCK="wall", LEADLOOP_DATA_DIR=str(tmp_path / "state"), OTEL_EXPORTER_OTLP_ENDPOINT=away)
    with _started(Process(tmp_path / "streams.log", env, "streams")) as streams:
        streams.wait_ready(60)
        world.send(a_stall("grace", 1_790_000_000_000))
        wait_for(lambda: [*messages(world.bootstrap, f"{world.prefix}lead-decisions")], 30, "it was decided: a span")
        begun = time.monotonic()
        streams.process.send_signal(signal.SIGTERM)
        assert streams.ended() == 0, streams.said()
        assert time.monotonic() - begun < STREAMS_GRACE
    assert "Traceback" not in streams.said()
