"""Clocks, disk space, names, addresses, the registry, and that one check does not delay another."""

import io
import json
import socket
from ipaddress import IPv4Network
from pathlib import Path
from threading import Event

import pytest
from confluent_kafka import KafkaError
from rich.console import Console

from schemas.catalogue import RECORDS
from schemas.registry import RegistryConf
from streams.runtime.settings import KafkaSettings, Settings
from tests.registry import a_registry
from workers.admin import push_schemas
from workers.delivery.endpoints import parse_endpoints
from workers.doctor import destinations, documents, machine, registry, render
from workers.doctor.broker import advice
from workers.doctor.checks import run_checks
from workers.doctor.clocks import ClockOffset, evaluate
from workers.doctor.findings import Finding, fail, ok


@pytest.mark.parametrize(
    ("clock", "verdict"),
    [
        (ClockOffset("a", 1.9), "ok"),
        (ClockOffset("a", -3), "warn"),
        (ClockOffset("a", 61), "fail"),
        (ClockOffset("a", 2.4, error=0.5), "ok"),
        (ClockOffset("a", -9_000, is_least=True), "ok"),
        (ClockOffset("a", 90, is_least=True), "fail"),
    ],
)
def test_a_clock_is_judged_by_what_is_known_of_it(clock: ClockOffset, verdict: str) -> None:
    assert evaluate(clock).verdict == verdict


@pytest.mark.parametrize(("free", "verdict"), [(10**10, "ok"), (10**9, "warn"), (10**8, "fail")])
def test_room_for_the_state_is_judged_by_what_is_left(free: int, verdict: str) -> None:
    assert machine.room(Path("var"), free).verdict == verdict


def test_a_data_dir_that_is_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    (finding,) = machine.data_dir(Settings(data_dir=tmp_path / "var"))
    assert (finding.verdict, "LEADLOOP_DATA_DIR" in finding.todo) == ("fail", True)


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (KafkaError._AUTHENTICATION, "Authentication failed", "KAFKA_SASL_PASSWORD"),  # noqa: SLF001
        (KafkaError._AUTHENTICATION, "invalid credentials with SASL mechanism X", "KAFKA_SASL_PASSWORD"),  # noqa: SLF001
        (KafkaError._AUTHENTICATION, "Unsupported SASL mechanism", "KAFKA_SASL_MECHANISM"),  # noqa: SLF001
        (KafkaError._SSL, "certificate verify failed", "KAFKA_SSL_CA_LOCATION"),  # noqa: SLF001
        (KafkaError._RESOLVE, "Failed to resolve", "cannot be resolved"),  # noqa: SLF001
        (KafkaError._TRANSPORT, "Connection refused", "KAFKA_SECURITY_PROTOCOL"),  # noqa: SLF001
    ],
)
def test_a_broker_that_lets_nobody_in_is_answered_by_why(code: int, reason: str, words: str) -> None:
    assert words in advice(code, reason, KafkaSettings(bootstrap_servers="k:9092"))


def _endpoint(monkeypatch: pytest.MonkeyPatch, allowed: str, found: list[str]) -> Finding:
    monkeypatch.setenv("SECRET", "whsec_" + "A" * 32)
    text = "endpoints:\n  a: {kind: webhook, url: 'https://a.example.com/x', secrets: [{env: SECRET}]}\n"
    (endpoint,) = parse_endpoints(text, "e.yml")[1]

    def resolve(_: str) -> list[str]:
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found

    (finding,) = destinations.check(endpoint, [IPv4Network(allowed)], resolve)
    return finding


def test_one_address_that_must_not_be_dialled_spoils_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _endpoint(monkeypatch, "127.0.0.0/8", ["93.184.215.14"]).verdict == "ok"
    assert _endpoint(monkeypatch, "127.0.0.0/8", ["93.184.215.14", "10.0.0.1"]).verdict == "fail"
    assert _endpoint(monkeypatch, "10.0.0.0/8", ["93.184.215.14", "10.0.0.1"]).verdict == "ok"
    assert "Name or service not known" in _endpoint(monkeypatch, "10.0.0.0/8", []).found


