"""Limits the events of each source: one token bucket per source, in this process."""

from workers.http.auth import Principal


class TokenBucket:
    """A token bucket that a batch may overdraw: nothing more is allowed until it is positive again.

    Args:
        per_second: Tokens added a second.
        burst: The most tokens; the bucket starts full.
        now: Monotonic seconds.
    """

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until one event is allowed; 0 if now."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._per_second)
        self._at = now
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._per_second

    def take(self, count: int) -> None:
        self._tokens -= count


class SourceRateLimits:
    """The buckets of all sources that have a limit. A changed limit starts with a full bucket."""

    def __init__(self) -> None:
        self._buckets: dict[Principal, TokenBucket] = {}

    def wait(self, principal: Principal, now: float) -> float:
        """Return the seconds that this source has to wait; 0 if none."""
        bucket = self._bucket(principal, now)
        return 0.0 if bucket is None else bucket.wait(now)

    def take(self, principal: Principal, count: int) -> None:
        """Take `count` tokens of this source. Call it after `wait` returned 0."""
        if (bucket := self._buckets.get(principal)) is not None:
            bucket.take(count)

    def _bucket(self, principal: Principal, now: float) -> TokenBucket | None:
        if principal.per_second is None:
            return None
        if principal not in self._buckets:
            self._forget(principal.name)
            burst = principal.burst or max(1, round(principal.per_second))
            self._buckets[principal] = TokenBucket(principal.per_second, burst, now)
        return self._buckets[principal]

    def _forget(self, name: str) -> None:
        self._buckets = {known: bucket for known, bucket in self._buckets.items() if known.name != name}
