"""Kinds `marketo-campaign` and `marketo-list`.

**Campaign**: `POST /rest/v1/campaigns/{id}/trigger.json`, at most 100 leads (smart-campaigns.md); the campaign needs
the trigger "Campaign is Requested" with the source "Web Service API". The response names the campaign and no lead:
whether a lead qualified (filters, "run once") is not reported, so success is *unverified*. A rejected batch is
halved, and both halves are retried separately, until the lead that caused the rejection is alone. Tokens
apply to a whole call, so with `tokens` there is one lead per call. REVOKE requests `revoke_campaign`, which has to
remove the lead; without one it is rejected. Escalations request `escalate_campaign` and `at_risk_campaign`, which may
send an alert, or create a task in the CRM that is connected; `escalation_tokens` are its tokens.

**List**: `POST` and `DELETE /rest/v1/lists/{id}/leads.json?id=…` with at most 300 ids (list-membership.md); the
response has a result per lead: added, removed, or skipped with reasons. With `verify` (the default) membership is
read back with `ismember.json`. REVOKE does not name its track: it removes from every configured list.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field as Setting
from pydantic import StringConstraints

from schemas.events import LeadEscalated, LeadRecycled
from schemas.json_value import JsonObject, JsonValue
from workers.outbound import Client

from ..attempts import Accepted, DeliveryRequest, NoOp, Outcome, Rejected, Retry, Unverified
from ..events import ESCALATIONS, DeliveredEvent, DeliveryAction
from .http_target import Id, Tracks, id_for_track
from .list_memberships import NO_ESCALATIONS, MembershipChange, membership_changes, more_significant, not_numeric
from .marketo_api import ApiSuccess, LeadResult, MarketoApi, MarketoTarget, skipped
from .payload import PayloadField, selected_fields

MAX_LEADS_PER_CAMPAIGN_CALL = 100
MAX_LEADS_PER_LIST_CALL = 300
MAX_HALVED = 10_000
_HALVED_SECONDS = 1.0
_MISSING = {"REVOKE": "a campaign cannot be revoked: configure a revoke_campaign that removes leads"}
TokenName = Annotated[str, StringConstraints(pattern=r"^\{\{my\.[^{}]{1,100}\}\}$")]


class MarketoCampaignTarget(MarketoTarget):
    """Campaigns. `campaigns`: that of each track; `*` for all others. `tokens`: the field that each My Token gets."""

    kind: Literal["marketo-campaign"]
    campaigns: Tracks
    revoke_campaign: Id | None = None
    escalate_campaign: Id | None = None
    at_risk_campaign: Id | None = None
    tokens: Annotated[dict[TokenName, PayloadField], Setting(default_factory=dict, max_length=100)]
    escalation_tokens: Annotated[dict[TokenName, PayloadField], Setting(default_factory=dict, max_length=100)]

    @property
    def campaign_of(self) -> Mapping[DeliveryAction, int | None]:
        """The campaign for each action that has no track."""
        return {
            "REVOKE": self.revoke_campaign,
            "ESCALATE": self.escalate_campaign,
            "AT_RISK": self.at_risk_campaign,
        }

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """An escalation needs a campaign of its own."""
        if action not in ESCALATIONS or self.campaign_of[action]:
            return None
        key = f"{action.lower()}_campaign"
        return f"{action} has no {key}", f"write '{key}: 1071', the id of a campaign that alerts sales"

    @property
    def track_ids(self) -> Mapping[str, int]:
        """The campaigns."""
        return self.campaigns

    @property
    def max_calls(self) -> int:
        """One for each campaign, and one more for the halves of a rejected batch."""
        return len({*self.campaigns.values(), *self.campaign_of.values()} - {None}) + 1


class MarketoListTarget(MarketoTarget):
    """Static lists. `lists`: that of each track; `*` for all others."""

    kind: Literal["marketo-list"]
    lists: Tracks
    verify: bool = True

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """A list has no escalations."""
        fix = f"leave {action} out here, and add an endpoint of kind marketo-campaign"
        return (NO_ESCALATIONS, fix) if action in ESCALATIONS else None

    @property
    def track_ids(self) -> Mapping[str, int]:
        """The lists."""
        return self.lists

    @property
    def max_calls(self) -> int:
        """For each list: remove and add; twice with `verify`, which reads each back."""
        return len(set(self.lists.values())) * (4 if self.verify else 2)


class MarketoCampaigns:
    """Requests campaigns for leads."""

    def __init__(self, target: MarketoCampaignTarget, client: Client, now: Callable[[], float]) -> None:
        self.batch_size = 1 if target.tokens or target.escalation_tokens else MAX_LEADS_PER_CAMPAIGN_CALL
        self._target = target
        self._api = MarketoApi(target, client, now)
        self._halves: OrderedDict[str, int] = OrderedDict()
        self._last_half = 0

    async def deliver(self, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        outcomes: dict[int, Outcome] = {}
        groups: dict[tuple[bool, int, int], list[int]] = {}
        for index, request in enumerate(requests):
            campaign, half = self._campaign(request.event), self._halves.get(request.event.event_id, 0)
            if isinstance(campaign, Rejected):
                outcomes[index] = campaign
            else:
                groups.setdefault((request.event.action == "RECYCLE", campaign, half), []).append(index)
        for call, ((_, campaign, _), indexes) in enumerate(sorted(groups.items())):
            if call < self._target.max_calls:
                outcome = await self._request(campaign, [requests[index] for index in indexes])
            else:
                outcome = Retry("waits for the next call", None, _HALVED_SECONDS, throttled=True)
            outcomes |= dict.fromkeys(indexes, outcome)
        return [outcomes[index] for index in range(len(requests))]

    async def close(self) -> None:
        """Holds no resources."""

    def _campaign(self, event: DeliveredEvent) -> int | Rejected:
        target = self._target
        if target.number(event.lead_id) is None:
            return Rejected(None, not_numeric(event.lead_id))
        if isinstance(event, LeadEscalated) or event.action != "RECYCLE":
            known = None if event.action == "UNKNOWN" else target.campaign_of[event.action]
            return known or Rejected(None, _MISSING.get(event.action, f"{event.action} has no campaign: configure one"))
        campaign = id_for_track(target.campaigns, event.track)
        return campaign or Rejected(None, f"no campaign is configured for the track {event.track!r}")

    async def _request(self, campaign: int, requests: Sequence[DeliveryRequest]) -> Outcome:
        reply = await self._api.call(
            "POST", f"/rest/v1/campaigns/{campaign}/trigger.json", sent={"input": self._input(requests)}
        )
        if isinstance(reply, Rejected) and len(requests) > 1:
            return self._halve(requests, reply)
        if isinstance(reply, ApiSuccess | Rejected):
            for request in requests:
                self._halves.pop(request.event.event_id, None)
        if isinstance(reply, ApiSuccess):
            return Unverified(reply.status, "requested; Marketo does not report whether the lead qualified")
        return reply

    def _input(self, requests: Sequence[DeliveryRequest]) -> JsonObject:
        leads: list[JsonValue] = [{"id": self._target.number(each.event.lead_id)} for each in requests]
        event = requests[0].event
        names = self._target.tokens if isinstance(event, LeadRecycled) else self._target.escalation_tokens
        tokens: JsonObject = {"tokens": _tokens(names, event)} if names else {}
        return {"leads": leads, **tokens}

    def _halve(self, requests: Sequence[DeliveryRequest], refused: Rejected) -> Outcome:
        """Split a rejected batch: one lead must not fail the others. Each half is retried as a batch of its own."""
        middle = len(requests) // 2
        for half in (requests[:middle], requests[middle:]):
            self._last_half += 1
            self._halves.update((request.event.event_id, self._last_half) for request in half)
        while len(self._halves) > MAX_HALVED:
            self._halves.popitem(last=False)
        why = f"rejected in a batch of {len(requests)}: {refused.detail}"
        return Retry(why, refused.status, _HALVED_SECONDS, throttled=True)


class MarketoLists:
    """Adds leads to static lists and removes them."""

    batch_size = MAX_LEADS_PER_LIST_CALL

    def __init__(self, target: MarketoListTarget, client: Client, now: Callable[[], float]) -> None:
        self._target = target
        self._api = MarketoApi(target, client, now)

    async def deliver(self, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        outcomes, changes = membership_changes(requests, self._target.lists, self._target.number)
        for change in changes:
            for index, outcome in (await self._apply(change)).items():
                outcomes[index] = more_significant(outcomes.get(index), outcome)
        return [outcomes[index] for index in range(len(requests))]

    async def close(self) -> None:
        """Holds no resources."""

    async def _apply(self, change: MembershipChange) -> dict[int, Outcome]:
        path, leads = f"/rest/v1/lists/{change.number}/leads", change.leads
        method, wanted, state = ("POST", "added", "memberof") if change.joins else ("DELETE", "removed", "notmemberof")
        reply = await self._api.call(method, f"{path}.json", ids=sorted(set(leads.values())))
        if not isinstance(reply, ApiSuccess):
            return dict.fromkeys(leads, reply)
        outcomes = {index: _changed(reply.records.get(str(lead)), wanted) for index, lead in leads.items()}
        changed = {index: leads[index] for index, outcome in outcomes.items() if isinstance(outcome, Accepted)}
        if changed and self._target.verify:
            outcomes |= await self._read_back(path, changed, state)
        return outcomes

    async def _read_back(self, path: str, leads: dict[int, int], wanted: str) -> dict[int, Outcome]:
        reply = await self._api.call("GET", f"{path}/ismember.json", ids=sorted(set(leads.values())))
        if not isinstance(reply, ApiSuccess):
            return dict.fromkeys(
                leads, Unverified(HTTPStatus.OK, "Marketo reports success, which could not be read back")
            )
        return {index: _verified(reply.records.get(str(lead)), wanted) for index, lead in leads.items()}


def _tokens(tokens: Mapping[str, PayloadField], event: DeliveredEvent) -> list[JsonValue]:
    values = selected_fields(event, tokens)
    return [{"name": name, "value": str(values.get(name, ""))} for name in tokens]


def _changed(record: LeadResult | None, wanted: str) -> Outcome:
    if record is None:
        return Unverified(HTTPStatus.OK, "Marketo reports success, but no result for the lead")
    if record.status == wanted:
        return Accepted(HTTPStatus.OK)
    if record.status == "skipped":
        return skipped(record)
    return NoOp(HTTPStatus.OK, f"Marketo reports {record.status!r}")


def _verified(record: LeadResult | None, wanted: str) -> Outcome:
    status = record.status if record else None
    if status == wanted:
        return Accepted(HTTPStatus.OK, "read back")
    return Unverified(HTTPStatus.OK, f"Marketo reports success, but reads back {status!r}")
