"""A page that is served on a real Kafka and Redis, with leads whose every text is a script."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

import httpx

from schemas.events import DeliveryResult, LeadRecycled, LeadUpdated
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
LEAD_IDS = ("lead-0", f"lead-1 {SCRIPT}", "lead-2")


def publish(world: World) -> None:
    """Leads that were handed back, with a script wherever another system writes a text."""
    for number, lead in enumerate(LEAD_IDS):
        described = {"origin": SCRIPT, "campaign_id": SCRIPT, "segment": SCRIPT, "account_id": SCRIPT}
        world.send(
            a_created(lead, T0, owner_id=SCRIPT, source=SCRIPT, event_id=f"{number} created {SCRIPT}", **described),
            a_contact(lead, T0 + DAY, owner_id=SCRIPT, source=SCRIPT),
            LeadUpdated(event_id=f"{number} updated", lead_id=lead, occurred_at=T0 + 2 * DAY, owner_id=SCRIPT),
            a_stall(lead, T0 + 3 * DAY, reason="price", note=SCRIPT, source=SCRIPT),
            a_loss(lead, T0 + 4 * DAY, reason=SCRIPT, event_id=f"{number} lost"),
        )
    world.heartbeat(END)


def deliver(world: World) -> None:
    """What tools answered: one failed for good, one is called like a script."""
    for event in world.decoded("lead-recycled"):
        assert isinstance(event, LeadRecycled)
        for endpoint, outcome in ((DEAD, "dead"), (ALIVE, "accepted")):
            result = DeliveryResult(
                endpoint=endpoint,
                recycle_id=event.recycle_id,
                action=event.action,
                lead_id=event.lead_id,
                occurred_at=event.occurred_at,
                outcome="dead" if outcome == "dead" else "accepted",
                attempts=1,
                detail=SCRIPT,
            )
            world.send_raw("delivery-results", event.lead_id, CODEC.encode(result))
    world.flush()


@contextmanager
def served(
    world: World,
    redis_url: str,
    app_id: str = "",
    projecting_with: Mapping[str, str] | None = None,
    /,
    **settings: str,
) -> Iterator[Process]:
    """A report process, with a viewer's key and an operator's; `projecting_with` are settings of `leadloop project`."""
    (world.folder / "policy.yml").write_text(POLICY, encoding="utf-8")
    publish(world)
    world.streams(LEADLOOP_POLICY_FILE=str(world.folder / "policy.yml")).wait_ready(60)
    world.settle(120, INPUTS)
    deliver(world)
    app_id = app_id or f"page{uuid4().hex[:8]}"
    projecting = project(world, redis_url, app_id, **(projecting_with or {}))
    given = {**env(world, redis_url, app_id), "LEADLOOP_POLICY_FILE": str(world.folder / "policy.yml"), **settings}
    (world.folder / "keys.yml").write_text(
        f"sources:\n  test: {{keys: [{digest_of(KEY)}], scopes: [read]}}\n"
        f"  ops: {{keys: [{digest_of(OPERATOR)}], scopes: [read, operate]}}\n",
        encoding="utf-8",
    )
    report = Process(world.folder / "report.log", given, "workers.cli", "report")
    try:
        whole(projecting)
        report.wait_ready()
        yield report
    finally:
        report.kill()
        projecting.kill()


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
