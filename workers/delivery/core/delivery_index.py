"""What one partition knows of its deliveries: what is finished, and what is open.

It is rebuilt from `delivery-results` and the waiting topics when the partition is taken over, and updated with all
that happens after. Its key is (endpoint, recycle_id or escalation_id, action); a replay is a delivery of its own, and
counts for it.
"""

from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from schemas.events import DeliveryOutcome, DeliveryResult
from schemas.topics import TOPICS

from ..events import DeliveredEvent, id_of, result_key
from .digests import DIGEST_BYTES, DigestMap
from .model import RetryState
from .unsettled import UnsettledCounter, due_since


class FinalState(IntEnum):
    """How a delivery ended; of several words, the one further below counts. UNTRIED: without any attempt begun."""

    UNTRIED = 1
    NO_OP = 2
    REFUSED = 3
    DEAD = 4
    EXPIRED = 5
    ACCEPTED = 6


class OpenDelivery(NamedTuple):
    """An open delivery: attempts that are used up, when the last one ended (epoch ms), whether any may have arrived.

    `since` is when it might be sent first (see `due_since`); 0 where only a result of it is known by now.
    """

    attempts: int
    tried_at: int
    may_have_arrived: bool
    since: int = 0


CODES: dict[DeliveryOutcome, FinalState] = {
    "accepted": FinalState.ACCEPTED,
    "unverified": FinalState.ACCEPTED,
    "no_op": FinalState.NO_OP,
    "refused": FinalState.REFUSED,
    "dead": FinalState.DEAD,
    "expired": FinalState.EXPIRED,
}
KEPT_MS = TOPICS["delivery-results"].retention_ms
"""For so long at least an index remembers what is finished; for twice as long at the most."""
_COMING = OpenDelivery(0, 0, may_have_arrived=False)


@lru_cache(maxsize=1024)
def _coming(attempts: int, since: int, *, may_have_arrived: bool) -> OpenDelivery:
    """One for all that come alike: hundreds of thousands may wait."""
    return OpenDelivery(attempts, 0, may_have_arrived, since)


def key_of(endpoint: str, event_id: str, action: str, replay: str = "") -> bytes:
    """Name a delivery in 16 bytes."""
    parts = f"{endpoint}\x1f{event_id}\x1f{action}\x1f{replay}"
    return blake2b(parts.encode(), digest_size=DIGEST_BYTES).digest()


