"""The routes of the page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.topics import MAX_LEAD_ID
from workers.http.auth import KeyRing
from workers.report import parameters
from workers.report.actions import Actions
from workers.report.policy_in_use import PolicyInUse
from workers.report.queries import ReadModel

from .action_routes import add_actions
from .agreement_view import agreement_view
from .assets import FOLDER, asset_response
from .delivery_view import delivery_view
from .funnel_asked import AskedFunnel
from .funnel_view import funnel_view
from .leads_view import leads_view, story_of
from .live_updates import LiveUpdates
from .page_access import PageAccess
from .page_responses import Pages
from .page_route import HEADERS, PageRoute, SignInNeeded
from .phrases import NONE_WORD
from .promises_view import promises_view
from .recycling_view import recycling_view
from .sign_in import sign_in_routes
from .sources_view import sources_view
from .story_view import story_view
from .today_view import today_view


def page_routes(
    model: ReadModel, policy: PolicyInUse, keys: KeyRing, access: PageAccess, live: LiveUpdates, actions: Actions | None
) -> APIRouter:
    """All routes for browsers."""
    router = APIRouter(include_in_schema=False)
    router.include_router(sign_in_routes(keys, access))
    _add_assets(router)

    async def signed_in(request: Request) -> None:
        reader = await access.reader(request)
        if reader is None:
            raise SignInNeeded
        request.state.reader = reader

    views = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(signed_in)])
    pages = Pages(model, policy, access.settings, actions)
    _add_lists(views, pages)
    _add_figures(views, pages)
    add_actions(views, pages, access)
    live.add_route(views, pages.source)
    router.include_router(views)
    return router


def _add_assets(router: APIRouter) -> None:
    @router.get(f"{FOLDER}{{name}}")
    async def asset(name: str) -> Response:
        response = asset_response(name)
        response.headers.update(HEADERS)
        return response


def _add_lists(router: APIRouter, pages: Pages) -> None:
    @router.get("/")
    async def today(request: Request, _: Annotated[parameters.NoParameters, Query()]) -> Response:
        source = pages.source()
        return await pages.response(request, source, await today_view(source))

    @router.get("/leads")
    async def leads(request: Request) -> Response:
        source = pages.source()
        story = await story_of(source, request.query_params)
        if story is not None:
            return RedirectResponse(story, 303)
        return await pages.response(request, source, await leads_view(source, request.query_params))

    @router.get("/lead")
    async def lead(request: Request, id: Annotated[str, Query(min_length=1, max_length=MAX_LEAD_ID)]) -> Response:  # noqa: A002
        source = pages.source()
        return await pages.response(request, source, await story_view(source, id))


def _add_figures(router: APIRouter, pages: Pages) -> None:
    @router.get("/sources")
    async def sources(request: Request, cursor: str | None = None, order: str = "") -> Response:
        source = pages.source()
        return await pages.response(request, source, await sources_view(source, cursor, order))

    @router.get("/promises")
    async def promises(request: Request) -> Response:
        source, asked = pages.source(), parameters.EscalationParameters.model_validate(_given(request))
        return await pages.response(request, source, await promises_view(source, asked))

    @router.get("/recycling")
    async def recycling(request: Request) -> Response:
        source, asked = pages.source(), parameters.RecycleParameters.model_validate(_given(request))
        return await pages.response(request, source, await recycling_view(source, asked))

    @router.get("/funnel")
    async def funnel(request: Request) -> Response:
        source, asked = pages.source(), AskedFunnel.model_validate(_given(request))
        return await pages.response(request, source, await funnel_view(source, asked))

    @router.get("/delivery")
    async def delivery(request: Request, _: Annotated[parameters.NoParameters, Query()]) -> Response:
        source = pages.source(request)
        return await pages.response(request, source, await delivery_view(source))

    @router.get("/agreement")
    async def agreement(request: Request, _: Annotated[parameters.NoParameters, Query()]) -> Response:
        source = pages.source()
        return await pages.response(request, source, agreement_view(source))


def _given(request: Request) -> dict[str, str]:
    """The parameters of an address; a field of a form that was left empty is none."""
    return {name: "" if value == NONE_WORD else value for name, value in request.query_params.items() if value}
