"""Customer.io: what is sent, and that only the acceptance of an event is reported."""

from collections.abc import AsyncIterator

import pytest

from tests.component.delivery.connectors.harness import ConnectorHarness, Delivered, a_recycle, a_revoke
from tests.simulators.customerio import CustomerIo
from workers.delivery.attempts import Accepted, Rejected, Retry


@pytest.fixture
async def customerio() -> AsyncIterator[CustomerIo]:
    async with CustomerIo() as simulator:
        simulator.people = {"7", "a/b c@x.example", "...", "ü"}
        yield simulator


@pytest.fixture
def journeys(handing: ConnectorHarness, customerio: CustomerIo) -> Delivered:
    return handing(customerio).configured({"kind": "customerio"}, site_id="site", api_key="key")


async def test_customerio_processes_a_repeated_event_once(journeys: Delivered, customerio: CustomerIo) -> None:
    assert await journeys.deliver_one(a_recycle("7")) == Accepted(200)
    assert await journeys.deliver_one(a_recycle("7")) == Accepted(200)
    ((person, name, data),) = customerio.processed
    assert (person, name) == ("7", "lead_recycled")
    assert data["track"] == "offer"


async def test_a_revoke_sends_the_revoke_event(journeys: Delivered, customerio: CustomerIo) -> None:
    await journeys.deliver(a_recycle("7"), a_revoke("7"))
    assert [name for _, name, _ in customerio.processed] == ["lead_recycled", "lead_revoked"]


@pytest.mark.parametrize("lead_id", ["a/b c@x.example", "...", "ü"])
async def test_an_id_is_percent_encoded_in_the_path(lead_id: str, journeys: Delivered, customerio: CustomerIo) -> None:
    await journeys.deliver(a_recycle(lead_id))
    assert [person for person, _, _ in customerio.processed] == [lead_id]


@pytest.mark.parametrize("lead_id", ["ü" * 100, "", ".", ".."])
async def test_an_id_that_is_too_long_or_a_path_segment_of_dots_is_rejected(
    lead_id: str, journeys: Delivered, customerio: CustomerIo
) -> None:
    assert isinstance(await journeys.deliver_one(a_recycle(lead_id)), Rejected)
    assert customerio.calls == []


async def test_a_429_without_retry_after_waits_our_default(handing: ConnectorHarness) -> None:
    async with CustomerIo(most=1) as simulator:
        handed = handing(simulator).configured({"kind": "customerio"}, site_id="site", api_key="key")
        outcomes = await handed.deliver(a_recycle("1"), a_recycle("2"))
    assert outcomes == [Accepted(200), Retry("too many requests (429)", 429, 10.0, throttled=True)]


async def test_an_unknown_person_is_accepted_because_customerio_does_not_report_it(
    journeys: Delivered, customerio: CustomerIo
) -> None:
    assert await journeys.deliver_one(a_recycle("nobody")) == Accepted(200)
    assert customerio.processed == []
