"""The interface of limiters: an allowance, a grant, and who gives it."""

from dataclasses import dataclass
from typing import Literal, Protocol

DenialReason = Literal["", "rate", "concurrency", "blocked"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one endpoint may take. A delivery lasts at most `lease_seconds`.

    In any window of T seconds at most `burst + per_second * T` deliveries begin; at most `concurrency` are under way.
    """

    name: str
    per_second: float
    burst: int
    concurrency: int
    lease_seconds: float = 30.0

    @property
    def interval(self) -> float:
        """Seconds from one delivery to the next."""
        return 1.0 / self.per_second


@dataclass(frozen=True, slots=True)
class Grant:
    """So many deliveries may begin now. `wait`: seconds until it is worth asking for more; `why` it must wait."""

    leases: tuple[str, ...]
    wait: float = 0.0
    why: DenialReason = ""


class Limiter(Protocol):
    """One per process, for all its endpoints."""

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        """Up to `want` deliveries, at least one unless `wait` and `why` say otherwise."""
        ...

    def release(self, allowance: Allowance, lease: str) -> None:
        """A delivery ended."""
        ...

    def block(self, allowance: Allowance, seconds: float) -> None:
        """The endpoint wants to be left alone for so long."""
        ...
