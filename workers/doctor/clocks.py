"""Compares this machine's clock with those of others. Nothing is written for this.

Kafka does not expose its clock. So: Redis' TIME, the Date of the registry's answer, and the timestamp of the newest
heartbeat, which is the time of the worker that sent it (or of the broker, where the topic is set to that).
"""

from dataclasses import dataclass

from .findings import Finding, fail, ok, warn

LITTLE_SECONDS = 2.0
MUCH_SECONDS = 60.0
_ADVICE = "let both machines follow one time (NTP, chrony): promises, limits and signatures go by it"


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The clock of another machine, compared with ours.

    Attributes:
        whose: Which clock.
        ahead: Seconds by which it is ahead of ours.
        error: Seconds of `ahead` that may be caused by the measurement.
        is_least: `ahead` is a lower bound: the clock may be further ahead.
    """

    whose: str
    ahead: float
    error: float = 0.0
    is_least: bool = False


def evaluate(clock: ClockOffset) -> Finding:
    """A lower bound proves nothing about a clock that seems to be behind."""
    if clock.is_least and clock.ahead <= LITTLE_SECONDS:
        return ok("clock", f"{clock.whose} was sent {max(0.0, -clock.ahead):.0f} s ago, not in our future")
    skew = max(0.0, abs(clock.ahead) - clock.error)
    found = f"{clock.whose} is {abs(clock.ahead):.1f} s {'ahead of' if clock.ahead >= 0 else 'behind'} this machine"
    if skew > MUCH_SECONDS:
        return fail("clock", found, _ADVICE)
    if skew > LITTLE_SECONDS:
        return warn("clock", found, _ADVICE)
    return ok("clock", found)
