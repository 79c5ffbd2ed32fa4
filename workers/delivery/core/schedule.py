"""When to attempt again: the schedule of Standard Webhooks, with a jitter that is always the same."""

from dataclasses import dataclass
from hashlib import blake2b

JITTER = 0.15
"""The most that a delay is made shorter or longer by, as a share of it."""
LONGEST_RETRY_AFTER_MS = 86_400_000
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """`delays`: seconds before the first, the second … attempt. After the last attempt a delivery is dead.

    Waits for capacity double from the first to the second figure, in ms: `absent` while an endpoint is paused, disabled
    or its circuit is open, `throttled` where it says that it is too much and not for how long, `crowded` where its lane
    has no capacity.
    """

    delays: tuple[float, ...] = (
        0.0, 5.0, 300.0, 0.5 * _HOUR, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR,
    )  # fmt: skip
    absent: tuple[int, int] = (10_000, 600_000)
    throttled: tuple[int, int] = (10_000, 600_000)
    crowded: tuple[int, int] = (1_000, 60_000)

    @property
    def span_ms(self) -> int:
        """How long a delivery that always fails lives; also the most that it waits for an unavailable endpoint."""
        return int(sum(self.delays) * 1000 * (1 + JITTER))

    def next_due(self, attempts: int, tried_at: int, retry_after: float | None, seed: str) -> int | None:
        """When to attempt again after `attempts` attempts, the last at `tried_at`; None: never again. Epoch ms.

        A `retry_after` of the endpoint is kept (up to a day); it never brings an attempt forward.
        """
        if attempts >= len(self.delays):
            return None
        delay = self.delays[attempts] * 1000 * (1 + JITTER * _swing(f"{seed} {attempts}"))
        return tried_at + max(int(delay), bounded_ms(retry_after))


def bounded_ms(retry_after: float | None) -> int:
    """The Retry-After of an endpoint, within bounds."""
    return 0 if retry_after is None else int(min(max(retry_after * 1000, 0), LONGEST_RETRY_AFTER_MS))


def backed_off_ms(waits: int, bounds: tuple[int, int], seed: str) -> int:
    """How long to wait for capacity the `waits`-th time in a row: doubling, and spread so that not all come at once."""
    shortest, longest = bounds
    doubled = min(shortest << min(waits, 20), longest)
    return int(doubled * (1 + JITTER * _swing(f"{seed} w{waits}")))


def _swing(seed: str) -> float:
    """A number from -1 to 1 that is always the same for the same text."""
    return int.from_bytes(blake2b(seed.encode(), digest_size=4).digest(), "big") / 0x7FFFFFFF - 1
