"""The routes of the read API. Every request needs a key with the scope `read`; responses must not be stored."""

import time
from collections.abc import Callable
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CollectorRegistry
from starlette.responses import Response

from schemas.registry import RegistryUnavailable
from schemas.topics import MAX_LEAD_ID
from streams.runtime.page_settings import PageSettings
from workers.explaining.words import zone_named
from workers.http import problems
from workers.http.auth import KeyRing
from workers.http.problems import Problem, retry_later
from workers.http.serving import application

from . import api_models, cohort_models, funnel_models, parameters
from .actions import Actions
from .cause_rows import grouped_funnel
from .cohort_pages import cohort_page, track_page
from .csv_rows import PAGE, csv_response, wants_csv
from .explanation_model import ExplanationModel
from .generation_reader import ReadModelUnavailable
from .hidden_owners import hidden_owners
from .openapi_examples import add_examples
from .page.live_updates import LIVE_PATH, LiveUpdates
from .page.page_access import PageAccess
from .page.pages import page_routes
from .page.sessions import Sessions
from .policy_in_use import PolicyInUse
from .queries import ReadModel

RETRY_SECONDS = 5
_DEFAULT_PAGE = PageSettings()
LeadId = Annotated[str, Path(min_length=1, max_length=MAX_LEAD_ID)]

