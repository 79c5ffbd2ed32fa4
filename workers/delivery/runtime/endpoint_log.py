"""What happens to endpoints, in the log: deliveries begin to fail and arrive again, circuits, pauses.

A line when something begins, changes or ends; one a minute while it lasts. Normal deliveries are not logged.
"""

import logging
import re
import time
from collections.abc import Callable

from schemas.events import DeliveryResult, EndpointState
from schemas.instants import short_span
from streams.runtime.logs import Episode, event

from ..core.breaker import Circuit
from ..core.model import Availability

_LOG = logging.getLogger("leadloop.deliver")
_FAILED = ("retry", "dead")
_REPEATED_SECONDS = 60.0
_ADDRESS = re.compile(r"\S+@\S+")
_LONGEST_CAUSE = 200


class EndpointLog:
    """Of one endpoint in this worker. `now`: a clock in seconds that does not go back."""

    def __init__(self, endpoint: str, now: Callable[[], float] = time.monotonic) -> None:
        self._endpoint, self._now = endpoint, now
        self._calls = Episode(
            _LOG,
            "deliveries fail",
            "deliveries still fail",
            "deliveries arrive again",
            now=now,
            endpoint=endpoint,
        )
        self._opened_at: float | None = None
        self._availability = Availability.ACTIVE
        self._refused = _Repeated(logging.WARNING, "the endpoint refuses events", endpoint, now)
        self._given_up = _Repeated(logging.ERROR, "deliveries are given up", endpoint, now)

    def settled(self, result: DeliveryResult, traceparent: str) -> None:
        """A result is written. Every answer that is not a failure shows that the endpoint works."""
        if result.outcome in _FAILED:
            about = {"lead": result.lead_id, "trace_id": traceparent[3:35], "attempt": result.attempts}
            self._calls.failed(**_cause(result), **about)
            if result.outcome == "dead":
                self._given_up.tell(**about, **_cause(result))
        elif result.outcome in ("accepted", "unverified"):
            self._calls.worked()
        elif result.status is not None:
            self._calls.worked()
            if result.outcome == "refused":
                self._refused.tell(lead=result.lead_id, **_cause(result))

    def stands(
        self, availability: Availability, circuit: Circuit, declared: EndpointState | None, waiting: int
    ) -> None:
        """How it stands now; to be called often. `waiting`: deliveries in this worker's waiting topics."""
        if availability is not self._availability:
            self._availability = availability
            self._declared(availability, declared, waiting)
        if (circuit is Circuit.CLOSED) is (self._opened_at is not None):
            self._switched(waiting)

    def _switched(self, waiting: int) -> None:
        about = {"endpoint": self._endpoint, "waiting": waiting}
        if self._opened_at is None:
            self._opened_at = self._now()
            event(_LOG, logging.WARNING, "the circuit is open", failures=self._calls.failures, **about)
        else:
            after, self._opened_at = short_span(1000 * (self._now() - self._opened_at)), None
            event(_LOG, logging.INFO, "the circuit is closed", after=after, **about)

    def _declared(self, availability: Availability, declared: EndpointState | None, waiting: int) -> None:
        said = {"by": declared.by, "why": declared.why} if declared is not None else {}
        level = logging.INFO if availability is Availability.ACTIVE else logging.WARNING
        event(_LOG, level, f"the endpoint is {availability.value}", endpoint=self._endpoint, waiting=waiting, **said)


class _Repeated:
    """What happens to many deliveries: a line for the first, then one a minute with how many it were since."""

    def __init__(self, level: int, message: str, endpoint: str, now: Callable[[], float]) -> None:
        self._level, self._message, self._endpoint, self._now = level, message, endpoint, now
        self._told_at, self._count = float("-inf"), 0

    def tell(self, **about: object) -> None:
        """It happened once more."""
        self._count += 1
        if self._now() - self._told_at >= _REPEATED_SECONDS:
            event(_LOG, self._level, self._message, endpoint=self._endpoint, count=self._count, **about)
            self._told_at, self._count = self._now(), 0


class LimiterLog:
    """Where the rate limits are kept, in the log when it changes. `report` receives it too."""

    def __init__(self, report: Callable[[str], object]) -> None:
        self._report = report
        self._away = Episode(
            _LOG,
            "Redis does not answer: each worker keeps its share of the rate limits by itself",
            "Redis still does not answer",
            "Redis answers again: rate limits are shared",
        )

    def source(self, name: str) -> None:
        """`redis` or `local`."""
        self._report(name)
        if name == "redis":
            self._away.worked()
        else:
            self._away.failed()


def cause_of(status: int | None, detail: str) -> dict[str, object]:
    """A status and our words for it. The text of a response may name people: it is in `delivery-results` only."""
    words = detail if status is None else detail.partition(str(status))[0].rstrip(": (")
    return {"status": status, "cause": _ADDRESS.sub("(address)", words)[:_LONGEST_CAUSE]}


def _cause(result: DeliveryResult) -> dict[str, object]:
    return cause_of(result.status, result.detail)
