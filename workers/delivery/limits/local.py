"""Limits that one process keeps by itself, for its share: used while Redis is away. Pure but for its clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import floor

from .limiter import Allowance, Grant

GRACE_SECONDS = 1.25
"""How long a bucket that is new gives nothing: a Redis that was only slow is back by then, and no limit was broken."""
_SOON = 0.05


@dataclass(slots=True)
class _Bucket:
    """`full_at`: when the bucket is full again (the theoretical arrival time of GCRA)."""

    full_at: float
    blocked_until: float = 0.0
    leases: dict[str, float] = field(default_factory=dict)


class LocalLimiter:
    """`share`: returns this process' part of every limit. Buckets begin empty: what was taken before is unknown."""

    def __init__(self, clock: Callable[[], float], share: Callable[[], float]) -> None:
        self._clock = clock
        self._share = share
        self._buckets: dict[str, _Bucket] = {}
        self._count = 0

    def forget(self) -> None:
        """Start over: other workers have used the limits meanwhile."""
        self._buckets.clear()

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        return self.take(allowance, want)

    def take(self, allowance: Allowance, want: int) -> Grant:
        """As `acquire`."""
        now, share = self._clock(), self._share()
        if share <= 0:
            return Grant((), 1.0, "rate")
        interval = allowance.interval / share
        depth = max(1, floor(allowance.burst * share))
        bucket = self._buckets.setdefault(allowance.name, _Bucket(now + depth * interval + GRACE_SECONDS))
        if bucket.blocked_until > now:
            return Grant((), bucket.blocked_until - now, "blocked")
        bucket.leases = {lease: until for lease, until in bucket.leases.items() if until > now}
        free = max(1, floor(allowance.concurrency * share)) - len(bucket.leases)
        if free <= 0:
            return Grant((), _SOON, "concurrency")
        full_at = max(bucket.full_at, now)
        capacity = now + depth * interval - full_at
        count = min(floor(capacity / interval + 1e-9), want, free)
        if count <= 0:
            return Grant((), interval - capacity, "rate")
        bucket.full_at = full_at + count * interval
        return Grant(self._leased(bucket, count, now + allowance.lease_seconds))

    def _leased(self, bucket: _Bucket, count: int, until: float) -> tuple[str, ...]:
        names = tuple(f"local:{number}" for number in range(self._count, self._count + count))
        self._count += count
        bucket.leases.update(dict.fromkeys(names, until))
        return names

    def release(self, allowance: Allowance, lease: str) -> None:
        if bucket := self._buckets.get(allowance.name):
            bucket.leases.pop(lease, None)

    def block(self, allowance: Allowance, seconds: float) -> None:
        if bucket := self._buckets.get(allowance.name):
            bucket.blocked_until = max(bucket.blocked_until, self._clock() + seconds)
