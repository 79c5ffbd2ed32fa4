"""Sign-in with a read key, sign-out, and one-time links on one machine.

Every POST has to come from this site: browsers say so in `Sec-Fetch-Site`, or in `Origin`.
"""

from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from workers.http.auth import KeyRing, mark_of
from workers.http.problems import Problem

from .attempts_limit import AttemptsLimit
from .forms import fields_of
from .page_access import PageAccess
from .page_route import PageRoute, html_response
from .sessions import SignIn, delete_cookies, set_cookie
from .sign_in_form import local_target, sign_in_form, signed_out

if TYPE_CHECKING:
    from workers.report.access.oidc_provider import OidcProvider


def sign_in_routes(keys: KeyRing, access: PageAccess) -> APIRouter:
    """The routes of access."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    settings = access.settings
    provider = None
    if settings.oidc is not None:
        # Authlib takes a while to load.
        from workers.report.access.oidc_provider import OidcProvider  # noqa: PLC0415

        from .oidc_sign_in import OidcSignIn  # noqa: PLC0415

        provider = OidcProvider(settings.oidc, settings.address)
        OidcSignIn(provider, access).add_routes(router)
    _add_form(router, keys, access)
    _add_sign_out(router, access, provider)
    _add_links(router, keys, access)
    return router


def _add_form(router: APIRouter, keys: KeyRing, access: PageAccess) -> None:
    attempts, sessions = AttemptsLimit(), access.sessions
    has_oidc = access.settings.oidc is not None

    @router.get("/sign-in")
    async def ask(request: Request, next: Annotated[str, Query(max_length=4096)] = "/") -> Response:  # noqa: A002
        if await access.reader(request) is not None:
            return RedirectResponse(local_target(next), 303)
        return html_response(sign_in_form(local_target(next), has_oidc=has_oidc))

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        access.require_same_site(request)
        host = _host_of(request)
        attempts.check(host)
        given = await fields_of(request)
        key, target = given.get("key", "").strip(), local_target(given.get("next", "/"))
        try:
            keys.admit(f"Bearer {key}", "read")
        except Problem as refused:
            return html_response(sign_in_form(target, has_oidc=has_oidc, refused=refused, tries=attempts.fail(host)))
        attempts.succeed(host)
        await sessions.end(request)
        return signed_in(access, request, await sessions.begin(SignIn("key", mark_of(key))), target)


def _add_sign_out(router: APIRouter, access: PageAccess, provider: "OidcProvider | None") -> None:
    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        access.require_same_site(request)
        reader = await access.sessions.end(request)
        response: Response = RedirectResponse("/sign-in", 303)
        if provider is not None and reader is not None and reader.way == "oidc":
            response = html_response(signed_out(await provider.logout_url(f"{access.settings.address}/sign-in")))
        delete_cookies(response)
        return response


def _add_links(router: APIRouter, keys: KeyRing, access: PageAccess) -> None:
    sessions = access.sessions

    @router.post("/sign-in/links")
    async def new_link(request: Request) -> Response:
        """A link that signs in once, for programs on this machine that have a key; the demo makes one."""
        _require_loopback(request)
        authorization = request.headers.get("authorization", "")
        keys.admit(authorization, "read")
        token = sessions.new_link(mark_of(authorization.partition(" ")[2].strip()))
        return JSONResponse({"path": f"/sign-in/once?token={token}"}, 201)

    @router.get("/sign-in/once")
    async def use_link(request: Request, token: Annotated[str, Query(max_length=128)]) -> Response:
        _require_loopback(request)
        mark_of_key = sessions.use_link(token)
        if mark_of_key is None:
            return RedirectResponse("/", 303)  # used before: who has the session sees the page, others sign in
        await sessions.end(request)
        return signed_in(access, request, await sessions.begin(SignIn("key", mark_of_key)), "/")


def signed_in(access: PageAccess, request: Request, cookie: str, target: str) -> Response:
    """The response that gives a browser its session, and leads to where the reader wanted to go."""
    response = RedirectResponse(target, 303)
    set_cookie(response, cookie, is_secure=access.is_over_tls(request))
    return response


def _host_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _require_loopback(request: Request) -> None:
    is_forwarded = "forwarded" in request.headers or "x-forwarded-for" in request.headers
    if is_forwarded or not _is_loopback(_host_of(request)) or not _is_loopback(request.url.hostname or ""):
        raise Problem("forbidden", "links that sign in are for programs and browsers on this machine only")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
