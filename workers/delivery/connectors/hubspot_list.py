"""Kind `hubspot-list`: members of lists.

`PUT /crm/lists/2026-03/{list}/memberships/add` (or `remove`) with up to 100 record ids; the list's processingType must
be MANUAL or SNAPSHOT. "Records that do not exist or that are already members of the list are ignored": so
`recordsIdsAdded`, `recordIdsRemoved` and `recordIdsMissing` of the response are read. What none of them names is not
taken for done: its memberships are read (`records/memberships/batch/read`). It is a no-op if it is as it should be, and
tried again if not; without the right to read them (crm.lists.read) it is unverified.

Workflows start on *joining*: with `rejoin: true` a contact that was not added leaves and joins again; the price is that
a repeat after a crash starts the workflow twice. REVOKE does not name its track: it removes from every configured list.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

import msgspec

from workers.outbound import Client, HttpResponse

from ..attempts import Accepted, DeliveryRequest, NoOp, Outcome, Rejected, Retry, Unverified
from ..events import ESCALATIONS, DeliveryAction
from .http_target import Tracks
from .hubspot_api import HubSpotTarget, call
from .list_memberships import NO_ESCALATIONS, MembershipChange, membership_changes, more_significant
from .response_policy import decode_body, failure_outcome, is_success, summary_of

MAX_RECORDS_PER_CALL = 100
_CONTACTS = "0-1"


class HubSpotListTarget(HubSpotTarget):
    """Lists. `lists`: the list of each track; `*` for all others."""

    kind: Literal["hubspot-list"]
    lists: Tracks
    rejoin: bool = False

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """A list has no escalations."""
        fix = f"leave {action} out here, and add an endpoint of kind hubspot-task or hubspot-event"
        return (NO_ESCALATIONS, fix) if action in ESCALATIONS else None

    @property
    def track_ids(self) -> Mapping[str, int]:
        """The lists."""
        return self.lists

    @property
    def max_calls(self) -> int:
        """For each list remove and add, and twice a look at who is a member; with `rejoin` remove and add again."""
        return len(set(self.lists.values())) * (4 if self.rejoin else 2) + 2


class MembershipResult(msgspec.Struct):
    """HubSpot's response to a change of members. It misspells one name, and omits what is empty."""

    recordsIdsAdded: list[str | int] | None = None  # noqa: N815  HubSpot's names
    recordIdsAdded: list[str | int] | None = None  # noqa: N815
    recordIdsRemoved: list[str | int] | None = None  # noqa: N815
    recordIdsMissing: list[str | int] | None = None  # noqa: N815

    @property
    def added(self) -> set[str]:
        return {str(each) for each in (*(self.recordsIdsAdded or ()), *(self.recordIdsAdded or ()))}

    @property
    def removed(self) -> set[str]:
        return {str(each) for each in self.recordIdsRemoved or ()}

    @property
    def missing(self) -> set[str]:
        return {str(each) for each in self.recordIdsMissing or ()}


class ListOfRecord(msgspec.Struct):
    listId: str | int  # noqa: N815


class RecordMemberships(msgspec.Struct):
    """The lists of one record."""

    recordId: str | int  # noqa: N815
    recordListMemberships: list[ListOfRecord] | None = None  # noqa: N815


class MembershipsRead(msgspec.Struct):
    """HubSpot's response to a look at the lists of several records; it omits records that it does not know."""

    results: list[RecordMemberships]

    @property
    def members(self) -> set[tuple[str, str]]:
        """Pairs of contact and list."""
        return {
            (str(one.recordId), str(each.listId)) for one in self.results for each in one.recordListMemberships or ()
        }


@dataclass(frozen=True, slots=True)
class _Unnamed:
    """A contact that the response to a change does not name, by the index of its delivery."""

    index: int
    contact: str
    change: MembershipChange


