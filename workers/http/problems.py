"""Error responses of all HTTP servers: always `application/problem+json` (RFC 9457).

Raise Problem anywhere in a request; it becomes the response. It must not contain a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Literal

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.json_value import JsonObject

MEDIA_TYPE = "application/problem+json"

ProblemType = Literal[
    "malformed",
    "unauthorized",
    "forbidden",
    "not-found",
    "method-not-allowed",
    "timeout",
    "too-large",
    "unsupported-media-type",
    "invalid",
    "rate-limited",
    "internal",
    "unavailable",
]

PROBLEM_TYPES: Mapping[ProblemType, tuple[int, str]] = MappingProxyType(
    {
        "malformed": (400, "The request cannot be read"),
        "unauthorized": (401, "Authentication is required"),
        "forbidden": (403, "This key does not permit that"),
        "not-found": (404, "Nothing was found here"),
        "method-not-allowed": (405, "This method is not allowed here"),
        "timeout": (408, "The request took too long to arrive"),
        "too-large": (413, "The request is too large"),
        "unsupported-media-type": (415, "This media type is not supported"),
        "invalid": (422, "The request is invalid"),
        "rate-limited": (429, "Too many events"),
        "internal": (500, "An internal error"),
        "unavailable": (503, "Temporarily unavailable"),
    }
)
"""All problem types, with status and title."""

_BY_STATUS: Mapping[int, ProblemType] = {status: kind for kind, (status, _) in PROBLEM_TYPES.items()}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class FieldError:
    """One error: its path (a JSON pointer into the body, or `header NAME`), and how to fix it."""

    path: str
    detail: str
    fix: str


class Problem(Exception):
    """The request cannot be served.

    Args:
        kind: The problem type; determines status and title.
        detail: For people; without secrets.
        errors: What is invalid and where, for clients.
        headers: Added to the response.
    """

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind: ProblemType = kind
        self.status, self.title = PROBLEM_TYPES[kind]
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


def unauthorized(detail: str) -> Problem:
    """Make a 401 with the challenge that it needs."""
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="leadloop"'})


def retry_later(kind: Literal["rate-limited", "unavailable"], detail: str, after_seconds: float) -> Problem:
    """Make a 429 or 503 with Retry-After `after_seconds` (rounded up, at least one)."""
    return Problem(kind, detail, headers={"Retry-After": str(max(1, -int(-after_seconds // 1)))})


def problem_json(problem: Problem) -> bytes:
    """Encode a problem as its JSON document."""
    document: JsonObject = {
        "type": f"urn:leadloop:problem:{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        document["errors"] = [asdict(error) for error in problem.errors]
    return _encode(document)


def problem_response(problem: Problem) -> Response:
    """Make the response of a problem; it must not be cached."""
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(problem_json(problem), problem.status, headers, MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of an application with a problem document: its own, the framework's, and bugs."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_unexpected_error)


def schema() -> JsonObject:
    """Return the JSON Schema of the document, for OpenAPI."""
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": errors_schema(),
        },
    }


def errors_schema() -> JsonObject:
    """Return the JSON Schema of a list of errors, for OpenAPI."""
    text: JsonObject = {"type": "string"}
    return {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["path", "detail", "fix"],
            "properties": {"path": text, "detail": text, "fix": text},
        },
    }


async def _on_problem(_: Request, exc: Exception) -> Response:
    if not isinstance(exc, Problem):
        raise exc
    return problem_response(exc)


async def _on_http_exception(_: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        raise exc
    kind = _BY_STATUS.get(exc.status_code, "malformed")
    return problem_response(Problem(kind, str(exc.detail), headers=exc.headers))


async def _on_validation_error(_: Request, exc: Exception) -> Response:
    if not isinstance(exc, RequestValidationError):
        raise exc
    errors = [
        FieldError("/" + "/".join(map(str, error["loc"])), str(error["msg"]), "see /openapi.json")
        for error in exc.errors()
    ]
    return problem_response(Problem("invalid", "a parameter is invalid", errors=errors))


async def _on_unexpected_error(_: Request, __: Exception) -> Response:
    # The server logs the traceback; the client gets nothing of it.
    return problem_response(Problem("internal", "an unexpected error; it has been logged"))
