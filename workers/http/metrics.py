"""The metrics of every HTTP server: requests by route, never by path."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class HttpMetrics:
    """The series of one server. A route is its template, such as `/v1/leads/{lead_id}`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "leadloop_http_requests",
            "Requests answered, by route, method and class of status.",
            ("route", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "leadloop_http_request_seconds",
            "Seconds from a request's headers to the end of the response.",
            ("route",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge("leadloop_http_requests_in_flight", "Requests being processed.", registry=registry)

    def initialise(self, routes: Iterable[tuple[str, str]]) -> None:
        """Create the series of these routes (template, method) at zero."""
        for route, method in routes:
            for status in ("2xx", "4xx", "5xx"):
                self._requests.labels(route, method, status)
            self._seconds.labels(route)

    def observe(
        self, route: str, method: str, status: int, seconds: float, exemplar: dict[str, str] | None = None
    ) -> None:
        """Count one response. `seconds` is its duration; `exemplar` its trace."""
        key = route, method if method in METHODS else "other", status // 100
        # Looking up a series costs more than counting; there are few.
        if key not in self._known:
            self._known[key] = self._requests.labels(*key[:2], f"{key[2]}xx"), self._seconds.labels(route)
        requests, took = self._known[key]
        requests.inc()
        took.observe(seconds, exemplar)
