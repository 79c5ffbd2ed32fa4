"""What holds for every vendor: whatever comes back, or does not, is an outcome."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from tests.component.delivery.connectors.harness import (
    NOW,
    ConnectorHarness,
    Delivered,
    a_recycle,
    a_request,
    a_revoke,
    an_escalation,
)
from tests.simulators.hubspot import HubSpot
from tests.simulators.served import Simulator
from workers.delivery.attempts import Retry
from workers.delivery.events import DeliveredEvent
from workers.outbound import Client

TOKEN = {"token": "t"}
PASSWORD = {"password": "p"}


async def _each(handing: ConnectorHarness, simulator: Simulator) -> list[Delivered]:
    secrets = {"client_id": "id", "client_secret": "secret"}
    return [
        handing(simulator).configured({"kind": "hubspot-event", "event_name": "pe1_x"}, **TOKEN),
        handing(simulator).configured({"kind": "hubspot-list", "lists": {"*": 1}}, **TOKEN),
        handing(simulator).configured({"kind": "marketo-campaign", "campaigns": {"*": 1}}, **secrets),
        handing(simulator).configured({"kind": "marketo-list", "lists": {"*": 1}}, **secrets),
        handing(simulator).configured({"kind": "mautic", "user": "u", "campaigns": {"*": 1}}, **PASSWORD),
        handing(simulator).configured({"kind": "customerio"}, site_id="s", api_key="k"),
        handing(simulator).configured({"kind": "hubspot-task"}, **TOKEN),
        handing(simulator).configured({"kind": "slack"}, url=f"{simulator.url}/services/1/2/3"),
        handing(simulator).configured({"kind": "teams"}, url=f"{simulator.url}/workflows/1?sig=2"),
    ]


KINDS = 9


def _events(handed: Delivered) -> tuple[DeliveredEvent, DeliveredEvent]:
    """Those that the kind is for."""
    if handed.target.takes("RECYCLE"):
        return a_recycle("7"), a_revoke("7")
    return an_escalation("7"), an_escalation("7", "AT_RISK")


@pytest.mark.parametrize("number", range(KINDS))
@pytest.mark.parametrize(
    ("status", "headers", "after", "throttled"),
    [
        (429, {"Retry-After": "7"}, 7.0, True),
        (429, {"Retry-After": format_datetime(datetime.fromtimestamp(NOW + 60, UTC), usegmt=True)}, 60.0, True),
        (429, {"Retry-After": "99999999999999"}, 86_400.0, True),
        (429, {"Retry-After": "0"}, 0.0, True),
        (503, {"Retry-After": "-5"}, None, False),
        (503, {"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None, False),
        (503, {"Retry-After": "Mon, 01 Jan 2027 00:00:00 +" + "9" * 900}, None, False),
        (503, {"Retry-After": "30"}, 30.0, True),
        (503, {}, None, False),
        (500, {}, None, False),
        (302, {"Location": "http://169.254.169.254/"}, None, False),
    ],
)
async def test_any_failure_of_a_vendor_is_retried(
    number: int, status: int, headers: dict[str, str], after: float | None, throttled: bool, handing: ConnectorHarness
) -> None:
    async with HubSpot() as simulator:
        handed = (await _each(handing, simulator))[number]
        simulator.instead = [web.Response(status=status, headers=headers) for _ in range(5)]
        outcome = await handed.deliver_one(_events(handed)[0])
    assert isinstance(outcome, Retry)
    assert outcome.after_seconds == after
    assert outcome.throttled == throttled


NONSENSE: list[Callable[[], web.Response]] = [
    lambda: web.Response(body=b""),
    lambda: web.Response(body=b"\xff\xfe"),
    lambda: web.Response(body=b"[" * 60_000),
    lambda: web.json_response(None),
    lambda: web.json_response([]),
    lambda: web.json_response({"success": True, "result": "x", "recordsIdsAdded": {"a": 1}, "campaigns": 3}),
    lambda: web.json_response({"success": True, "result": None, "access_token": 3, "campaigns": {"1": 3}}),
    lambda: web.json_response({"success": True, "campaigns": {"1": {"id": "9" * 5_000}}}),
    lambda: web.json_response({"success": False}),
    lambda: web.Response(body=b"x" * 2_000_000),
]


@pytest.mark.parametrize("number", range(KINDS))
@pytest.mark.parametrize("nonsense", range(len(NONSENSE)))
async def test_no_response_makes_a_connector_raise(number: int, nonsense: int, handing: ConnectorHarness) -> None:
    async with HubSpot() as simulator:
        handed = (await _each(handing, simulator))[number]
        for event in _events(handed):
            simulator.instead = [NONSENSE[nonsense]() for _ in range(6)]
            (outcome,) = await handed.connector.deliver([a_request(event)])
            assert outcome.detail is not None


async def test_an_unreachable_vendor_is_retried(handing: ConnectorHarness) -> None:
    async with HubSpot() as simulator:
        everyone = await _each(handing, simulator)
    for handed in everyone:
        assert isinstance(await handed.deliver_one(_events(handed)[0]), Retry)


async def test_an_endpoint_on_a_private_network_that_is_not_allowed_is_not_dialled(tmp_path: Path) -> None:
    async with HubSpot() as simulator, Client() as client:
        handed = Delivered(client, simulator, tmp_path)
        handed.configured({"kind": "hubspot-list", "lists": {"*": 1}}, **TOKEN)
        outcome = await handed.deliver_one(a_recycle("7"))
    assert outcome == Retry("not dialled: 127.0.0.1 is this machine")
    assert simulator.calls == []
