"""Whether this worker is surely a member of its consumer group still."""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


def awake_seconds() -> float:
    """As `time.monotonic`, and goes on while the machine sleeps, where the system has such a clock."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


class GroupMembership:
    """Confirmed by each commit that the group takes. `session_seconds`: after so long without, it gives us up."""

    def __init__(self, session_seconds: float) -> None:
        self._session_seconds = session_seconds
        self._confirmed_at = awake_seconds()

    def confirm(self, at: float) -> None:
        """The group took a commit that was sent at this instant (of `awake_seconds`)."""
        self._confirmed_at = at

    @property
    def is_confirmed(self) -> bool:
        """False after the process, or its machine, was paused: it must not send before its group has answered."""
        return awake_seconds() - self._confirmed_at < self._session_seconds / 2