class HubSpotLists:
    """Adds leads to lists and removes them, many per call."""

    batch_size = MAX_RECORDS_PER_CALL

    def __init__(self, target: HubSpotListTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._client = client
        self._now = now

    async def deliver(self, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        outcomes, changes = membership_changes(requests, self._target.lists, self._target.number)
        for joins in (False, True):  # who left is looked at before anybody joins
            unnamed: list[_Unnamed] = []
            for change in (one for one in changes if one.joins is joins):
                made = await self._make(change)
                for index, outcome in made.items():
                    if isinstance(outcome, _Unnamed):
                        unnamed.append(outcome)
                    else:
                        outcomes[index] = more_significant(outcomes.get(index), outcome)
            for index, outcome in await self._looked_at(unnamed):
                outcomes[index] = more_significant(outcomes.get(index), outcome)
        return [outcomes[index] for index in range(len(requests))]

    async def close(self) -> None:
        """Holds no resources."""

    async def _make(self, change: MembershipChange) -> Mapping[int, Outcome | _Unnamed]:
        contacts = {index: str(lead) for index, lead in change.leads.items()}
        outcome, members = await self._change(change.number, "add" if change.joins else "remove", contacts.values())
        if members is None:
            return dict.fromkeys(contacts, outcome)
        found: dict[int, Outcome | _Unnamed] = {
            index: (_joined if change.joins else _left)(contact, members) or _Unnamed(index, contact, change)
            for index, contact in contacts.items()
        }
        unnamed = {one.index: one.contact for one in found.values() if isinstance(one, _Unnamed)}
        if unnamed and change.joins and self._target.rejoin:
            found |= await self._rejoin(change.number, unnamed)
        return found

    async def _rejoin(self, number: int, contacts: dict[int, str]) -> dict[int, Outcome]:
        outcome, left = await self._change(number, "remove", contacts.values())
        if left is None:
            return dict.fromkeys(contacts, outcome)
        outcome, members = await self._change(number, "add", contacts.values())
        if members is None:
            return dict.fromkeys(contacts, outcome)
        again = Accepted(HTTPStatus.OK, "was on the list: removed and added again")
        return {
            index: again
            if contact in left.removed & members.added
            else _joined(contact, members) or Retry(f"HubSpot did not add {contact} to the list {number}")
            for index, contact in contacts.items()
        }

    async def _looked_at(self, unnamed: Sequence[_Unnamed]) -> list[tuple[int, Outcome]]:
        if not unnamed:
            return []
        contacts = sorted({one.contact for one in unnamed})
        path = "/crm/lists/2026-03/records/memberships/batch/read"
        reply = await call(
            self._client,
            self._target,
            "POST",
            path,
            {"inputs": [{"objectTypeId": _CONTACTS, "recordId": contact} for contact in contacts]},
        )
        if not (isinstance(reply, HttpResponse) and is_success(reply)):
            failure: Outcome = failure_outcome(reply, self._now())
            if isinstance(reply, HttpResponse) and reply.status == HTTPStatus.FORBIDDEN:
                why = "the token may not read memberships (crm.lists.read)"
                failure = Unverified(reply.status, f"HubSpot does not say whether it did anything, and {why}")
            return [(one.index, failure) for one in unnamed]
        read = decode_body(reply, MembershipsRead)
        if read is None:
            invalid = Unverified(reply.status, f"an invalid response: {summary_of(reply)}")
            return [(one.index, invalid) for one in unnamed]
        return [(one.index, _as_it_is(one, read.members)) for one in unnamed]

    async def _change(
        self, number: int, how: Literal["add", "remove"], contacts: Iterable[str]
    ) -> tuple[Outcome, MembershipResult | None]:
        """Change members. Returns HubSpot's result; if it is None, the outcome applies to all contacts."""
        path = f"/crm/lists/2026-03/{number}/memberships/{how}"
        reply = await call(self._client, self._target, "PUT", path, [*sorted(set(contacts))])
        if not (isinstance(reply, HttpResponse) and is_success(reply)):
            failure = failure_outcome(reply, self._now())
            if isinstance(failure, Rejected):  # the ids are numbers: so the list is wrong, which can be fixed
                failure = Retry(f"the list {number} cannot be changed: {failure.detail}", failure.status)
            return failure, None
        return Unverified(reply.status, f"an invalid response: {summary_of(reply)}"), decode_body(
            reply, MembershipResult
        )


def _joined(contact: str, members: MembershipResult) -> Outcome | None:
    if contact in members.added:
        return Accepted(HTTPStatus.OK)
    if contact in members.missing:
        return Rejected(HTTPStatus.OK, f"HubSpot has no record {contact}")
    return None


def _left(contact: str, members: MembershipResult) -> Outcome | None:
    if contact in members.removed:
        return Accepted(HTTPStatus.OK, "removed from the list")
    if contact in members.missing:
        return NoOp(HTTPStatus.OK, f"HubSpot has no record {contact}")
    return None


def _as_it_is(one: _Unnamed, members: set[tuple[str, str]]) -> Outcome:
    joins, number = one.change.joins, one.change.number
    if ((one.contact, str(number)) in members) is not joins:
        did = f"add {one.contact} to the list" if joins else f"remove {one.contact} from the list"
        return Retry(f"HubSpot did not {did} {number}, and does not say why", HTTPStatus.OK)
    return NoOp(HTTPStatus.OK, f"was on the list {number} already" if joins else "was not on the list")