_PROBLEM = {"content": {problems.MEDIA_TYPE: {"schema": problems.schema()}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {  # the type that FastAPI declares
    401: {"description": "No key, or none of ours.", **_PROBLEM},
    403: {"description": "The key has no scope `read`.", **_PROBLEM},
    422: {"description": "A parameter does not fit, or does not exist.", **_PROBLEM},
    503: {"description": "There is no read model to read now; see Retry-After.", **_PROBLEM},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "This lead is unknown.", **_PROBLEM}}
_AS_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


def report_app(
    model: ReadModel,
    keys: KeyRing,
    policy: PolicyInUse,
    registry: CollectorRegistry,
    unready: Callable[[], str],
    page: PageSettings = _DEFAULT_PAGE,
    actions: Actions | None = None,
) -> FastAPI:
    """Build the application of `leadloop report`: the read API and the web page.

    Args:
        model: The read model.
        keys: Who may read.
        policy: What explanations go by.
        registry: The metrics to expose.
        unready: What is missing to be ready; empty if nothing.
        page: Of the web page.
        actions: What operators can do there; None: nothing.
    """
    streams = frozenset({LIVE_PATH})
    app = application("leadloop report", "What is known about leads.", registry, unready, streams=streams)
    app.add_exception_handler(ReadModelUnavailable, _unavailable)
    app.add_exception_handler(RegistryUnavailable, _unavailable)
    access = PageAccess(page, Sessions(model.redis, model.app_id, keys, page))
    shown, agreed = hidden_owners(model, policy, page.secret) if page.owners == "hidden" else (model, policy)
    app.include_router(_routes(model, shown, keys, access, policy))
    live = LiveUpdates(access, lambda: bool(app.state.draining))
    app.include_router(page_routes(shown, agreed, keys, access, live, actions))
    describe = app.openapi

    def described() -> dict[str, Any]:
        document = describe()
        add_examples(document)
        return document

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation does
    return app


async def _model_of(request: Request) -> ReadModel:
    model: ReadModel = request.state.model
    return model


Readable = Annotated[ReadModel, Depends(_model_of)]
"""The read model as the sender of a request may see it."""


def _routes(model: ReadModel, shown: ReadModel, keys: KeyRing, access: PageAccess, policy: PolicyInUse) -> APIRouter:
    """The read API: `model` for who has a key, `shown` for who is signed in to the page."""
    bearer = HTTPBearer(auto_error=False, description="A key with the scope `read` (`leadloop keys new`).")

    async def authorize(
        request: Request, response: Response, _: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
    ) -> None:
        authorization = request.headers.get("authorization")
        is_reader = not authorization and await access.reader(request) is not None  # of the page: may read, too
        if not is_reader:
            keys.admit(authorization, "read")
        request.state.model = shown if is_reader else model
        response.headers["Cache-Control"] = "no-store"

    router = APIRouter(prefix="/v1", dependencies=[Depends(authorize)], responses=_RESPONSES)
    _add_leads(router)
    _add_lead(router, policy)
    _add_counts(router, policy)
    _add_cohorts(router, policy)
    _add_events(router)
    return router


def _add_leads(router: APIRouter) -> None:
    @router.get("/leads.csv", response_model=None, include_in_schema=False)
    @router.get("/leads", response_model=api_models.LeadPage, responses=_AS_CSV)
    async def leads(
        request: Request, model: Readable, asked: Annotated[parameters.LeadParameters, Query()]
    ) -> api_models.LeadPage | Response:
        """Leads, by page; all of them as CSV, if the client accepts `text/csv`. All filters that are given must fit."""
        if not wants_csv(request):
            return await model.leads(asked.query, asked.cursor, asked.limit)

        async def read(cursor: str | None) -> tuple[list[api_models.LeadModel], str | None]:
            page = await model.leads(asked.query, cursor, PAGE)
            return page.leads, page.next

        return await csv_response("leads", api_models.LeadModel, read, asked.columns)


def _add_lead(router: APIRouter, policy: PolicyInUse) -> None:
    @router.get("/leads/{lead_id:path}/explanation", responses=_UNKNOWN)
    async def explanation(
        lead_id: LeadId, model: Readable, asked: Annotated[parameters.ZoneParameters, Query()]
    ) -> ExplanationModel:
        """Why a lead is where it is: rule, promises, gates, decisions, what happens next and when; in sentences too."""
        zone = zone_named(asked.timezone) if asked.timezone else None
        found = await model.explanation(lead_id, policy, zone)
        if found is None:
            raise Problem("not-found", "no lead of this name is known")
        return found

    @router.get("/leads/{lead_id:path}", responses=_UNKNOWN)
    async def lead(
        lead_id: LeadId, model: Readable, _: Annotated[parameters.NoParameters, Query()]
    ) -> api_models.LeadDetail:
        """One lead: its current truth, its passes and recycles, and its timeline."""
        found = await model.lead(lead_id)
        if found is None:
            raise Problem("not-found", "no lead of this name is known")
        return found


def _add_counts(router: APIRouter, policy: PolicyInUse) -> None:
    @router.get("/overview")
    async def overview(model: Readable, asked: Annotated[parameters.ZoneParameters, Query()]) -> api_models.Overview:
        """How many leads stand where, and what waits today: each number is that of a list of leads."""
        zone = ZoneInfo(asked.timezone) if asked.timezone else policy.zone
        return await model.overview(policy.wall_ms(), zone)

    @router.get("/funnel.csv", response_model=None, include_in_schema=False)
    @router.get("/funnel", response_model=funnel_models.FunnelPage, responses=_AS_CSV)
    async def funnel(
        request: Request, model: Readable, asked: Annotated[parameters.FunnelParameters, Query()]
    ) -> funnel_models.FunnelPage | Response:
        """How many passes of leads reached each step: the same numbers as in the metrics of streams."""
        if not wants_csv(request):
            return await grouped_funnel(
                model,
                policy.policy,
                asked.by,
                asked.pass_label,
                asked.cursor,
                asked.limit,
                by_leads=asked.order == "leads",
            )

        async def read(cursor: str | None) -> tuple[list[funnel_models.FunnelRow], str | None]:
            page = await grouped_funnel(model, policy.policy, asked.by, asked.pass_label, cursor, PAGE)
            return page.rows, page.next

        return await csv_response("funnel", funnel_models.FunnelRow, read)


def _add_cohorts(router: APIRouter, policy: PolicyInUse) -> None:
    @router.get("/cohorts.csv", response_model=None, include_in_schema=False)
    @router.get("/cohorts", response_model=cohort_models.CohortPage, responses=_AS_CSV)
    async def cohorts(
        request: Request, model: Readable, asked: Annotated[parameters.CohortParameters, Query()]
    ) -> cohort_models.CohortPage | Response:
        """How far the passes that began in each month or week (UTC) got, and those of as many cohorts before."""
        today = api_models.instant(policy.wall_ms()).date()
        page = await cohort_page(model, asked.by, asked.period(today), asked.pass_label, asked.origin)
        if not wants_csv(request):
            return page

        async def read(_: str | None) -> tuple[list[cohort_models.CohortRow], None]:
            return page.rows, None

        return await csv_response("cohorts", cohort_models.CohortRow, read)

    @router.get("/tracks")
    async def tracks(model: Readable, _: Annotated[parameters.NoParameters, Query()]) -> funnel_models.TrackPage:
        """What became of what was handed back, by track: the tracks with the most recycles."""
        return await track_page(model)

    @router.get("/changes")
    async def changes(model: Readable, _: Annotated[parameters.NoParameters, Query()]) -> cohort_models.Changes:
        """What happened in the last day, and in the day before."""
        return await model.changes(policy.wall_ms())


def _add_events(router: APIRouter) -> None:
    @router.get("/recycles.csv", response_model=None, include_in_schema=False)
    @router.get("/recycles", response_model=api_models.RecyclePage, responses=_AS_CSV)
    async def recycles(
        request: Request, model: Readable, asked: Annotated[parameters.RecycleParameters, Query()]
    ) -> api_models.RecyclePage | Response:
        """Leads handed back to marketing, the newest first, and how their delivery went."""
        if not wants_csv(request):
            return await model.recycles(asked.state, asked.cursor, asked.limit)

        async def read(cursor: str | None) -> tuple[list[api_models.RecycleModel], str | None]:
            page = await model.recycles(asked.state, cursor, PAGE)
            return page.recycles, page.next

        return await csv_response("recycles", api_models.RecycleModel, read)

    @router.get("/escalations.csv", response_model=None, include_in_schema=False)
    @router.get("/escalations", response_model=api_models.EscalationPage, responses=_AS_CSV)
    async def escalations(
        request: Request, model: Readable, asked: Annotated[parameters.EscalationParameters, Query()]
    ) -> api_models.EscalationPage | Response:
        """Broken promises that sales could still act on, the newest first, and whether sales did in time."""
        if not wants_csv(request):
            return await model.escalations(asked.state, asked.owner, asked.cursor, asked.limit)

        async def read(cursor: str | None) -> tuple[list[api_models.EscalationModel], str | None]:
            page = await model.escalations(asked.state, asked.owner, cursor, PAGE)
            return page.escalations, page.next

        return await csv_response("escalations", api_models.EscalationModel, read)


async def _unavailable(_: Request, error: Exception) -> Response:
    return problems.problem_response(retry_later("unavailable", str(error), RETRY_SECONDS))


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
