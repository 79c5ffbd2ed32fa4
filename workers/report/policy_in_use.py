"""The policy that explanations go by: read at start, and again when its file changes."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from streams.domain.policy import Policy
from streams.policy_watch import PolicyWatch, read_policy
from workers.explaining.explanation_sentences import UTC_ZONE, zone_of_policy
from workers.policies.versions import AgreedVersion, agreed_versions

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from schemas.events import LeadSnapshot
    from streams.runtime.settings import ClockMode

    from .policy_log import PolicyLog


class PolicyInUse:
    """A policy file that may change; without one, the policy is not known.

    Args:
        file: Of the policy.
        clock: As streams has it.
        wall: The time, in seconds.
        log: The policies that streams followed; None: they are not known, without Kafka.

    Raises:
        UserError: The file cannot be read, or is not valid.
    """

    def __init__(
        self,
        file: Path | None,
        clock: "ClockMode" = "wall",
        wall: "Callable[[], float]" = time.time,
        log: "PolicyLog | None" = None,
    ) -> None:
        self.log = log
        self._file = file
        self._clock = clock
        self._wall = wall
        self._policy = None if file is None else self._adopted(read_policy(file))

    @property
    def policy(self) -> Policy | None:
        """The policy as streams applies it; None: it is not known."""
        return self._policy

    def shown(self, policy: Policy) -> Policy:
        """A policy as readers may see it."""
        return policy

    def versions(self) -> list[AgreedVersion]:
        """The policies that streams followed, the newest first, and what each one changed."""
        return [] if self.log is None else agreed_versions(self.log.versions(), self.shown)

    @property
    def zone(self) -> "ZoneInfo":
        """The time zone of a calendar of the policy, else UTC."""
        return UTC_ZONE if self._policy is None else zone_of_policy(self._policy)

    def wall_ms(self) -> int:
        """The time of the day, epoch ms."""
        return int(self._wall() * 1000)

    def now(self, lead: "LeadSnapshot") -> int:
        """The instant at which a lead is explained, epoch ms: with history, stream time of its newest snapshot."""
        return self.wall_ms() if self._clock == "wall" else lead.recorded_at

    def watcher(self, seconds: float) -> PolicyWatch | None:
        """What adopts changes of the file, once it is started; an invalid content changes nothing, and is logged."""
        if self._file is None or self._policy is None:
            return None
        return PolicyWatch(self._file, self._policy, self._adopt, lambda _: None, seconds)

    def _adopt(self, policy: Policy) -> None:
        self._policy = self._adopted(policy)

    def _adopted(self, policy: Policy) -> Policy:
        return policy if self._clock == "wall" else policy.for_history()
