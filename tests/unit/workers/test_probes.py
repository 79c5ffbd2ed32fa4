"""What a worker that serves nothing else answers over HTTP."""

from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Gauge

from workers.probes import Probes


@pytest.mark.parametrize("accepted", ["", "text/plain", "application/openmetrics-text;version=zz"])
def test_whoever_scrapes_is_answered_whatever_it_accepts(accepted: str) -> None:
    registry = CollectorRegistry()
    Gauge("a_number", "For the test.", registry=registry).set(7)
    with Probes("127.0.0.1", 0, registry, str, lambda: True) as probes:
        connection = HTTPConnection("127.0.0.1", probes.port, timeout=5)
        connection.request("GET", "/metrics", headers={"Accept": accepted})
        answer = connection.getresponse()
        assert (answer.status, b"a_number 7.0" in answer.read()) == (200, True)
        connection.close()
