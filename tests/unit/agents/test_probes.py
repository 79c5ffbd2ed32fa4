"""What a streams process answers over HTTP."""

import socket
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from streams.agents.probes import Probes


class Asked:
    """Probes on a free port, of a process that is as ready as a test says."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        Gauge("a_number", "For the test.", registry=registry).set(7)
        self.is_ready = False
        self.probes = Probes("127.0.0.1", 0, registry, lambda: self.is_ready)
        self.probes.start()

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.probes.port, timeout=5)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    asked = Asked()
    yield asked
    asked.probes.stop()


def test_metrics_are_what_prometheus_reads(asked: Asked) -> None:
    status, text = asked.get("/metrics")
    assert status == 200
    assert [family.name for family in text_string_to_metric_families(text)] == ["a_number"]


@pytest.mark.parametrize("version", ["zz", "1.0.0-rc1", "9" * 5000])
def test_whoever_asks_for_a_version_that_is_none_gets_plain_text(asked: Asked, version: str) -> None:
    status, text = asked.get("/metrics", Accept=f"application/openmetrics-text;version={version}")
    assert (status, "a_number 7.0" in text) == (200, True)


def test_a_process_that_answers_is_healthy(asked: Asked) -> None:
    assert asked.get("/healthz") == (200, "ok\n")


def test_it_is_ready_once_it_works(asked: Asked) -> None:
    assert asked.get("/readyz")[0] == 503
    asked.is_ready = True
    assert asked.get("/readyz") == (200, "ready\n")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/admin", "/..%2fetc%2fpasswd"])
def test_anything_else_is_not_found_and_says_what_is(asked: Asked, path: str) -> None:
    status, text = asked.get(path)
    assert (status, "/readyz" in text) == (404, True)


def test_a_client_that_says_nothing_keeps_nobody_waiting(asked: Asked) -> None:
    with socket.create_connection(("127.0.0.1", asked.probes.port), timeout=5):
        assert asked.get("/healthz")[0] == 200


def test_a_client_that_hangs_up_or_talks_nonsense_breaks_nothing(
    asked: Asked, capfd: pytest.CaptureFixture[str]
) -> None:
    for noise in (b"", b"GET /metr", b"\x16\x03\x01\xff\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", asked.probes.port), timeout=5) as client:
            client.sendall(noise)
    assert asked.get("/healthz")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_port_in_use_is_an_error_at_the_start(asked: Asked) -> None:
    with pytest.raises(OSError, match="in use"):
        Probes("127.0.0.1", asked.probes.port, CollectorRegistry(), lambda: True)
