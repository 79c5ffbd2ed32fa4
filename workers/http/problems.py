"""What an HTTP server says when it cannot do what was asked: `application/problem+json` (RFC 9457), always.

Problem     raise it anywhere in a request; the answer is its own. Nothing of it may hold a secret.
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
        "unauthorized": (401, "Who are you?"),
        "forbidden": (403, "This key may not do that"),
        "not-found": (404, "There is nothing here"),
        "method-not-allowed": (405, "This method is not for here"),
        "timeout": (408, "The request took too long to arrive"),
        "too-large": (413, "The request is too large"),
        "unsupported-media-type": (415, "This kind of body is not read"),
        "invalid": (422, "The request says what cannot be"),
        "rate-limited": (429, "Too much at once"),
        "internal": (500, "A fault of ours"),
        "unavailable": (503, "Not now"),
    }
)
"""Every kind of problem, with its status and title."""

_BY_STATUS: Mapping[int, ProblemType] = {status: kind for kind, (status, _) in PROBLEM_TYPES.items()}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class FieldError:
    """One place that is wrong (a JSON pointer into the body, or `header NAME`), and what to write instead."""

    path: str
    detail: str
    fix: str


class Problem(Exception):
    """What was asked cannot be done. `detail` is for people; `headers` go out with the answer."""

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
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="leadloop"'})


def retry_later(kind: Literal["rate-limited", "unavailable"], detail: str, after_seconds: float) -> Problem:
    """Not now, but again after so many seconds (rounded up, at least one)."""
    return Problem(kind, detail, headers={"Retry-After": str(max(1, -int(-after_seconds // 1)))})


def problem_json(problem: Problem) -> bytes:
    """The document that describes a problem."""
    document: dict[str, object] = {
        "type": f"urn:leadloop:problem:{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        document["errors"] = [asdict(error) for error in problem.errors]
    return _encode(document)


def problem_response(problem: Problem) -> Response:
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(problem_json(problem), problem.status, headers, MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Whatever goes wrong in this application is told as a problem: errors of the framework, and bugs, too."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_unexpected_error)


def schema() -> dict[str, object]:
    """The JSON Schema of the document, for OpenAPI."""
    text = {"type": "string"}
    error = {
        "type": "object",
        "required": ["path", "detail", "fix"],
        "properties": {"path": text, "detail": text, "fix": text},
    }
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "errors": {"type": "array", "items": error},
        },
    }


async def _on_problem(_: Request, fault: Exception) -> Response:
    if not isinstance(fault, Problem):
        raise fault
    return problem_response(fault)


async def _on_http_exception(_: Request, fault: Exception) -> Response:
    if not isinstance(fault, HTTPException):
        raise fault
    kind = _BY_STATUS.get(fault.status_code, "malformed")
    return problem_response(Problem(kind, str(fault.detail), headers=fault.headers))


async def _on_validation_error(_: Request, fault: Exception) -> Response:
    if not isinstance(fault, RequestValidationError):
        raise fault
    errors = [
        FieldError("/" + "/".join(map(str, error["loc"])), str(error["msg"]), "see /openapi.json")
        for error in fault.errors()
    ]
    return problem_response(Problem("invalid", "a parameter does not fit", errors=errors))


async def _on_unexpected_error(_: Request, __: Exception) -> Response:
    # The server logs it, with its trace; whoever asked gets none of that.
    return problem_response(Problem("internal", "this should not have happened; it is logged"))
