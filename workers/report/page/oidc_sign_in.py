"""Sign-in at a provider of OpenID Connect: the browser goes there, and comes back with a code.

What the end of a sign-in is checked by waits in a signed cookie of this browser, for ten minutes. That cookie has
SameSite=Lax: browsers send a strict one only from this site, and the provider is another one.
"""

import logging
import secrets
from typing import Annotated

from fastapi import APIRouter, Query
from htpy import a, div, p
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from workers.http.problems import Problem
from workers.report.access.oidc_provider import CALLBACK, Flow, OidcProvider, Person, ProviderAway, ProviderRefused
from workers.report.access.reader import Role

from .frame import Shown
from .page_access import PageAccess
from .page_route import RETRY_SECONDS, html_response, opened_again
from .phrases import address
from .sessions import SignIn, set_cookie
from .sign_in_form import OIDC_PATH, QUESTION, local_target

FLOW_SECONDS = 600
FLOW_COOKIE, SECURE_FLOW_COOKIE = "leadloop-oidc", "__Host-leadloop-oidc"
_LOG = logging.getLogger("leadloop.page")
_AWAY, _REFUSED = 503, 403


class OidcSignIn:
    """The routes of one provider."""

    def __init__(self, provider: OidcProvider, access: PageAccess) -> None:
        self._provider = provider
        self._access = access
        secret = access.settings.secret or secrets.token_urlsafe(32)
        self._is_secure = access.settings.address.startswith("https://")
        self._cookie = SECURE_FLOW_COOKIE if self._is_secure else FLOW_COOKIE
        self._serializer = URLSafeTimedSerializer(secret, salt="leadloop-oidc")

    def add_routes(self, router: APIRouter) -> None:
        @router.get(OIDC_PATH)
        async def begin(next: Annotated[str, Query(max_length=4096)] = "/") -> Response:  # noqa: A002
            return await self._begin(local_target(next))

        @router.get(CALLBACK)
        async def end(request: Request) -> Response:
            response = await self._end(request)
            response.delete_cookie(self._cookie, path="/", secure=self._is_secure, httponly=True, samesite="lax")
            return response

    async def _begin(self, target: str) -> Response:
        flow = Flow(*(secrets.token_urlsafe(32) for _ in range(3)))
        try:
            url = await self._provider.authorization_url(flow)
        except ProviderAway as away:
            return _unavailable(away, target)
        response = RedirectResponse(url, 303)
        response.set_cookie(
            self._cookie,
            str(self._serializer.dumps([*flow, target])),
            max_age=FLOW_SECONDS,
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def _end(self, request: Request) -> Response:
        given = request.query_params
        try:
            *flow, target = self._serializer.loads(request.cookies.get(self._cookie, ""), max_age=FLOW_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return _refused("This sign-in was not begun in this browser, or took longer than ten minutes.", "/")
        begun, target = Flow(*flow), local_target(target)
        if not secrets.compare_digest(given.get("state", "").encode(), begun.state.encode()):
            return _refused("This sign-in was not begun in this browser, or another one was begun since.", target)
        if "error" in given or not given.get("code"):
            return _refused(_in_words(given.get("error", ""), given.get("error_description", "")), target)
        return await self._exchanged(request, begun, target)

    async def _exchanged(self, request: Request, begun: Flow, target: str) -> Response:
        try:
            person = await self._provider.person(request.query_params["code"], begun)
            role = self._access.groups.role(person.name, person.groups)
        except ProviderAway as away:
            return _unavailable(away, target)
        except ProviderRefused as refused:
            _LOG.warning("a sign-in with OpenID Connect is refused: %s", refused)
            return _refused(f"The sign-in could not be checked: {refused}.", target)
        except Problem as problem:
            return _refused(f"{problem.detail[:1].upper()}{problem.detail[1:]}.", target)
        return await self._signed_in(request, person, role, target)

    async def _signed_in(self, request: Request, person: Person, role: Role, target: str) -> Response:
        await self._access.sessions.end(request)
        begun = SignIn("oidc", person.name, role, person.subject)
        # The browser comes from another site: only the next page gets its strict cookie.
        response = html_response(opened_again(target))
        cookie = await self._access.sessions.begin(begun)
        set_cookie(response, cookie, is_secure=self._access.is_over_tls(request))
        return response


def _in_words(error: str, description: str) -> str:
    if error == "access_denied":
        return "The sign-in service did not let you in, or you cancelled the sign-in there."
    said = f"{error or 'no code'} {description}".strip()[:300]
    return f"The sign-in service reports an error: {said}."


def _refused(answer: str, target: str) -> Response:
    again = address(OIDC_PATH, next=target)
    content = div(".empty")[
        p[a(href=again)["Sign in again"], " · ", a(href=address("/sign-in", next=target))["Other ways to sign in"]],
        p(".soft")["If it happens again, call whoever runs Leadloop: error 403."],
    ]
    return html_response(Shown(QUESTION, answer, content, status=_REFUSED))


def _unavailable(away: ProviderAway, target: str) -> Response:
    _LOG.error("OpenID Connect cannot be used: %s", away)
    content = div(".empty")[
        p[f"The reason: {away}."],
        p[a(href=address(OIDC_PATH, next=target))["Try again"]],
        p["Who has a read key ", a(href=address("/sign-in", next=target))["can sign in with it"], " meanwhile."],
        p(".soft")["If it stays like this, call whoever runs Leadloop: error 503."],
    ]
    answer = "The sign-in service does not answer at the moment."
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return html_response(Shown(QUESTION, answer, content, status=_AWAY, headers=headers))
