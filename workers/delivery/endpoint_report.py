"""How an endpoint stands: its state, circuit and backlog, when that will be gone, and what its deliveries wait for.

Pure: everything follows from the backlog that was read, and from what was declared.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from schemas.events import EndpointState
from schemas.instants import iso, short_span

from .backlog import RECENT_MS, Backlog, BacklogDelivery, EndpointActivity
from .core.breaker import BreakerRule
from .core.model import Availability
from .target import Endpoint

OVERDUE_MS = 300_000
"""As the SLO has it."""
FAILING = 3
"""Failures in a row, from which on an endpoint is said to fail."""
Eta = Literal["none", "when it answers", "when it is resumed"]


class BlockedDeliveries(NamedTuple):
    """How many due deliveries wait for one thing, and since when the first of them does (epoch ms, 0: not known)."""

    on: str
    deliveries: int
    since: int


@dataclass(frozen=True)
class EndpointReport:
    """One endpoint. `due`: deliveries that could be made now, `later`: those that may not be sent yet.

    `open_since`: since when the circuit of any worker has been open, as far as deliveries met it; None: it is closed.
    `done_at`: when the backlog will be gone, or what that depends on.
    """

    name: str
    declared: EndpointState
    activity: EndpointActivity
    due: int
    later: int
    overdue: int
    oldest_since: int
    next_at: int
    done_at: int | Eta
    open_since: int | None
    blocked: Sequence[BlockedDeliveries]
    now: int

    @property
    def is_active(self) -> bool:
        return self.declared.state == "active"

    @property
    def is_failing(self) -> bool:
        return self.activity.failures >= FAILING or self.open_since is not None

    @property
    def status(self) -> str:
        """In a word: `paused` or `disabled` as declared, else `circuit open`, `failing` or `active`."""
        if not self.is_active:
            return self.declared.state
        if self.open_since is not None:
            return "circuit open"
        return "failing" if self.is_failing else "active"

    @property
    def circuit(self) -> str:
        if self.open_since is None:
            return "closed"
        return "open" if not self.open_since else f"open for {self.ago(self.open_since)}"

    @property
    def oldest(self) -> str:
        return self.ago(self.oldest_since) if self.due else "–"

    @property
    def next_attempt(self) -> str:
        if not self.due + self.later:
            return "–"
        if not self.is_active:
            return "when it is resumed"
        return "now" if self.next_at <= self.now else f"in {short_span(self.next_at - self.now)}"

    @property
    def done(self) -> str:
        if isinstance(self.done_at, int):
            return f"in {short_span(max(self.done_at - self.now, 1000))}"
        return "–" if self.done_at == "none" else self.done_at

    @property
    def cause(self) -> str:
        """What its last attempts say; empty if they do not fail."""
        one = self.activity
        if not one.failures:
            return ""
        status = f"{one.status} " if one.status else ""
        times = "once" if one.failures == 1 else f"{one.failures} times in a row"
        return f"failed {times} in the last {self.ago(one.failing_since)}: {status}{one.cause}".rstrip(": ")

    @property
    def waits_for(self) -> str:
        """What its due deliveries wait for."""
        return ", ".join(
            f"{one.deliveries} {one.on}" + (f" for {self.ago(one.since)}" if one.since else "") for one in self.blocked
        )

    def ago(self, at: int) -> str:
        return short_span(self.now - at)

    def row(self) -> dict[str, Any]:
        """Its JSON line."""
        said, one = self.declared, self.activity
        failing = {"failures": one.failures, "since": _iso(one.failing_since), "status": one.status, "cause": one.cause}
        return {
            "endpoint": self.name,
            "status": self.status,
            "state": said.state,
            "since": _iso(said.occurred_at),
            "by": said.by,
            "why": said.why,
            "circuit": "closed" if self.open_since is None else "open",
            "open_since": _iso(self.open_since or 0),
            "due": self.due,
            "later": self.later,
            "overdue": self.overdue,
            "oldest": _iso(self.oldest_since),
            "next_attempt": _iso(self.next_at) if self.is_active else None,
            "done": _iso(self.done_at) if isinstance(self.done_at, int) else self.done_at,
            "accepted": _iso(one.accepted_at),
            "failing": failing if one.failures else None,
            "blocked": [{"on": it.on, "count": it.deliveries, "since": _iso(it.since)} for it in self.blocked],
        }


def report_on(endpoint: Endpoint, declared: EndpointState | None, backlog: Backlog) -> EndpointReport:
    """The report on one endpoint. `declared`: the newest word about it; None: it is active."""
    now, waiting = backlog.now, backlog.of(endpoint.name)
    declared = declared or EndpointState(endpoint=endpoint.name, state="active")
    activity = backlog.activity.get(endpoint.name, EndpointActivity())
    due = [one for one in waiting if one.due_since <= now]
    is_active, open_since = declared.state == "active", _open_since(waiting, activity)
    is_failing = activity.failures >= FAILING or open_since is not None
    return EndpointReport(
        name=endpoint.name,
        declared=declared,
        activity=activity,
        due=len(due),
        later=len(waiting) - len(due),
        overdue=sum(now - one.due_since > OVERDUE_MS for one in due) if is_active else 0,
        oldest_since=min((one.due_since for one in due), default=0),
        next_at=min((max(one.due_at, one.due_since) for one in waiting), default=0),
        done_at=_done_at(endpoint, due, activity, now, is_active=is_active, is_failing=is_failing),
        open_since=open_since,
        blocked=_blocked(due),
        now=now,
    )


def _open_since(waiting: Sequence[BacklogDelivery], activity: EndpointActivity) -> int | None:
    """A circuit is seen by the deliveries that met it, or by as many failures in a row as open it.

    What was accepted since then has closed it, or nearly so.
    """
    met = [one for one in waiting if one.blocked_on == Availability.OPEN.value]
    if met and max(one.written_at for one in met) > activity.accepted_at:
        return min((one.blocked_since for one in met if one.blocked_since), default=0)
    return activity.failing_since if activity.failures >= BreakerRule().at_least else None


def _blocked(due: Sequence[BacklogDelivery]) -> list[BlockedDeliveries]:
    counts = Counter(one.blocked_on for one in due)
    return [
        BlockedDeliveries(
            on, count, min((one.blocked_since for one in due if one.blocked_on == on and one.blocked_since), default=0)
        )
        for on, count in counts.most_common()
    ]


def _done_at(
    endpoint: Endpoint,
    due: Sequence[BacklogDelivery],
    activity: EndpointActivity,
    now: int,
    *,
    is_active: bool,
    is_failing: bool,
) -> int | Eta:
    """By the pace of the last minutes; where nothing was accepted then, by the limit of the endpoint."""
    if not due:
        return "none"
    if not is_active:
        return "when it is resumed"
    if is_failing:
        return "when it answers"
    pace = activity.recently_accepted / RECENT_MS or endpoint.limits.per_second / 1000
    return int(max(now + len(due) / pace, *(one.due_at for one in due)))


def _iso(at: int) -> str | None:
    return iso(at) if at else None
