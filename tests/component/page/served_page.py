"""A page that is served on a real Kafka and Redis, with leads whose every text is a script."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import httpx

from schemas.events import DeliveryOutcome, DeliveryResult, FactRecord, LeadRecycled, LeadUpdated
from schemas.topics import INPUTS
from tests.builders import DAY, T0, a_contact, a_created, a_loss, a_stall
from tests.component.projection.harness import KEY, Process, env, project, whole
from tests.component.projection.histories import END, POLICY
from tests.unit.report.browser import tags
from tests.world import CODEC, World
from workers.http.keys import digest_of, new_key

OPERATOR = new_key()
SCRIPT = """"'><script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a>{{7*7}}"""
DEAD, ALIVE = "nurture", f"tool {SCRIPT}"
LEAD_IDS = ("a-lead-0", f"a-lead-1 {SCRIPT}", "a-lead-2")
"""They come first in lists by name, and by time: other leads of a test are older."""
BEGIN = T0 + 300 * DAY


class Filled(NamedTuple):
    """A world in which streams has decided about every lead, and the application whose read model has all of it."""

    world: World
    app_id: str


def publish(world: World) -> None:
    """Leads that were handed back, with a script wherever another system writes a text."""
    for number, lead in enumerate(LEAD_IDS):
        described = {"origin": SCRIPT, "campaign_id": SCRIPT, "segment": SCRIPT, "account_id": SCRIPT}
        world.send(
            a_created(lead, BEGIN, owner_id=SCRIPT, source=SCRIPT, event_id=f"{number} created {SCRIPT}", **described),
            a_contact(lead, BEGIN + DAY, owner_id=SCRIPT, source=SCRIPT),
            LeadUpdated(event_id=f"{number} updated", lead_id=lead, occurred_at=BEGIN + 2 * DAY, owner_id=SCRIPT),
            a_stall(lead, BEGIN + 3 * DAY, reason="price", note=SCRIPT, source=SCRIPT),
            a_loss(lead, BEGIN + 4 * DAY, reason=SCRIPT, event_id=f"{number} lost"),
        )


def deliver(world: World) -> None:
    """What tools answered: one failed for good for these leads, one is called like a script."""
    for event in world.decoded("lead-recycled"):
        assert isinstance(event, LeadRecycled)
        failed: DeliveryOutcome = "dead" if event.lead_id in LEAD_IDS else "accepted"
        answers: list[tuple[str, DeliveryOutcome]] = [(DEAD, failed), (ALIVE, "accepted")]
        for endpoint, outcome in answers:
            result = DeliveryResult(
                endpoint=endpoint,
                recycle_id=event.recycle_id,
                action=event.action,
                lead_id=event.lead_id,
                occurred_at=event.occurred_at,
                outcome=outcome,
                attempts=1,
                detail=SCRIPT,
            )
            world.send_raw("delivery-results", event.lead_id, CODEC.encode(result))
    world.flush()


def decided(world: World, *leads: FactRecord) -> None:
    """Publish these leads beside those with scripts; streams decides about all of them, and tools answer."""
    (world.folder / "policy.yml").write_text(POLICY, encoding="utf-8")
    world.send(*leads)
    publish(world)
    world.heartbeat(END)
    world.streams(LEADLOOP_POLICY_FILE=str(world.folder / "policy.yml")).wait_ready(60)
    world.settle(120, INPUTS)
    deliver(world)


@contextmanager
def projected(world: World, redis_url: str, app_id: str, within: float = 90, /, **settings: str) -> Iterator[Process]:
    """`leadloop project`, once the read model is whole."""
    projecting = project(world, redis_url, app_id, **settings)
    try:
        whole(projecting, within)
        yield projecting
    finally:
        projecting.kill()


@contextmanager
def reported(world: World, redis_url: str, app_id: str, **settings: str) -> Iterator[Process]:
    """`leadloop report`, ready, with a viewer's key and an operator's."""
    given = {**env(world, redis_url, app_id), "LEADLOOP_POLICY_FILE": str(world.folder / "policy.yml"), **settings}
    (world.folder / "keys.yml").write_text(
        f"sources:\n  test: {{keys: [{digest_of(KEY)}], scopes: [read]}}\n"
        f"  ops: {{keys: [{digest_of(OPERATOR)}], scopes: [read, operate]}}\n",
        encoding="utf-8",
    )
    report = Process(world.folder / "report.log", given, "workers.cli", "report")
    try:
        report.wait_ready()
        yield report
    finally:
        report.kill()


@contextmanager
def served(
    world: World, redis_url: str, app_id: str, projecting_with: Mapping[str, str], /, **settings: str
) -> Iterator[Process]:
    """A report process for the leads with scripts alone; `projecting_with` are settings of `leadloop project`."""
    decided(world)
    with (
        projected(world, redis_url, app_id, **projecting_with),
        reported(world, redis_url, app_id, **settings) as report,
    ):
        yield report


class Visitor:
    """Sends requests over a connection, as a browser on this site does."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=30)
        self._own = {"Sec-Fetch-Site": "same-origin", "Origin": address}

    def signed_in(self, key: str) -> "Visitor":
        assert self.post("/sign-in", key=key).status_code == 303
        return self

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        return self.client.post(path, data=fields, headers=self._own if headers is None else headers)

    def token(self, action: str = "pause", endpoint: str = DEAD) -> str:
        """That of the form that asks for a confirmation."""
        page = self.client.get("/delivery/act", params={"action": action, "endpoint": endpoint})
        assert page.status_code == 200, page.text
        return next(one["value"] for tag, one in tags(page.text) if tag == "input" and one.get("name") == "token")

    def act(self, action: str, endpoint: str = DEAD, why: str = "") -> httpx.Response:
        token = self.token(action, endpoint)
        return self.post("/delivery/act", action=action, endpoint=endpoint, why=why, token=token)

    def close(self) -> None:
        self.client.close()


def cookie_of(response: httpx.Response) -> str:
    """The session that a response gives."""
    found = re.search(r"(?:__Host-)?leadloop-session=[^;]+", response.headers["set-cookie"])
    assert found
    return found[0]
