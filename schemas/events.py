"""The records: one frozen type per record, with the fields of its schema in `avro/*.avsc`.

Instants (`*_at`, `idle_since`, `not_before`, `until`) are epoch milliseconds, UTC. Every field has a default, as in
Avro; the reader of a record decides which missing values are errors (for facts: `fact_of` of streams.domain).
"""

from typing import Literal

import msgspec

By = Literal["unknown", "sales", "lead", "marketing", "agent", "automation"]
Activity = Literal["unknown", "call", "email", "message", "meeting", "visit", "form", "other"]
Direction = Literal["unknown", "outbound", "inbound"]
ContactOutcome = Literal[
    "unknown",
    "no_answer",
    "busy",
    "voicemail",
    "wrong_number",
    "sent",
    "bounced",
    "connected",
    "replied",
    "meeting_set",
    "meeting_held",
    "no_show",
    "cancelled",
]
DeclaredBy = Literal["unknown", "sales", "detector"]
DealOutcome = Literal["unknown", "won", "lost"]
Consent = Literal["unchanged", "granted", "withdrawn"]
DoNotContact = Literal["unchanged", "yes", "no"]
RecycleAction = Literal["UNKNOWN", "RECYCLE", "REVOKE"]
EscalationAction = Literal["UNKNOWN", "ESCALATE", "AT_RISK"]
Decision = Literal["UNKNOWN", "RECYCLE", "HOLDOUT", "SUPPRESS", "RETIRE", "REVOKE", "HOLD", "ESCALATE"]
Stage = Literal["unknown", "new", "working", "stalled", "nurture", "lost", "won"]
DeliveryOutcome = Literal["unknown", "accepted", "no_op", "refused", "unverified", "dead", "retry", "expired"]
EndpointIs = Literal["unknown", "active", "paused", "disabled"]
HeartbeatSays = Literal["unknown", "complete", "alive"]


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fields of all facts. Records with the same `event_id` are the same fact."""

    event_id: str = ""
    lead_id: str = ""
    occurred_at: int = 0
    recorded_at: int = 0
    source: str = ""


class LeadCreated(Record, frozen=True, kw_only=True, gc=False):
    """Marketing passed a lead to sales: the first time, or again after it was handed back."""

    origin: str = ""
    campaign_id: str = ""
    segment: str = ""
    owner_id: str = ""
    account_id: str = ""
    consent_expires_at: int | None = None
    do_not_contact: bool = False
    expected_amount: int | None = None
    currency: str = ""


class LeadUpdated(Record, frozen=True, kw_only=True, gc=False):
    """A lead changed without a touch, or an earlier report is taken back. It moves no clock and starts no pass.

    Texts: null leaves the value as it is, an empty text removes it. A lead keeps its origin.
    """

    owner_id: str | None = None
    segment: str | None = None
    campaign_id: str | None = None
    account_id: str | None = None
    consent: Consent = "unchanged"
    consent_expires_at: int | None = None
    do_not_contact: DoNotContact = "unchanged"
    expected_amount: int | None = None
    currency: str = ""
    retracts: str = ""


class LeadContacted(Record, frozen=True, kw_only=True, gc=False):
    """Somebody did something: sales, the lead, marketing (which moves no clock), or software."""

    by: By = "sales"
    activity: Activity = "unknown"
    direction: Direction = "unknown"
    outcome: ContactOutcome = "unknown"
    owner_id: str = ""
    next_step_at: int | None = None


class LeadStalled(Record, frozen=True, kw_only=True, gc=False):
    """The lead has gone cold: sales says so, or a clock ran out. `idle_since`: the start of that clock."""

    declared_by: DeclaredBy = "sales"
    reason: str = ""
    note: str = ""
    resume_at: int | None = None
    idle_since: int | None = None


class DealClosed(Record, frozen=True, kw_only=True, gc=False):
    """The deal was won or lost. `amount` in minor units of `currency` (ISO 4217)."""

    outcome: DealOutcome = "unknown"
    reason: str = ""
    amount: int | None = None
    currency: str = ""


class LeadRecycled(Record, frozen=True, kw_only=True, gc=False):
    """A lead handed back to marketing (RECYCLE), or taken away from it again (REVOKE, with `cause`)."""

    action: RecycleAction = "UNKNOWN"
    recycle_id: str = ""
    stall_id: str = ""
    pass_no: int = 0
    reason: str = ""
    track: str = ""
    not_before: int | None = None
    origin: str = ""
    campaign_id: str = ""
    segment: str = ""
    account_id: str = ""
    touches: int = 0
    days_since_created: int = 0
    cause: str = ""
    expires_at: int | None = None


class LeadEscalated(Record, frozen=True, kw_only=True, gc=False):
    """A promise to a lead was broken, and sales has until `until` to act (ESCALATE), or it breaks then (AT_RISK)."""

    action: EscalationAction = "UNKNOWN"
    escalation_id: str = ""
    stall_id: str = ""
    pass_no: int = 0
    reason: str = ""
    until: int | None = None
    origin: str = ""
    campaign_id: str = ""
    segment: str = ""
    owner_id: str = ""
    account_id: str = ""
    touches: int = 0
    days_since_created: int = 0
    lead_owner_id: str = ""


class LeadDecided(Record, frozen=True, kw_only=True, gc=False):
    """What became of a stall, and why: also when the lead was not recycled."""

    decision: Decision = "UNKNOWN"
    why: str = ""
    stall_id: str = ""
    recycle_id: str = ""
    pass_no: int = 0
    reason: str = ""
    origin: str = ""
    policy_version: str = ""
    until: int | None = None
    policy_digest: str = ""


class PastPass(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is remembered of a pass that is over."""

    pass_no: int = 0
    created_at: int | None = None
    origin: str = ""
    campaign_id: str = ""
    owner_id: str = ""
    stall_reason: str = ""
    reached: int = 0
    first_touch_at: int | None = None
    first_progress_at: int | None = None
    first_stall_at: int | None = None
    closed_at: int | None = None
    amount: int | None = None
    currency: str = ""


class LeadSnapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The current truth about a lead; the newest one per lead_id stands."""

    lead_id: str = ""
    occurred_at: int = 0
    recorded_at: int = 0
    source: str = ""
    stage: Stage = "unknown"
    pass_no: int = 0
    created_at: int | None = None
    origin: str = ""
    campaign_id: str = ""
    segment: str = ""
    owner_id: str = ""
    account_id: str = ""
    first_touch_at: int | None = None
    last_touch_at: int | None = None
    last_progress_at: int | None = None
    touches: int = 0
    stall_id: str = ""
    stall_reason: str = ""
    stalled_at: int | None = None
    recycle_id: str = ""
    recycles: int = 0
    due_at: int | None = None
    due_reason: str = ""
    late_facts: int = 0
    reached: int = 0
    last_stall_reason: str = ""
    passes: tuple[PastPass, ...] = ()
    decision: Decision = "UNKNOWN"
    until: int | None = None
    do_not_contact: bool = False
    consent_expires_at: int | None = None
    expected_amount: int | None = None
    expected_currency: str = ""
    first_progress_at: int | None = None
    first_stall_at: int | None = None
    closed_at: int | None = None
    amount: int | None = None
    currency: str = ""


class DeliveryResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How handing one recycle event, or one escalation, to one endpoint ended."""

    endpoint: str = ""
    recycle_id: str = ""
    action: RecycleAction = "UNKNOWN"
    lead_id: str = ""
    occurred_at: int = 0
    outcome: DeliveryOutcome = "unknown"
    attempts: int = 0
    status: int | None = None
    detail: str = ""
    escalation_id: str = ""
    escalation: EscalationAction = "UNKNOWN"


class EndpointState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether an endpoint is delivered to; the newest one per endpoint stands."""

    endpoint: str = ""
    state: EndpointIs = "unknown"
    occurred_at: int = 0
    by: str = ""
    why: str = ""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A time per partition. complete: every fact up to `occurred_at` is in Kafka; alive: measures freshness."""

    occurred_at: int = 0
    recorded_at: int = 0
    source: str = ""
    says: HeartbeatSays = "unknown"


FactRecord = LeadCreated | LeadUpdated | LeadContacted | LeadStalled | DealClosed | LeadRecycled
AnyRecord = FactRecord | LeadEscalated | LeadDecided | LeadSnapshot | DeliveryResult | EndpointState | Heartbeat
