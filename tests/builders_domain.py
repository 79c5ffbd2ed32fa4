"""Facts, leads and policies of which a test names only what matters."""

from streams.domain.facts import Closed, Contacted, Created, Decided, DecidedAs, Revoked, Stalled, Updated
from streams.domain.policy import ALL_OFF, Action, PlainTime, Policy, PolicyLimits, Promises

DAY = 86_400_000
NOON = 1_750_000_000_000


def created(at: int = NOON, event_id: str = "c", **fields: object) -> Created:
    return Created(at, event_id, **fields)  # type: ignore[arg-type]  # each test names fields that exist


def contacted(at: int = NOON, event_id: str = "t", **fields: object) -> Contacted:
    return Contacted(at, event_id, **fields)  # type: ignore[arg-type]  # each test names fields that exist


def progressed(at: int = NOON, event_id: str = "p") -> Contacted:
    return Contacted(at, event_id, is_progress=True)


def won(at: int = NOON, event_id: str = "w") -> Closed:
    return Closed(at, event_id, is_won=True)


def lost(at: int = NOON, event_id: str = "l", reason: str = "price") -> Closed:
    return Closed(at, event_id, reason=reason)


def stalled(at: int = NOON, event_id: str = "s", reason: str = "bad_timing") -> Stalled:
    return Stalled(at, event_id, "sales", reason)


def detected(at: int, event_id: str, reason: str, idle_since: int) -> Stalled:
    return Stalled(at, event_id, "detector", reason, idle_since)


def verdict(at: int, event_id: str = "v", decided: DecidedAs = "recycle", stall_id: str = "s") -> Decided:
    return Decided(at, event_id, decided, stall_id)


def updated(at: int = NOON, event_id: str = "u", **fields: object) -> Updated:
    return Updated(at, event_id, **fields)  # type: ignore[arg-type]  # each test names fields that exist


def revoked(at: int, recycle_id: str, stall_id: str = "s", cause: str = "moved") -> Revoked:
    return Revoked(at, f"revoke {recycle_id}", recycle_id, stall_id, cause)


def a_policy(
    promises: Promises = ALL_OFF,
    limits: PolicyLimits | None = None,
    reasons: dict[str, Action | None] | None = None,
) -> Policy:
    """Nothing is promised, nothing is limited, every reason is recycled: unless a test says so."""
    boundless = PolicyLimits(max_recycles=None, max_age=None, cooldown=PlainTime(0))
    return Policy(version="test", promises=promises, reasons=reasons or {}, limits=limits or boundless)


def within(
    never_contacted: int | None = None,
    no_follow_up: int | None = None,
    no_progress: int | None = None,
    grace: int | None = None,
    max_attempts: int | None = None,
) -> Promises:
    """Promises in plain milliseconds."""
    spans = [None if ms is None else PlainTime(ms) for ms in (never_contacted, no_follow_up, no_progress, grace)]
    return Promises(spans[0], spans[1], spans[2], spans[3], max_attempts)
