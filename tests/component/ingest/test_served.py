"""`leadloop ingest` as a process, on a real Kafka: accepted means that it is in the topic."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from schemas.topics import partition_of
from tests.component.ingest.served import LEADLOOP, ROOT, Keys, Served, a_posted, facts, held
from tests.waiting import LOAD_FACTOR, TIMEOUT, wait_for
from tests.world import World
from workers.http.keys import digest_of, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kafka import Broker

SYSTEMS = """
systems:
  salesforce: {{dialect: salesforce, source: crm, mapping: {mappings}/salesforce.yml}}
  pipedrive: {{dialect: pipedrive, source: crm, mapping: {mappings}/pipedrive.yml}}
"""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)


@pytest.fixture(scope="module")
def served(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if kafka.kind == "mock":
        pytest.skip("needs a real Kafka: install java and mvn, or set KAFKA_BOOTSTRAP_SERVERS")
    folder = tmp_path_factory.mktemp("served")
    (folder / "webhooks.yml").write_text(SYSTEMS.format(mappings=ROOT / "deploy/config/mappings"))
    world = World.on_real(kafka.bootstrap, folder)
    with Served(world, Keys.in_folder(folder), env={"LEADLOOP_WEBHOOKS_FILE": str(folder / "webhooks.yml")}) as one:
        yield one.ready()
        assert one.stop() == 0, one.log.read_text()


def test_an_accepted_event_is_at_the_position_in_the_response(served: Served) -> None:
    batch = [
        a_posted("P1"),
        a_posted("P1", outcome="no_answer") | {"kind": "lead-contacted"},
        a_posted("P1", reason="bad_timing") | {"kind": "lead-stalled"},
        a_posted("P1", outcome="won") | {"kind": "deal-closed"},
    ]
    answer = served.post(batch)
    assert answer.status_code == 202
    for item in answer.json()["items"]:
        (record,) = [
            one
            for one in held(served.world, item["topic"].removeprefix(served.world.prefix))
            if (one.partition, one.offset) == (item["partition"], item["offset"])
        ]
        assert record.key == b"P1"
        assert record.partition == partition_of(b"P1", served.world.partitions)
        assert dict(record.headers)["ce_id"].decode() == item["event_id"]


def test_500_events_are_accepted_in_one_request(served: Served) -> None:
    before = served.metric('leadloop_ingest_accepted_total{kind="lead-created"}')
    assert served.post([a_posted(f"B{n}") for n in range(500)]).json()["accepted"] == 500
    assert served.metric('leadloop_ingest_accepted_total{kind="lead-created"}') == before + 500


def test_a_webhook_becomes_facts_and_dead_letters(served: Served) -> None:
    lead = "00Q5e000009AbCdEAK"
    header = {"entityName": "Lead", "changeType": "CREATE", "recordIds": [lead], "commitTimestamp": 1_772_442_000_000}
    gap = {"ChangeEventHeader": {**header, "changeType": "GAP_OVERFLOW"}}
    body = [{"ChangeEventHeader": header, "LeadSource": "Web"}, gap]
    answer = served.client.post("/v1/webhooks/salesforce", json=body)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "ignored": 0, "dead_letters": 1})
    (fact,) = [fact for fact in facts(served.world) if fact.lead_id == f"salesforce/{lead}"]
    assert (fact.origin, fact.source) == ("Web", "crm")
    (letter,) = held(served.world, "lead-dead-letters")
    assert dict(letter.headers)["dl_reason"] == b"gap"


def test_schemathesis_finds_no_5xx_and_no_undocumented_response(served: Served, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"),
            *("run", f"{served.url}/openapi.json", "--max-examples", "60", "--seed", "1", "--no-color"),
            *("-H", f"Authorization: Bearer {served.key}", "--checks", ",".join(CHECKS)),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert served.process.poll() is None


def raw(served: Served, *parts: bytes, wait: float = 15.0) -> bytes:
    """What is answered to these bytes; the connection stays open until the other side has enough."""
    host, _, port = served.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
            while got := connection.recv(65_536):
                answer += got
                if b"\r\n\r\n" in answer and b"connection: close" not in answer.lower():
                    break
        except (ConnectionError, TimeoutError):
            pass
    return answer


def request(served: Served, *headers: str, body: bytes = b"") -> bytes:
    lines = ["POST /v1/events HTTP/1.1", "Host: x", f"Authorization: Bearer {served.key}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
CHUNK = b"10000\r\n" + b"[" * 65_536 + b"\r\n"


def sized(body: bytes, *headers: str) -> tuple[tuple[str, ...], bytes]:
    return (JSON, f"Content-Length: {len(body)}", *headers), body


HOSTILE = {
    "deep": (*sized(b"[" * 900_000), 400),
    "deep objects": (*sized(b'{"a":' * 150_000), 400),
    "huge, as announced": ((JSON, "Content-Length: 99999999999"), b"", 413),
    "huge, in chunks": ((JSON, CHUNKED), CHUNK * 20, 413),
    "slow": ((JSON, "Content-Length: 100"), b"{", 408),
    "truncated": ((JSON, "Content-Length: 100"), b'{"kind":', 408),
    "chunks without end": ((JSON, CHUNKED), b"1\r\n{\r\n" * 50, 408),
    "utf-16": (*sized('{"a":1}'.encode("utf-16")), 400),
    "no utf-8": (*sized(b'{"kind":"\xff\xfe"}'), 400),
    "wrong charset": (("Content-Type: application/json; charset=utf-16", "Content-Length: 2"), b"{}", 415),
    "NaN": (*sized(b'{"occurred_at":NaN}'), 400),
    "infinity": (*sized(b'{"occurred_at":1e999}'), 400),
    "a huge number": (*sized(b'{"occurred_at":' + b"9" * 100_000 + b"}"), 400),
    "names twice": (*sized(b'{"kind":"lead-created","kind":"deal-closed"}'), 400),
    "half a character": (*sized(b'{"lead_id":"\\ud800"}'), 400),
    "a bomb": (*sized(b"\x1f\x8b\x08" + bytes(1000), "Content-Encoding: gzip"), 415),
    "a bomb, twice packed": (*sized(b"\x1f\x8b", "Content-Encoding: gzip, gzip"), 415),
    "a form": (("Content-Type: application/x-www-form-urlencoded", "Content-Length: 3"), b"a=1", 415),
    "parts": (("Content-Type: multipart/form-data; boundary=x", "Content-Length: 3"), b"--x", 415),
    "no type": (("Content-Length: 2",), b"{}", 415),
    "nothing": (*sized(b""), 400),
    "two lengths": ((JSON, "Content-Length: 2", "Content-Length: 3"), b"{}", 400),
    "a length that is none": ((JSON, "Content-Length: -1"), b"{}", 400),
    "length and chunks": ((JSON, "Content-Length: 2", CHUNKED, "Transfer-Encoding: identity"), b"{}", 400),
    "501 events": (*sized(b"[" + b",".join([b"1"] * 501) + b"]"), 413),
    "a header without end": (("X: " + "x" * 400_000,), b"", 400),
}


@pytest.fixture(scope="module")
def answers(served: Served) -> dict[str, bytes]:
    """All at once: some of them take as long as ingest has patience."""
    with ThreadPoolExecutor(len(HOSTILE)) as pool:
        sent = {name: pool.submit(raw, served, request(served, *one[0]), one[1]) for name, one in HOSTILE.items()}
        return {name: answer.result() for name, answer in sent.items()}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_gets_the_documented_4xx(served: Served, answers: dict[str, bytes], name: str) -> None:
    found = re.match(rb"HTTP/1.1 (\d+)", answers[name])
    assert found is not None, answers[name][:200]
    assert int(found[1]) == HOSTILE[name][2], answers[name][:400]
    assert b"application/problem+json" in answers[name]
    assert served.post(a_posted()).status_code == 202  # and goes on


def test_headers_that_do_not_end_close_the_connection(served: Served) -> None:
    begun = time.monotonic()
    assert raw(served, b"POST /v1/events HTTP/1.1\r\nHost: x\r\n") == b""
    assert 5 < time.monotonic() - begun < 10 * LOAD_FACTOR


def test_keys_are_rotated_without_a_restart(served: Served) -> None:
    old, new = served.key, new_key()

    def status(key: str) -> int:
        return httpx.post(f"{served.url}/v1/events", json=[], headers={"Authorization": f"Bearer {key}"}).status_code

    def allow(*keys: str) -> None:
        served.keys.path.write_text(f"sources: {{crm: {{keys: [{', '.join(map(digest_of, keys))}]}}}}")

    assert (status(old), status(new)) == (202, 401)
    allow(old, new)
    served.process.send_signal(signal.SIGHUP)
    wait_for(lambda: status(new) == 202, within=5)
    assert status(old) == 202
    allow(new)
    wait_for(lambda: status(old) == 401, within=5)  # by itself
    allow(old)
    wait_for(lambda: status(old) == 202, within=5)


def test_a_client_that_disconnects_does_not_affect_others(served: Served) -> None:
    host, _, port = served.url.removeprefix("http://").partition(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(request(served, JSON, "Content-Length: 100", body=b"{"))
    assert served.post(a_posted()).status_code == 202


def test_sigterm_under_load_finishes_requests_and_loses_no_event(real_kafka: Broker, tmp_path: Path) -> None:
    world = World.on_real(real_kafka.bootstrap, tmp_path)
    accepted: list[str] = []
    with Served(world, Keys.in_folder(tmp_path)) as one, ThreadPoolExecutor(4) as pool:
        one.ready()
        posting = [pool.submit(post_until_it_ends, one, number, accepted) for number in range(4)]
        wait_for(lambda: len(accepted) > 500, within=30)
        assert one.stop() == 0, one.log.read_text()
        for future in posting:
            future.result(60)
    assert set(accepted) <= {fact.event_id for fact in facts(world)}


def post_until_it_ends(one: Served, number: int, accepted: list[str]) -> None:
    with (
        suppress(httpx.TransportError),
        httpx.Client(base_url=one.url, headers={"Authorization": f"Bearer {one.key}"}, timeout=30) as client,
    ):
        for n in range(10_000):
            answer = client.post("/v1/events", json=[a_posted(f"T{number}-{n}-{m}") for m in range(20)])
            assert answer.status_code == 202
            accepted.extend(item["event_id"] for item in answer.json()["items"])


@pytest.mark.parametrize(
    ("env", "message"), [({}, "leadloop keys new"), ({"LEADLOOP_KEYS_FILE": "/none"}, "not a file")]
)
def test_ingest_does_not_start_without_keys(env: dict[str, str], message: str) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LEADLOOP_KEYS")}
    done = subprocess.run(
        LEADLOOP,
        env={**bare, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", **env},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_a_port_in_use_is_reported(served: Served, tmp_path: Path) -> None:
    env = {
        "LEADLOOP_INGEST_PORT": served.url.rpartition(":")[2],
        "LEADLOOP_KEYS_FILE": str(Keys.in_folder(tmp_path).path),
    }
    done = subprocess.run(
        LEADLOOP,
        env={**os.environ, **served.world.env(), **env},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, "cannot be listened on" in done.stderr) == (2, True), done.stderr
