"""The routes of the read API. Every request needs a key with the scope `read`; responses must not be stored."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CollectorRegistry
from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from starlette.responses import Response

from schemas.events import Stage
from schemas.registry import RegistryUnavailable
from schemas.topics import MAX_LEAD_ID
from streams.domain.facts import MAX_TEXT
from workers.explaining.words import zone_named
from workers.http import problems
from workers.http.auth import KeyRing
from workers.http.problems import Problem, retry_later
from workers.http.serving import application
from workers.read_model.escalations import EscalationState
from workers.read_model.index import RecycleState

from . import api_models
from .explanation_model import ExplanationModel
from .lead_query import LeadQuery
from .policy_in_use import PolicyInUse
from .queries import ReadModel, ReadModelUnavailable

RETRY_SECONDS = 5
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]")
Limit = Annotated[int, Query(ge=1, le=500, description="The most that a page holds.")]
Cursor = Annotated[str | None, Query(max_length=4096, description="`next` of the former page, with the same filters.")]
QueryText = Annotated[str | None, Query(max_length=MAX_TEXT)]


def _rfc3339(given: object) -> object:
    """Reject numbers: pydantic would take them for seconds since 1970."""
    if isinstance(given, str) and not _TIME.match(given):
        raise ValueError("write a time with its zone, such as 2026-03-16T09:30:00Z")
    return given


def _known_zone(name: str | None) -> str | None:
    if name is not None and zone_named(name) is None:
        raise ValueError("write the name of a time zone, such as Europe/Berlin")
    return name


Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]
LeadId = Annotated[str, Path(min_length=1, max_length=MAX_LEAD_ID)]
ZoneName = Annotated[
    str | None,
    AfterValidator(_known_zone),
    Query(description="The IANA time zone of the sentences; default: that of a calendar of the policy, else UTC."),
]

_PROBLEM = {"content": {problems.MEDIA_TYPE: {"schema": problems.schema()}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {  # the type that FastAPI declares
    401: {"description": "No key, or none of ours.", **_PROBLEM},
    403: {"description": "The key has no scope `read`.", **_PROBLEM},
    422: {"description": "A parameter does not fit.", **_PROBLEM},
    503: {"description": "There is no read model to read now; see Retry-After.", **_PROBLEM},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "This lead is unknown.", **_PROBLEM}}


def report_app(
    model: ReadModel, keys: KeyRing, policy: PolicyInUse, registry: CollectorRegistry, unready: Callable[[], str]
) -> FastAPI:
    """Build the application of `leadloop report`.

    Args:
        model: The read model.
        keys: Who may read.
        policy: What explanations go by.
        registry: The metrics to expose.
        unready: What is missing to be ready; empty if nothing.
    """
    app = application("leadloop report", "What is known about leads.", registry, unready)
    app.add_exception_handler(ReadModelUnavailable, _unavailable)
    app.add_exception_handler(RegistryUnavailable, _unavailable)
    app.include_router(_routes(model, keys, policy))
    return app


def _routes(model: ReadModel, keys: KeyRing, policy: PolicyInUse) -> APIRouter:
    bearer = HTTPBearer(auto_error=False, description="A key with the scope `read` (`leadloop keys new`).")

    def authorize(
        request: Request, response: Response, _: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
    ) -> None:
        keys.admit(request.headers.get("authorization"), "read")
        response.headers["Cache-Control"] = "no-store"

    router = APIRouter(prefix="/v1", dependencies=[Depends(authorize)], responses=_RESPONSES)
    _add_leads(router, model)
    _add_lead(router, model, policy)
    _add_counts(router, model)
    return router


def _add_leads(router: APIRouter, model: ReadModel) -> None:
    @router.get("/leads")
    async def leads(
        *,
        stage: Stage | None = None,
        stalled: Annotated[
            bool | None, Query(description="Whether a stall stands; true: the longest cold first.")
        ] = None,
        due_before: Annotated[Moment | None, Query(description="A promise breaks before then; the next first.")] = None,
        origin: QueryText = None,
        owner: QueryText = None,
        decision: Annotated[
            api_models.DecisionFilter | None,
            Query(description="What was decided about the stall that stands; the next to be evaluated again first."),
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> api_models.LeadPage:
        """Leads, by page. All filters that are given must fit."""
        due = None if due_before is None else _epoch_ms(due_before)
        return await model.leads(LeadQuery(stage, stalled, due, origin, owner, decision), cursor, limit)


def _add_lead(router: APIRouter, model: ReadModel, policy: PolicyInUse) -> None:
    @router.get("/leads/{lead_id:path}/explanation", responses=_UNKNOWN)
    async def explanation(lead_id: LeadId, timezone: ZoneName = None) -> ExplanationModel:
        """Why a lead is where it is: rule, promises, gates, decisions, what happens next and when; in sentences too."""
        found = await model.explanation(lead_id, policy, zone_named(timezone) if timezone else None)
        if found is None:
            raise Problem("not-found", "no lead of this name is known")
        return found

    @router.get("/leads/{lead_id:path}", responses=_UNKNOWN)
    async def lead(lead_id: LeadId) -> api_models.LeadDetail:
        """One lead: its current truth, its passes and recycles, and its timeline."""
        found = await model.lead(lead_id)
        if found is None:
            raise Problem("not-found", "no lead of this name is known")
        return found


def _add_counts(router: APIRouter, model: ReadModel) -> None:
    @router.get("/funnel")
    async def funnel(
        by: api_models.FunnelDimension = "origin",
        pass_label: Annotated[
            api_models.PassLabel | None, Query(alias="pass", description="Only these passes.")
        ] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> api_models.FunnelPage:
        """How many passes of leads reached each step: the same numbers as in the metrics of streams."""
        return await model.funnel(by, pass_label, cursor, limit)

    @router.get("/recycles")
    async def recycles(
        state: RecycleState | None = None, limit: Limit = 50, cursor: Cursor = None
    ) -> api_models.RecyclePage:
        """Leads handed back to marketing, the newest first, and how their delivery went."""
        return await model.recycles(state, cursor, limit)

    @router.get("/escalations")
    async def escalations(
        state: EscalationState | None = None, owner: QueryText = None, limit: Limit = 50, cursor: Cursor = None
    ) -> api_models.EscalationPage:
        """Broken promises that sales could still act on, the newest first, and whether sales did in time."""
        return await model.escalations(state, owner, cursor, limit)


async def _unavailable(_: Request, error: Exception) -> Response:
    return problems.problem_response(retry_later("unavailable", str(error), RETRY_SECONDS))


def _epoch_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


class ReadinessMemo:
    """The result of the latest readiness check; an old result counts as not ready."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._missing = "nothing has been read yet"
        self._at = clock()

    def update(self, missing: str) -> None:
        """Store a result: what is missing to be ready, empty if nothing."""
        self._missing, self._at = missing, self._clock()

    def __call__(self) -> str:
        return self._missing if self._clock() - self._at < 3 * RETRY_SECONDS else "Redis has not answered for a while"
