"""The response models of the read API, which are its documentation too. Instants are RFC 3339, UTC."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from schemas.events import Decision, DeliveryOutcome, RecycleAction, Stage
from schemas.instants import LAST_MS
from workers.read_model.escalations import EscalationState
from workers.read_model.index import RecycleState

FunnelDimension = Literal["origin", "campaign", "owner", "segment", "reason", "pass"]
"""What the read model counts passes by."""
FunnelGrouping = Literal["origin", "campaign", "owner", "segment", "reason", "cause", "pass"]
PassLabel = Literal["1", "2", "3", "4+"]
FunnelStep = Literal[
    "created",
    "touched",
    "progressed",
    "stalled",
    "recycled",
    "requalified",
    "won_back",
    "won_after",
    "won",
    "lost",
    "kept",
    "broken",
    "held_out",
    "held_requalified",
    "held_won",
]
EventKind = Literal[
    "created", "contacted", "stalled", "closed", "recycled", "decided", "delivered", "escalated", "updated"
]
DecisionFilter = Literal["RECYCLE", "HOLDOUT", "SUPPRESS", "RETIRE", "HOLD", "ESCALATE"]


def instant(at: int) -> datetime:
    """Epoch ms as a datetime; an instant outside of the years 1970 to 9999 becomes the nearest inside."""
    seconds, ms = divmod(min(max(at, 0), LAST_MS), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ms * 1000)


def optional_instant(at: int | None) -> datetime | None:
    return None if at is None else instant(at)


def rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


ApiInstant = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]


class ApiModel(BaseModel):
    """The base of all response models."""

    model_config = ConfigDict(frozen=True)


class AsOf(ApiModel):
    """How far the read model is: everything that Kafka had at `at` is in it. null: not known yet."""

    at: ApiInstant | None = Field(examples=["2026-03-16T09:30:00.000Z"])
    behind_records: int = Field(description="Records that Kafka has and the read model has not.", examples=[0])
    is_filling: bool = Field(description="A new read model is being filled; until it is, this one stands still.")


class PassSummary(ApiModel):
    """A pass that is over."""

    pass_no: int
    created_at: ApiInstant | None
    origin: str
    campaign_id: str
    owner_id: str
    stall_reason: str = Field(description="Why it last went cold; empty: it never did.")
    steps: list[str] = Field(examples=[["created", "touched", "stalled", "recycled"]])


class LeadModel(ApiModel):
    """The current truth about a lead. What it counts (`touches`) is as of its last milestone."""

    lead_id: str = Field(examples=["lead-42"])
    stage: Stage
    pass_no: int
    created_at: ApiInstant | None = Field(description="When the current pass began.")
    origin: str = Field(examples=["webinar"])
    campaign_id: str
    segment: str
    owner_id: str
    account_id: str
    first_touch_at: ApiInstant | None
    last_touch_at: ApiInstant | None
    last_progress_at: ApiInstant | None
    touches: int
    steps: list[str] = Field(description="Steps of the funnel that this pass has reached.", examples=[["created"]])
    stall_id: str
    stall_reason: str = Field(description="Why the lead is cold; empty: it is not.")
    stalled_at: ApiInstant | None
    decision: Decision = Field(description="What was decided about the stall that stands; UNKNOWN: none stands.")
    until: ApiInstant | None = Field(description="When the stall is evaluated again; null: it has no date.")
    recycle_id: str = Field(description="The recycle that stands; empty: none.")
    recycles: int
    due_at: ApiInstant | None = Field(description="When the next promise is broken; null: no clock runs.")
    due_reason: str
    do_not_contact: bool
    consent_expires_at: ApiInstant | None = Field(description="When the consent ends; null: no end is known.")
    expected_amount: int | None = Field(description="What the deal is expected to bring, in minor units.")
    late_facts: int
    amount: int | None = Field(description="What the won deal brought, else what is expected; in minor units.")
    currency: str = Field(description="Of `amount` (ISO 4217); empty: no event named it.", examples=["EUR"])
    closed_at: ApiInstant | None = Field(description="When the deal of this pass was closed.")
    track: str = Field(description="Of the recycle that stands.", examples=["offer"])
    at_risk: bool = Field(description="Sales was warned: the promise that runs now breaks at `due_at`.")
    system_delay_seconds: float | None = Field(description="From the creation of the lead to Leadloop.")
    human_delay_seconds: float | None = Field(description="From the creation of the lead to the first touch.")


class DeliveryModel(ApiModel):
    """The newest that is known of handing one recycle event to one endpoint."""

    endpoint: str = Field(examples=["nurture"])
    action: RecycleAction
    outcome: DeliveryOutcome
    attempts: int
    status: int | None
    at: ApiInstant
    detail: str


class RecycleModel(ApiModel):
    """A lead handed back to marketing. The fields between `at` and `revoked_at` are empty once its record expired."""

    recycle_id: str
    lead_id: str
    state: RecycleState = Field(description="requalified: marketing has passed the lead to sales again.")
    at: ApiInstant
    reason: str
    track: str
    not_before: ApiInstant | None
    expires_at: ApiInstant | None = Field(description="When the consent ends: nothing may be sent from then on.")
    pass_no: int
    origin: str
    campaign_id: str
    segment: str
    revoked_at: ApiInstant | None
    cause: str = Field(description="Why it was taken back, such as moved, won or do_not_contact.")
    deliveries: list[DeliveryModel]


class EscalationModel(ApiModel):
    """A broken promise that sales could still act on until `until`, before the lead was to be handed back."""

    escalation_id: str
    lead_id: str
    state: EscalationState = Field(
        description="open: sales still has time; answered: the stall no longer stands (sales or the lead acted, or "
        "marketing passed the lead to sales again); missed: it was decided again."
    )
    at: ApiInstant
    until: ApiInstant | None
    reason: str = Field(description="The promise that was broken.", examples=["never_contacted"])
    owner_id: str = Field(description="To whom it was addressed: the owner, or the intake owner; empty: nobody.")
    lead_owner_id: str = Field(description="Who owned the lead then; empty: nobody, or not known.")
    pass_no: int
    origin: str
    campaign_id: str
    segment: str
    account_id: str


class EventModel(ApiModel):
    """One line of a lead's timeline; `fields` has the other fields of its record, without defaults."""

    at: ApiInstant
    kind: EventKind
    id: str
    fields: dict[str, object] = Field(examples=[{"outcome": "connected", "owner_id": "ann"}])


