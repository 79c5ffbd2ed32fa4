"""Kind `mautic`: membership of a campaign or of a segment, by Mautic's REST API.

Adding a contact that is already in a campaign returns `{"success": 1}` and does nothing, and so do other no-ops
(mautic/mautic: CampaignApiController reports success whatever MembershipManager did). What works is in Adder.php: a
manual removal followed by a manual addition passes `allow_restart` and begins a new rotation. So RECYCLE is

    POST /api/campaigns/{id}/contact/{contact}/remove    then …/add    then GET /api/contacts/{contact}/campaigns

(segments likewise), and is accepted only if the membership is read back; otherwise it is unverified. Unpublished
campaigns are not listed, and cannot be verified. Mautic acts on the membership later, in its cron jobs.
REVOKE does not name its track: it removes from every configured campaign, and reads back.

Escalations write the `escalation_fields` of the contact, `PATCH /api/contacts/{contact}/edit`, for a campaign or a
segment that depends on them. Mautic ignores a field that it does not have, and reports success: the response has the
contact, so the fields are read back from it. Use text fields: others change what they are given.

An attempt that was interrupted after the addition is repeated entirely: the contact then begins one more rotation.
Limits: Mautic has none unless its owner sets one (`api_rate_limiter_limit`); the preset is ours, for a small machine.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from pydantic import Field, StringConstraints, model_validator

from schemas.events import LeadEscalated
from streams.runtime.documents import violation
from workers.outbound import Client, HttpResponse, HttpResult
from workers.secret import Secret

from ..attempts import Accepted, DeliveryRequest, NoOp, Outcome, Rejected, Retry, Unverified
from ..events import ESCALATIONS, DeliveryAction
from ..target import Limits
from .http_target import Id, VendorTarget, id_for_track
from .list_memberships import more_significant, not_numeric
from .payload import PayloadField, selected_fields
from .response_policy import decode_body, failure_outcome, is_success, summary_of, to_json
from .unbatched import UnbatchedConnector

_MAX_BYTES = 1_048_576  # a contact in many campaigns, each described in full
Alias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
_ID = re.compile(r"[0-9]{1,18}")  # as long as those of `http_target.Id`


class MauticTarget(VendorTarget):
    """A Mautic instance. `campaigns` or `segments`: that of each track; `*` for all others."""

    PRESET: ClassVar[Limits] = Limits(per_second=15, burst=15, concurrency=2)

    kind: Literal["mautic"]
    user: str
    password: Secret
    campaigns: Annotated[Mapping[str, Id], Field(default_factory=dict, max_length=50)]
    segments: Annotated[Mapping[str, Id], Field(default_factory=dict, max_length=50)]
    escalation_fields: Annotated[Mapping[Alias, PayloadField], Field(default_factory=dict, max_length=20)]

    @property
    def tracks(self) -> Mapping[str, int]:
        return self.campaigns or self.segments

    @property
    def track_ids(self) -> Mapping[str, int]:
        """The campaigns or segments."""
        return self.tracks

    @property
    def where(self) -> Literal["campaigns", "segments"]:
        return "campaigns" if self.campaigns else "segments"

    @property
    def max_calls(self) -> int:
        """RECYCLE: remove, add, read back. REVOKE: read, remove from each, read back."""
        return max(3, len(set(self.tracks.values())) + 2)

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """Mautic has no tasks: an escalation is in fields of the contact."""
        if action not in ESCALATIONS or self.escalation_fields:
            return None
        return f"{action} has no escalation_fields", "write 'escalation_fields: {leadloop_until: until}', text fields"

    @model_validator(mode="after")
    def _has_either_campaigns_or_segments(self) -> Self:
        if bool(self.campaigns) == bool(self.segments):
            raise violation("either campaigns or segments must be given", "write 'campaigns: {\"*\": 7}'")
        return self


class ChangeResponse(msgspec.Struct):
    """The response to a change."""

    success: int | bool = 0


class MembershipsResponse(msgspec.Struct):
    """The memberships of a contact: by id, or an empty list if there are none (PHP makes no difference)."""

    campaigns: dict[str, object] | list[object] = {}
    lists: dict[str, object] | list[object] = {}


class EditedFields(msgspec.Struct):
    """The values of a contact's fields, by alias."""

    all: dict[str, object] = {}


class EditedContact(msgspec.Struct):
    """A contact after a change."""

    fields: EditedFields = msgspec.field(default_factory=EditedFields)


class EditResponse(msgspec.Struct):
    """The response to a change of fields."""

    contact: EditedContact = msgspec.field(default_factory=EditedContact)


