"""The route of a page: its errors are pages too, in words, and every response carries the security headers."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from htpy import a, div, fragment, meta, p
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from schemas.registry import RegistryUnavailable
from workers.http.problems import Problem
from workers.report.generation_reader import ReadModelUnavailable

from .frame import Shown, bare_document

RETRY_SECONDS, UNPROCESSABLE = 5, 422
_LOG = logging.getLogger("leadloop.page")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SignInNeeded(Exception):
    """The reader has no valid session."""


class PageRoute(APIRoute):
    """A route whose responses are for browsers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                response = await handle(request)
            except SignInNeeded:
                response = _to_sign_in(request)
            except Exception as error:  # noqa: BLE001  # every error becomes a page; unexpected ones are logged
                response = html_response(_explained(error))
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return page


def html_response(shown: Shown) -> Response:
    """A page without the frame."""
    return HTMLResponse(str(bare_document(shown)), shown.status, shown.headers)


def _to_sign_in(request: Request) -> Response:
    asked = _page_to_return_to(request)
    if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
        return html_response(opened_again(asked))
    target = "/sign-in" if asked == "/" else f"/sign-in?next={quote(asked, safe='')}"
    return RedirectResponse(target, 303)


def _page_to_return_to(request: Request) -> str:
    """What was asked for; of a form, which cannot be asked for again, the page of this site on which it stood."""
    if request.method in {"GET", "HEAD"}:
        return _path(request.url.path, request.url.query)
    stood_on = urlsplit(request.headers.get("referer", ""))
    return _path(stood_on.path, stood_on.query) if stood_on.netloc == request.headers.get("host") else "/"


def _path(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def opened_again(asked: str) -> Shown:
    """For a link on another site, with which browsers send no cookie: the page opens itself again, then with it."""
    again = fragment[meta(http_equiv="refresh", content=f"0;url={asked}"), p[a(href=asked)["Open it now"]]]
    return Shown("Leadloop", "The page is being opened.", again)


def _explained(error: Exception) -> Shown:
    """What is wrong and what to do, in words; the number last."""
    match error:
        case ReadModelUnavailable() | RegistryUnavailable():
            return Shown(
                "What waits, and for whom?",
                "The figures cannot be read at the moment.",
                div(".empty")[
                    p[f"The reason: {error}. No event is lost, and decisions go on meanwhile."],
                    p["Reload this page in a few seconds. ", a(href="/")["Try again"]],
                    p(".soft")["If it still stands here after ten minutes, call whoever runs Leadloop: error 503."],
                ],
                status=503,
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        case RequestValidationError() | ValidationError():
            return _refused([_in_words(one) for one in error.errors()], UNPROCESSABLE)
        case Problem():
            return _refused([error.detail], error.status, error.headers)
        case _:
            _LOG.error("a page could not be made", exc_info=error)
            return Shown(
                "What happened?",
                "This page could not be made. The error is logged.",
                div(".empty")[p[a(href="/")["Back to Today"]], p(".soft")["Error 500"]],
                status=500,
            )


def _in_words(error: Mapping[str, Any]) -> str:
    """What is wrong with one parameter."""
    message = str(error["msg"]).removeprefix("Value error, ")
    names = [str(one) for one in error["loc"] if one != "query"]
    return f"{names[0]}: {message}" if names else message


def _refused(reasons: list[str], status: int, headers: dict[str, str] | None = None) -> Shown:
    said = [f"{reason[:1].upper()}{reason[1:]}{'' if reason.endswith(('.', '?', '!')) else '.'}" for reason in reasons]
    other = p["Nothing is shown, because it would be something else than what was asked for."]
    return Shown(
        "What is shown here?",
        said[0] if said else "This cannot be shown.",
        div(".empty")[
            [p[sentence] for sentence in said[1:]],
            other if status == UNPROCESSABLE else None,
            p[a(href="/")["Today"], " · ", a(href="/leads")["All leads"]],
            p(".soft")[f"Error {status}"],
        ],
        status=status,
        headers=headers or {},
    )
