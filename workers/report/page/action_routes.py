"""The routes of what operators do: a page that asks for a confirmation, and the form of it.

A form is accepted from this site, by an operator, and with the token of their session; everything else is refused.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from workers.delivery.operator_actions import OperatorActs
from workers.http.problems import Problem
from workers.report.access.form_tokens import FIELD
from workers.report.actions import Actions

from .actions_view import ACT_PATH, QUESTIONS, confirmation
from .delivery_view import newest_tools
from .forms import fields_of
from .page_access import PageAccess
from .page_responses import Pages

if TYPE_CHECKING:
    from workers.report.access.reader import PageReader


def add_actions(router: APIRouter, pages: Pages, access: PageAccess) -> None:
    """Add both routes."""

    @router.get(ACT_PATH)
    async def ask(request: Request, action: OperatorActs, endpoint: Annotated[str, Query(max_length=200)]) -> Response:
        source = pages.source(request)
        reader: PageReader = request.state.reader
        reader.require_operator()
        await _require_known(pages, endpoint)
        return await pages.response(request, source, confirmation(action, endpoint, access.tokens.of(reader)))

    @router.post(ACT_PATH)
    async def act(request: Request) -> Response:
        access.require_same_site(request)
        reader: PageReader = request.state.reader
        reader.require_operator()
        given = await fields_of(request)
        access.tokens.check(reader, given.get(FIELD, ""))
        action, endpoint = given.get("action", ""), given.get("endpoint", "")
        actions = await _require_known(pages, endpoint)
        match action:
            case "pause" | "resume" | "replay":
                await actions.act(reader, action, endpoint, given.get("why", ""))
            case _:
                raise Problem("invalid", f"{action[:40]!r} is none of {', '.join(QUESTIONS)}")
        return RedirectResponse("/delivery#done", 303)


async def _require_known(pages: Pages, endpoint: str) -> Actions:
    """The actions, if there are any, and an endpoint of this name. Raises Problem."""
    if pages.actions is None:
        raise Problem("not-found", "actions are not available here: this process has no access to Kafka")
    if endpoint not in pages.actions.log.endpoints() | await newest_tools(pages.model):
        raise Problem("not-found", "no tool of this name is known")
    return pages.actions