def policy_of(settings: Settings) -> list[Finding]:
    return documents.policy(settings, ())[0]


@pytest.mark.parametrize("look", [policy_of, documents.keys, documents.webhooks])
def test_a_document_with_a_slip_is_named_with_its_line(look: object, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text("promises: {never_contacted: soon}\nsauces: {}\n")
    settings = Settings(policy_file=bad, keys_file=bad, webhooks_file=bad)
    (finding,) = look(settings)  # type: ignore[operator]
    assert (finding.verdict, f"{bad}:" in finding.found, bool(finding.todo)) == ("fail", True, True)


def test_the_warnings_of_a_policy_are_named_and_the_policy_is_valid_nevertheless(tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text('version: "7"\npromises: { max_attempts: 1 }\nreasons: { price: { track: offer } }\n')
    endpoints = parse_endpoints(
        "endpoints: { fax: { kind: kafka, topic: t, only: { tracks: [other] } } }", "endpoints.yml"
    )[1]
    findings, policy = documents.policy(Settings(policy_file=file), endpoints)
    assert policy is not None
    assert policy.version == "7"
    well, *doubtful = findings
    assert (well.verdict, {one.verdict for one in doubtful}) == ("ok", {"warn"})
    found = " ".join(f"{one.found} → {one.todo}" for one in doubtful)
    assert f"{file}:2: promises.max_attempts: the first attempt without an answer breaks it → " in found
    assert "no endpoint takes the track 'offer'" in found


def test_many_warnings_are_counted_and_the_command_that_names_them_all_is_given(tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    reasons = ", ".join(f"r{n}: {{ track: t, escalate: 1 hour }}" for n in range(20))
    file.write_text(f'version: "7"\nreasons: {{ {reasons} }}\n')
    *_, last = documents.policy(Settings(policy_file=file), ())[0]
    assert (last.verdict, last.found.endswith(" more warnings"), "policy check" in last.todo) == ("warn", True, True)


def test_a_registry_is_asked_for_every_schema() -> None:
    with a_registry() as server:
        conf = RegistryConf(url=server.url)
        (missing,) = registry.check(conf, "p.")
        assert (missing.verdict, "leadloop schemas push" in missing.todo) == ("fail", True)
        push_schemas(conf, "p.")
        (well,) = registry.check(conf, "p.")
        assert (well.verdict, f"all {len(RECORDS)} schemas" in well.found) == ("ok", True)
        assert [one.verdict for one in registry.check_clock(conf)] == ["ok"]
    (away,) = registry.check(conf, "p.")
    assert (away.verdict, "SCHEMA_REGISTRY_URL" in away.todo) == ("fail", True)


def test_what_hangs_and_what_breaks_keeps_nobody_waiting() -> None:
    ever = Event()

    def hangs() -> list[Finding]:
        ever.wait()
        return []

    def breaks() -> list[Finding]:
        raise ValueError("redis://:a-password@host")

    found = run_checks({"slow": hangs, "broken": breaks, "well": lambda: [ok("well", "it is")]}, seconds=0.3)
    ever.set()
    assert [(one.about, one.verdict) for one in found] == [("slow", "fail"), ("broken", "fail"), ("well", "ok")]
    assert "password" not in found[1].found


def test_findings_are_a_line_each_for_machines_and_a_table_for_people() -> None:
    findings = [ok("kafka", "1 broker"), fail("redis", "[away]", "look after it")]
    assert json.loads(render.lines(findings)[1]) == findings[1].row()
    screen = Console(file=io.StringIO(), width=100)
    screen.print(render.table(findings))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "[away]" in text
    assert "→ look after it" in text
    assert render.summary(findings) == "1 ok, 0 to check, 1 failed"
