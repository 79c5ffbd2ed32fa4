"""Kind `webhook`: Standard Webhooks 1.0 to any URL.

Sent: `POST` with `{type, timestamp, data}`; type `lead.recycled`, `lead.revoked`, `lead.escalated` or `lead.at_risk`,
timestamp that of the event.
`webhook-id` is the same on every attempt, `webhook-timestamp` that of the attempt; every secret signs, so that secrets
can be rotated without a gap. Accepted: 2xx, as specified; what the receiver does with it cannot be verified.

Everything else is a failure and retried by the schedule, other 4xx included (the specification has no final rejection);
410 disables the endpoint; 429 throttles and is not a failure, like 502, 503 and 504 with Retry-After.
A REVOKE is a separate message: the receiver undoes the RECYCLE. An escalation is sent if `only.actions` asks for it.

The specification sets no rate. The preset is ours, for a small receiver.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.json_value import JsonObject
from streams.runtime.documents import violation
from workers.outbound import Client, HttpResponse
from workers.secret import Secret
from workers.signing import InvalidKey, PublicKey, parse_key, signed_headers

from ..attempts import Accepted, DeliveryRequest, Gone, Outcome, Rejected, Retry
from ..target import Limits
from .http_target import HttpTarget
from .payload import iso, payload_of
from .response_policy import failure_outcome, is_success, summary_of, to_json, transient_failure
from .unbatched import UnbatchedConnector

MAX_BYTES = 20_000
_TYPES = {"RECYCLE": "lead.recycled", "REVOKE": "lead.revoked", "ESCALATE": "lead.escalated", "AT_RISK": "lead.at_risk"}


class WebhookTarget(HttpTarget):
    """A webhook. `secrets`: all of them sign; two during a rotation."""

    PRESET: ClassVar[Limits] = Limits(per_second=50, burst=50, concurrency=10)

    kind: Literal["webhook"]
    secrets: Annotated[tuple[Secret, ...], Field(min_length=1, max_length=4)]

    @model_validator(mode="after")
    def _can_sign(self) -> Self:
        for secret in self.secrets:
            try:
                found = parse_key(secret.reveal())
            except InvalidKey as error:
                raise violation(
                    f"a secret that cannot sign: {error}", "give whsec_… (24 to 64 bytes) or whsk_…"
                ) from None
            if isinstance(found, PublicKey):
                raise violation("a whpk_ key only verifies", "give the whsk_ key that belongs to it")
        return self


class Webhook(UnbatchedConnector):
    """Sends signed messages, one per call."""

    def __init__(self, target: WebhookTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._client = client
        self._now = now
        self._secrets = [parse_key(secret.reveal()) for secret in target.secrets]

    async def _deliver(self, request: DeliveryRequest) -> Outcome:
        body = to_json(_message(request))
        if len(body) >= MAX_BYTES:
            return Rejected(None, f"{len(body)} bytes; a webhook has less than {MAX_BYTES}")
        reply = await self._client.request(
            "POST",
            self._target.url,
            headers=self._headers(request, body),
            body=body,
            url_policy=self._target.url_policy,
            timeout_seconds=self._target.timeout_seconds,
        )
        if not isinstance(reply, HttpResponse):
            return failure_outcome(reply, self._now())
        if is_success(reply):
            return Accepted(reply.status)
        if reply.status == HTTPStatus.GONE:
            return Gone(reply.status, summary_of(reply))
        return transient_failure(reply, self._now()) or Retry(summary_of(reply), reply.status)

    def _headers(self, request: DeliveryRequest, body: bytes) -> dict[str, str]:
        headers = signed_headers(request.message_id, int(self._now()), body, self._secrets)
        trace = {"traceparent": request.traceparent} if request.traceparent else {}
        return {"content-type": "application/json", **headers, **trace}


def _message(request: DeliveryRequest) -> JsonObject:
    event = request.event
    message: JsonObject = {"type": _TYPES[event.action], "timestamp": iso(event.occurred_at), "data": payload_of(event)}
    return message | {"test": True} if request.is_test else message