class DeliveryIndex:
    """Of one partition. `due` counts what is open."""

    def __init__(self) -> None:
        self._done, self._before = DigestMap(), DigestMap()  # what ended of late, and in the time before that
        self._since = 0
        self._open: dict[bytes, OpenDelivery] = {}
        self._replays: dict[bytes, set[bytes]] = {}  # under way, by what they replay
        self._revokes: dict[bytes, set[bytes]] = {}  # under way, by endpoint and lead
        self._lead_of: dict[bytes, bytes] = {}  # endpoint and lead of each of those
        self.due = UnsettledCounter()

    def result(self, result: DeliveryResult, replay: str = "") -> None:
        """An attempt ended, or a delivery ended without one; the broker has the result."""
        key = key_of(result.endpoint, *result_key(result), replay)
        if result.outcome == "retry":
            since = self._open.get(key, _COMING).since
            self._open[key] = OpenDelivery(result.attempts, result.occurred_at, may_have_arrived=True, since=since)
            self._tried(key)
            return
        code = CODES.get(result.outcome, FinalState.NO_OP)
        is_untried = not result.attempts and not self._open.get(key, _COMING).tried_at
        if code in (FinalState.NO_OP, FinalState.EXPIRED) and is_untried:
            code = FinalState.UNTRIED
        self._turn(result.occurred_at)
        self._finish(result.endpoint, key, code)
        first = key
        if replay:
            first = key_of(result.endpoint, *result_key(result))
            self._finish(result.endpoint, first, code)
        if first in self._replays:
            self._end_replays(result.endpoint, first, key, code)

    def comes(self, event: DeliveredEvent, retry: RetryState) -> None:
        """A delivery is open, or waits: a REVOKE is known from now on."""
        key, since = _key(event, retry), due_since(event, retry)
        known = self._open.get(key)
        if known is None:
            if self._ended_as(key) is None or retry.replay:
                self._open[key] = _coming(retry.attempts, since, may_have_arrived=retry.may_have_arrived)
                self._count(event, retry, key, since)
                self._takes_back(event, retry, key)
            return
        if retry.may_have_arrived and not known.may_have_arrived:
            known = known._replace(may_have_arrived=True)
        if not known.since and self._ended_as(key) is None:  # its results were read before it
            known = known._replace(since=since)
            self._count(event, retry, key, since)
        self._open[key] = known
        self._takes_back(event, retry, key)

    def held(self, event: DeliveredEvent, retry: RetryState) -> None:
        """It waits, and is overdue only from then on."""
        key, since = _key(event, retry), due_since(event, retry)
        known = self._open.get(key)
        if known is not None and known.since not in (0, since):
            self.due.add(retry.endpoint, known.since, -1)
            self.due.add(retry.endpoint, since)
            self._open[key] = known._replace(since=since)

    def begun(self, event: DeliveredEvent, retry: RetryState) -> None:
        """An attempt begins."""
        key = _key(event, retry)
        self._open[key] = self._open.get(key, _COMING)._replace(may_have_arrived=True)

    def waits_finished(self, event: DeliveredEvent, retry: RetryState) -> None:
        """A delivery waits that is finished already: it says whether anybody attempted it before."""
        if retry.may_have_arrived:
            self._tried(_key(event, retry))

    def drops(self, event: DeliveredEvent, retry: RetryState) -> None:
        """It is finished already, and nothing more comes of it: another answered for it, or word of it was late."""
        self._ends(retry.endpoint, _key(event, retry))

    def is_finished(self, event: DeliveredEvent, retry: RetryState) -> bool:
        """Whether nothing is left to do. What was accepted stays so; all else may be replayed, each replay once."""
        code = self._ended_as(key_of(retry.endpoint, id_of(event), event.action))
        if code in (None, FinalState.ACCEPTED) or not retry.replay:
            return code is not None
        return self._ended_as(_key(event, retry)) is not None

    def under_way(self, event: DeliveredEvent, retry: RetryState) -> OpenDelivery | None:
        """What is known of a delivery that is not finished."""
        return self._open.get(_key(event, retry))

    def is_taken_back(self, event: DeliveredEvent, endpoint: str) -> bool:
        """Whether this is a RECYCLE whose REVOKE is known."""
        if event.action != "RECYCLE":
            return False
        key = key_of(endpoint, id_of(event), "REVOKE")
        return key in self._open or self._ended_as(key) is not None

    def is_taking_back(self, lead_id: str, endpoint: str) -> bool:
        """Whether any REVOKE of this lead is open there: it might undo what is sent meanwhile."""
        return bool(self._revokes) and key_of(endpoint, lead_id, "") in self._revokes

    def was_never_sent(self, event: DeliveredEvent, endpoint: str) -> bool:
        """Whether the RECYCLE that this is, or takes back, is known never to have been attempted. False if unknown."""
        key = key_of(endpoint, id_of(event), "RECYCLE")
        code = self._ended_as(key)
        if code is not None:
            return code == FinalState.UNTRIED
        known = self._open.get(key)
        return known is not None and not known.may_have_arrived

    def has_recycle_of(self, revoke: DeliveredEvent, endpoint: str) -> bool:
        """Whether the RECYCLE of a REVOKE went there, or is on its way."""
        key = key_of(endpoint, id_of(revoke), "RECYCLE")
        return key in self._open or self._ended_as(key) not in (None, FinalState.UNTRIED)

    def _count(self, event: DeliveredEvent, retry: RetryState, key: bytes, since: int) -> None:
        self.due.add(retry.endpoint, since)
        if retry.replay:
            self._replays.setdefault(key_of(retry.endpoint, id_of(event), event.action), set()).add(key)

    def _takes_back(self, event: DeliveredEvent, retry: RetryState, key: bytes) -> None:
        if event.action == "REVOKE":
            lead = self._lead_of[key] = key_of(retry.endpoint, event.lead_id, "")
            self._revokes.setdefault(lead, set()).add(key)

    def _end_replays(self, endpoint: str, first: bytes, key: bytes, code: FinalState) -> None:
        """What was accepted is so for all its replays, which may wait for hours yet; else each ends by itself."""
        left = self._replays.pop(first) - {key}
        if code is FinalState.ACCEPTED:
            for one in left:
                self._ends(endpoint, one)
        elif left:
            self._replays[first] = left

    def _turn(self, now: int) -> None:
        """Forget what its topic has forgotten too: a worker may run for years."""
        if now - self._since > KEPT_MS:
            self._before, self._done, self._since = self._done, DigestMap(), now

    def _ended_as(self, key: bytes) -> int | None:
        code = self._done.get(key)
        return self._before.get(key) if code is None else code

    def _finish(self, endpoint: str, key: bytes, code: FinalState) -> None:
        self._ends(endpoint, key)
        # Whatever a call that was late says: what was accepted is there, and what was attempted may be.
        self._done[key] = max(code, self._ended_as(key) or 0)

    def _tried(self, key: bytes) -> None:
        """Somebody attempted it, although a former owner, whose word came late, had ended it without an attempt."""
        if self._ended_as(key) == FinalState.UNTRIED:
            self._done[key] = FinalState.NO_OP

    def _ends(self, endpoint: str, key: bytes) -> None:
        known = self._open.pop(key, None)
        if known is not None:
            self.due.add(endpoint, known.since, -1)
        lead = self._lead_of.pop(key, None)
        if lead is not None:
            self._revokes[lead].remove(key)
            if not self._revokes[lead]:
                del self._revokes[lead]

    @property
    def sizes(self) -> tuple[int, int]:
        """Entries of what is finished, and of what is open."""
        return len(self._done) + len(self._before), len(self._open)


def _key(event: DeliveredEvent, retry: RetryState) -> bytes:
    return key_of(retry.endpoint, id_of(event), event.action, retry.replay)
