"""Marketo's REST API: authentication, and the meaning of its responses, nearly all of which are 200.

Sources (AdobeDocs/marketo-developer, help/rest-api): authentication.md, error-codes.md and
marketo-integration-best-practices.md. Tokens come from `/identity/oauth/token` by client credentials, live an hour, and
are sent as a header (Marketo no longer accepts them in the query). "For Response-Level and Record-Level error types, an
HTTP status code of 200 is returned": `success: false` with codes of 6xx (not executed) and 7xx, and records that are
skipped with reasons of 1xxx.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import urlencode

import msgspec

from schemas.json_value import JsonObject
from workers.outbound import Client, HttpResponse, redacted
from workers.secret import Secret

from ..attempts import NoOp, Outcome, Rejected, Retry, Unverified
from ..target import Limits
from .http_target import VendorTarget
from .response_policy import decode_body, failure_outcome, is_success, summary_of, to_json

TOKEN = {"601", "602"}
RATE, QUOTA, CONCURRENCY = "606", "607", "615"
# Errors of the moment, not of the request.
TRANSIENT = {"500", "502", "604", "608", "611", "614", "713", "719"}
# Errors of the configuration: permissions, paths, features, a missing list or campaign.
FIXABLE = {"603", "605", "610", "612", "616", "703", "1008", "1013"}
NOT_LISTED, SKIPPED = "1015", "1037"

_RATE_SECONDS, _CONCURRENCY_SECONDS = 20.0, 5.0
_MAX_BYTES = 1_048_576
_SPARE_SECONDS = 60.0
_DAY_SECONDS = 86_400
_CST_SECONDS = -6 * 3600


class MarketoTarget(VendorTarget):
    """A Marketo instance. `url`: https://<munchkin id>.mktorest.com, without /rest. Leads: their ids in Marketo.

    Marketo permits 100 calls in 20 s, 10 at once, and 50,000 a day, for all clients together; it advises to use no more
    than half of the rate and five at once, which is the preset.
    """

    PRESET = Limits(per_second=2, burst=10, concurrency=5)

    client_id: Secret
    client_secret: Secret


class ApiError(msgspec.Struct):
    """Why something failed, or a record was skipped. Codes are strings, sometimes numbers."""

    code: str | int = ""
    message: str | None = ""


class LeadResult(msgspec.Struct):
    """The result for one lead."""

    id: int | str | None = None
    status: str | None = ""
    reasons: list[ApiError] | None = None


class ApiResponse(msgspec.Struct):
    """The envelope of every response."""

    success: bool = False
    result: list[LeadResult] | None = None
    errors: list[ApiError] | None = None


class AccessToken(msgspec.Struct):
    """An access token. `expires_in`: seconds, the rest of its life if it existed before."""

    access_token: str
    expires_in: float = 0.0


@dataclass(frozen=True, slots=True)
class ApiSuccess:
    """`success: true`. Results by lead id, if there are any."""

    status: int
    records: Mapping[str, LeadResult]


class MarketoApi:
    """Calls the API with an access token that it fetches and caches; one instance per endpoint."""

    def __init__(self, target: MarketoTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._client = client
        self._now = now
        self._token = ""
        self._good_until = 0.0
        self._fetching = asyncio.Lock()

    async def call(
        self, method: str, path: str, *, ids: Sequence[int] = (), sent: JsonObject | None = None
    ) -> ApiSuccess | Retry | Rejected | Unverified:
        """Call once; a second time with a new token if the first had expired.

        Returns:
            ApiSuccess, or the outcome for all leads of the call.
        """
        query = "?" + urlencode([("id", each) for each in ids]) if ids else ""
        for is_last in (False, True):
            token = await self._valid_token()
            if not isinstance(token, str):
                return token
            reply = await self._request(method, path + query, token, sent)
            if isinstance(reply, ApiSuccess) or is_last or not _is_about_token(reply):
                break
            self._forget(token)
        return reply if isinstance(reply, ApiSuccess) else self._outcome(reply)

    async def _request(
        self, method: str, path: str, token: str, sent: JsonObject | None
    ) -> "ApiSuccess | _Unsuccessful":
        content = {} if sent is None else {"content-type": "application/json"}
        reply = await self._client.request(
            method,
            self._target.at(path),
            headers={"authorization": f"Bearer {token}", "accept": "application/json", **content},
            body=b"" if sent is None else to_json(sent),
            url_policy=self._target.url_policy,
            timeout_seconds=self._target.timeout_seconds,
            max_bytes=_MAX_BYTES,
        )
        if not (isinstance(reply, HttpResponse) and is_success(reply)):
            return failure_outcome(reply, self._now())
        body = decode_body(reply, ApiResponse)
        if body is None:
            return Unverified(reply.status, f"an invalid response: {summary_of(reply)}")
        if not body.success:
            return _ApiFailure(reply.status, body.errors or [])
        return ApiSuccess(reply.status, {str(record.id): record for record in body.result or []})

    def _outcome(self, reply: "_Unsuccessful") -> Retry | Rejected | Unverified:
        return reply.outcome(self._now()) if isinstance(reply, _ApiFailure) else reply

    async def _valid_token(self) -> str | Retry:
        async with self._fetching:
            if self._token and self._now() < self._good_until:
                return self._token
            return await self._fetch()

    async def _fetch(self) -> str | Retry:
        target = self._target
        query = {
            "grant_type": "client_credentials",
            "client_id": target.client_id.reveal(),
            "client_secret": target.client_secret.reveal(),
        }
        reply = await self._client.request(
            "GET",
            target.at("/identity/oauth/token?" + urlencode(query)),
            headers={"accept": "application/json"},
            url_policy=target.url_policy,
            timeout_seconds=target.timeout_seconds,
        )
        token = decode_body(reply, AccessToken) if isinstance(reply, HttpResponse) and is_success(reply) else None
        if token is None:
            failure = failure_outcome(reply, self._now())
            retry = failure if isinstance(failure, Retry) else Retry("")
            return replace(retry, detail=f"no token: {failure.detail}", status=failure.status)
        self._token = token.access_token
        # A token that is about to expire may expire on the way; Marketo returns the same token until it expires.
        self._good_until = self._now() + max(token.expires_in - _SPARE_SECONDS, 1.0)
        return self._token

    def _forget(self, token: str) -> None:
        if self._token == token:
            self._token = ""


@dataclass(frozen=True, slots=True)
class _ApiFailure:
    """`success: false`, whatever the HTTP status."""

    status: int
    reasons: Sequence[ApiError]

    @property
    def codes(self) -> set[str]:
        return {str(reason.code) for reason in self.reasons}

    def outcome(self, now: float) -> Retry | Rejected:
        codes, detail = self.codes, error_text(self.reasons)
        if QUOTA in codes:
            return Retry(detail, self.status, _until_midnight(now), throttled=True)
        if codes & {RATE, CONCURRENCY}:
            after = _RATE_SECONDS if RATE in codes else _CONCURRENCY_SECONDS
            return Retry(detail, self.status, after, throttled=True)
        if not codes or codes & (TRANSIENT | FIXABLE | TOKEN):
            return Retry(detail, self.status)
        return Rejected(self.status, detail)


_Unsuccessful: TypeAlias = Retry | Rejected | Unverified | _ApiFailure


def error_text(reasons: Sequence[ApiError] | None) -> str:
    texts = (f"{reason.code} {reason.message or ''}".strip() for reason in reasons or ())
    return redacted("; ".join(texts)) or "success is false, without a reason"


def skipped(record: LeadResult) -> Outcome:
    """Map a skipped record to an outcome: nothing to do if the lead is not on the list, or has passed the status."""
    codes, detail = {str(reason.code) for reason in record.reasons or ()}, error_text(record.reasons)
    if codes & {NOT_LISTED, SKIPPED}:
        return NoOp(HTTPStatus.OK, detail)
    if codes & (TRANSIENT | FIXABLE):
        return Retry(detail, HTTPStatus.OK)
    return Rejected(HTTPStatus.OK, detail)


def _is_about_token(reply: _Unsuccessful) -> bool:
    denied = isinstance(reply, Retry) and reply.status == HTTPStatus.UNAUTHORIZED
    return denied or (isinstance(reply, _ApiFailure) and bool(reply.codes & TOKEN))


def _until_midnight(now: float) -> float:
    """Seconds until the daily quota is reset, at 00:00 CST."""
    return _DAY_SECONDS - (now + _CST_SECONDS) % _DAY_SECONDS