class LeadDetail(LeadModel):
    """A lead with its past: passes that are over, recycles, escalations, and the timeline, oldest first."""

    passes: list[PassSummary]
    recycled: list[RecycleModel]
    escalated: list[EscalationModel]
    timeline: list[EventModel]
    as_of: AsOf


class Page(ApiModel):
    """`next` is the `cursor=` of the next page; null: there is none. A page may hold fewer entries than `limit`."""

    next: str | None
    as_of: AsOf


class LeadPage(Page):
    leads: list[LeadModel]
    total: int | None = Field(
        description="Leads that fit, those of other pages included; null: only reading all of them would tell."
    )


class RecyclePage(Page):
    recycles: list[RecycleModel]


class EscalationPage(Page):
    escalations: list[EscalationModel]


Money = dict[str, int]
"""Minor units by currency (ISO 4217; empty: no event named it). Amounts of two currencies are never added."""


class OwnerOverview(ApiModel):
    """What waits for one owner. Promises are counted by when they break; `escalated`: leads with an ESCALATE."""

    owner: str
    leads: int
    overdue: int
    today: int
    week: int
    escalated: int
    open: int = Field(description="Escalations that sales still has time for.")
    answered: int
    missed: int


class DayCount(ApiModel):
    """Promises that break within a day, from midnight to midnight."""

    begins: ApiInstant
    ends: ApiInstant
    due: int


class Overview(ApiModel):
    """How many leads stand where. Days begin and end at midnight in the time zone of the request."""

    now: ApiInstant
    timezone: str = Field(examples=["Europe/Berlin"])
    leads: int
    stages: dict[Stage, int]
    decisions: dict[DecisionFilter, int] = Field(description="What was decided about the stalls that stand.")
    overdue: int = Field(description="Promises whose time is over, and that streams has not declared broken yet.")
    today: int = Field(description="Promises that break today, those that are overdue not included.")
    days: list[DayCount] = Field(description="Promises that break on each of the seven days after today.")
    later: int = Field(description="Promises that break after these days.")
    recycles: dict[RecycleState, int]
    escalations: dict[EscalationState, int]
    expected_money: dict[Stage, Money] = Field(description="What open deals are expected to bring, by stage.")
    decided_money: dict[DecisionFilter, Money] = Field(description="The same, by what was decided about the stall.")
    owners: list[OwnerOverview] = Field(description="The first owners, in the order of their names.")
    has_more_owners: bool
    as_of: AsOf
