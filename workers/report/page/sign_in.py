"""Sign-in with a read key, sign-out, and one-time links on one machine.

Every POST has to come from this site: browsers say so in `Sec-Fetch-Site`, or in `Origin`.
"""

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Query
from htpy import Node, button, code, form, input, label, p  # noqa: A004  # the element
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from workers.http.auth import KeyRing, mark_of
from workers.http.body import read_body
from workers.http.problems import Problem

from .attempts_limit import AttemptsLimit
from .frame import Shown, mark
from .page_access import PageAccess
from .page_route import PageRoute, html_response
from .phrases import plural
from .sessions import SignIn, delete_cookies, set_cookie

MOST_BYTES = 8_192
_FORM = "application/x-www-form-urlencoded"
_QUESTION = "Sign in to Leadloop"


def sign_in_routes(keys: KeyRing, access: PageAccess) -> APIRouter:
    """The routes of access."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    _add_form(router, keys, access)
    _add_links(router, keys, access)
    return router


def _add_form(router: APIRouter, keys: KeyRing, access: PageAccess) -> None:
    attempts, sessions = AttemptsLimit(), access.sessions

    @router.get("/sign-in")
    async def ask(request: Request, next: Annotated[str, Query(max_length=4096)] = "/") -> Response:  # noqa: A002
        if await access.reader(request) is not None:
            return RedirectResponse(local_target(next), 303)
        return html_response(_form_of(local_target(next)))

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        access.require_same_site(request)
        host = _host_of(request)
        attempts.check(host)
        given = await _fields(request)
        key, target = given.get("key", "").strip(), local_target(given.get("next", "/"))
        try:
            keys.admit(f"Bearer {key}", "read")
        except Problem as refused:
            return html_response(_form_of(target, refused, attempts.fail(host)))
        attempts.succeed(host)
        await sessions.end(request)
        return signed_in(access, request, await sessions.begin(SignIn("key", mark_of(key))), target)

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        access.require_same_site(request)
        await sessions.end(request)
        response = RedirectResponse("/sign-in", 303)
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


def local_target(target: str) -> str:
    """The path to return to: one of this site, otherwise that of the first view."""
    is_path = target.startswith("/") and not target.startswith("//")
    is_plain = target.isprintable() and target.isascii() and "\\" not in target and " " not in target
    parts = urlsplit(target) if is_path and is_plain else None
    if parts is None or parts.scheme or parts.netloc or parts.path.startswith(("//", "/sign-")):
        return "/"
    return target


async def _fields(request: Request) -> dict[str, str]:
    body = await read_body(request, max_bytes=MOST_BYTES)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Problem("unsupported-media-type", f"send a form as {_FORM}")
    try:
        fields = parse_qs(body.decode(), max_num_fields=10, keep_blank_values=True)
    except ValueError:
        raise Problem("malformed", "the form cannot be read") from None
    return {name: values[0] for name, values in fields.items()}


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


def _form_of(target: str, refused: Problem | None = None, tries: int = 0) -> Shown:
    wrong = None if refused is None else p("#wrong.wrong")[mark("stalled"), _wrong(tries)]
    answer: Node = "Sales and marketing see the same leads here. You need a read key."
    if refused is not None and refused.status == 403:  # noqa: PLR2004  # Forbidden
        answer = "That key may not read. Ask whoever runs Leadloop for one with the scope read."
    elif refused is not None:
        answer = (
            "That key was not accepted. Check that it was copied whole, or ask whoever runs Leadloop for a new one."
        )
    content = [
        form(".sign-in", method="post", action="/sign-in")[
            input(type="hidden", name="next", value=target),
            label(for_="key")["Read key"],
            p("#hint.soft")[
                "It begins with ",
                code["llk_"],
                ". Whoever runs Leadloop makes one with ",
                code["leadloop keys new --scope read"],
                ".",
            ],
            wrong,
            input(
                "#key",
                type="password",
                name="key",
                autocomplete="current-password",
                required=True,
                spellcheck="false",
                aria_describedby="hint wrong" if wrong else "hint",
                aria_invalid="true" if wrong else None,
            ),
            button(type="submit")["Sign in"],
        ],
        p(".soft")[
            "Your browser keeps a cookie that ends after twelve hours. The key itself is not kept, and never stands in "
            "an address."
        ],
    ]
    return Shown(_QUESTION, answer, content, status=refused.status if refused else 200)


def _wrong(tries: int) -> str:
    if not tries:
        return "The key was not accepted. The next try is possible in a minute."
    return (
        f"The key was not accepted. {tries} {plural(tries, 'try is', 'tries are')} left before a pause of one minute."
    )