class Mautic(UnbatchedConnector):
    """Changes memberships one by one, and reads them back. A group: a campaign or a segment, as configured."""

    def __init__(self, target: MauticTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._client = client
        self._now = now

    async def _deliver(self, request: DeliveryRequest) -> Outcome:
        contact = self._target.number(request.event.lead_id)
        if contact is None:
            return Rejected(None, not_numeric(request.event.lead_id))
        if isinstance(request.event, LeadEscalated):
            return await self._edit(contact, request.event)
        if request.event.action == "REVOKE":
            return await self._leave(contact)
        group = id_for_track(self._target.tracks, request.event.track)
        if group is None:
            return Rejected(
                None, f"none of the {self._target.where} is configured for the track {request.event.track!r}"
            )
        return await self._join(group, contact)

    async def _join(self, group: int, contact: int) -> Outcome:
        failure = await self._change(group, contact, "remove") or await self._change(group, contact, "add")
        if failure:
            return failure
        groups = await self._groups(contact)
        if not isinstance(groups, set):
            return Unverified(HTTPStatus.OK, f"Mautic reports success, which could not be read back: {groups.detail}")
        if group in groups:
            return Accepted(HTTPStatus.OK, "read back; Mautic acts on it when its cron jobs run")
        return Unverified(HTTPStatus.OK, f"Mautic reports success, but the contact is not in {group} (unpublished?)")

    async def _leave(self, contact: int) -> Outcome:
        before = await self._groups(contact)
        if not isinstance(before, set):
            return before
        outcome: Outcome | None = None
        for group in sorted(set(self._target.tracks.values()) & before):
            outcome = more_significant(outcome, await self._change(group, contact, "remove") or Accepted(HTTPStatus.OK))
        if not isinstance(outcome, Accepted):
            return outcome or NoOp(HTTPStatus.OK, "was in none of them")
        after = await self._groups(contact)
        if not isinstance(after, set):
            return Unverified(HTTPStatus.OK, f"Mautic reports success, which could not be read back: {after.detail}")
        if still := after & set(self._target.tracks.values()):
            return Unverified(HTTPStatus.OK, f"Mautic reports success, but the contact is still in {sorted(still)}")
        return Accepted(HTTPStatus.OK, "read back")

    async def _edit(self, contact: int, event: LeadEscalated) -> Outcome:
        """Write the fields of an escalation, and read them back."""
        values = selected_fields(event, self._target.escalation_fields)
        reply = await self._call("PATCH", f"/api/contacts/{contact}/edit", to_json(values))
        if isinstance(reply, HttpResponse) and reply.status == HTTPStatus.NOT_FOUND:
            return Rejected(reply.status, f"Mautic has no contact {contact}")
        if not (isinstance(reply, HttpResponse) and is_success(reply)):
            return failure_outcome(reply, self._now())
        edited = decode_body(reply, EditResponse)
        found = edited.contact.fields.all if edited else {}
        if ignored := sorted(alias for alias, value in values.items() if str(found.get(alias)) != str(value)):
            return Unverified(reply.status, f"Mautic reports success, but these fields read otherwise: {ignored}")
        return Accepted(reply.status, "read back")

    async def _change(self, group: int, contact: int, how: Literal["add", "remove"]) -> Outcome | None:
        """Add or remove a contact. None if Mautic reports success."""
        reply = await self._call("POST", f"/api/{self._target.where}/{group}/contact/{contact}/{how}")
        if isinstance(reply, HttpResponse) and is_success(reply):
            change = decode_body(reply, ChangeResponse)
            return (
                None
                if change and change.success
                else Unverified(reply.status, f"neither success nor failure: {summary_of(reply)}")
            )
        if isinstance(reply, HttpResponse) and reply.status == HTTPStatus.NOT_FOUND:
            return await self._not_found(group, contact)
        return failure_outcome(reply, self._now())

    async def _not_found(self, group: int, contact: int) -> Outcome:
        """Find out what does not exist: the contact (final), or the campaign (a configuration error, retried)."""
        groups = await self._groups(contact)
        if isinstance(groups, set):
            return Retry(f"Mautic has none of the {self._target.where} with id {group}", HTTPStatus.NOT_FOUND)
        return groups

    async def _groups(self, contact: int) -> set[int] | Retry | Rejected | Unverified:
        """Read the current memberships of a contact."""
        reply = await self._call("GET", f"/api/contacts/{contact}/{self._target.where}")
        if isinstance(reply, HttpResponse) and reply.status == HTTPStatus.NOT_FOUND:
            return Rejected(reply.status, f"Mautic has no contact {contact}")
        if not (isinstance(reply, HttpResponse) and is_success(reply)):
            return failure_outcome(reply, self._now())
        listed = decode_body(reply, MembershipsResponse)
        if listed is None:
            return Unverified(reply.status, f"an invalid response: {summary_of(reply)}")
        return _ids(listed.campaigns if self._target.where == "campaigns" else listed.lists)

    async def _call(self, method: str, path: str, body: bytes = b"") -> HttpResult:
        pair = f"{self._target.user}:{self._target.password.reveal()}"
        headers = {"authorization": "Basic " + b64encode(pair.encode()).decode(), "accept": "application/json"}
        return await self._client.request(
            method,
            self._target.at(path),
            headers=headers | ({"content-type": "application/json"} if body else {}),
            body=body,
            url_policy=self._target.url_policy,
            timeout_seconds=self._target.timeout_seconds,
            max_bytes=_MAX_BYTES,
        )


def _ids(listed: dict[str, object] | list[object]) -> set[int]:
    """Return the ids, without memberships that were removed manually."""
    rows = listed.values() if isinstance(listed, dict) else listed
    current = (row for row in rows if isinstance(row, dict) and not row.get("manuallyRemoved"))
    ids = (str(row.get("id", "")) for row in current)
    return {int(text) for text in ids if _ID.fullmatch(text)}
