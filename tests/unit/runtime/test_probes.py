"""What a process that serves nothing else answers over HTTP."""

import socket
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import UserError
from streams.runtime.probes import Probes


class ProbedProcess:
    """Probes on a free port; the test sets whether the process is ready and alive."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        Gauge("a_number", "For the test.", registry=registry).set(7)
        self.is_ready, self.is_alive, self.note = False, True, ""
        self.probes = Probes(
            "127.0.0.1",
            0,
            registry,
            lambda: "" if self.is_ready else "not ready: recovering",
            lambda: self.is_alive,
            lambda: self.note,
        )

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.probes.port, timeout=5)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def process() -> Iterator[ProbedProcess]:
    process = ProbedProcess()
    with process.probes:
        yield process


def test_metrics_are_what_prometheus_reads(process: ProbedProcess) -> None:
    status, text = process.get("/metrics")
    assert status == 200
    assert [family.name for family in text_string_to_metric_families(text)] == ["a_number"]


@pytest.mark.parametrize("version", ["", "zz", "1.0.0-rc1", "9" * 5000])
def test_an_invalid_version_in_accept_gets_plain_text(process: ProbedProcess, version: str) -> None:
    status, text = process.get("/metrics", Accept=f"application/openmetrics-text;version={version}")
    assert (status, "a_number 7.0" in text) == (200, True)


def test_a_process_that_answers_is_healthy(process: ProbedProcess) -> None:
    assert process.get("/healthz") == (200, "ok\n")


def test_a_process_that_makes_no_progress_is_not_healthy(process: ProbedProcess) -> None:
    process.is_alive = False
    try:
        assert process.get("/healthz") == (503, "stuck\n")
    finally:
        process.is_alive = True


def test_a_process_is_ready_once_nothing_is_missing(process: ProbedProcess) -> None:
    assert process.get("/readyz") == (503, "not ready: recovering\n")
    process.is_ready = True
    assert process.get("/readyz") == (200, "ready\n")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/admin", "/..%2fetc%2fpasswd"])
def test_anything_else_is_not_found_and_says_what_is(process: ProbedProcess, path: str) -> None:
    status, text = process.get(path)
    assert (status, "/readyz" in text) == (404, True)


def test_a_client_that_sends_nothing_delays_no_other(process: ProbedProcess) -> None:
    with socket.create_connection(("127.0.0.1", process.probes.port), timeout=5):
        assert process.get("/healthz")[0] == 200


def test_a_client_that_disconnects_or_sends_garbage_breaks_nothing(
    process: ProbedProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    for noise in (b"", b"GET /metr", b"\x16\x03\x01\xff\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", process.probes.port), timeout=5) as client:
            client.sendall(noise)
    assert process.get("/healthz")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_port_in_use_is_an_error_at_the_start(process: ProbedProcess) -> None:
    with pytest.raises(UserError, match=r"LEADLOOP_METRICS_PORT: .* in use"):
        Probes("127.0.0.1", process.probes.port, CollectorRegistry(), str)


def test_a_ready_process_says_what_an_operator_should_know(process: ProbedProcess) -> None:
    process.is_ready, process.note = True, "the policy file is not valid"
    assert process.get("/readyz") == (200, "ready\nthe policy file is not valid\n")
    process.note = ""
    assert process.get("/readyz") == (200, "ready\n")
