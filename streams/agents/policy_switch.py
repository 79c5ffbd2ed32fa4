"""How a partition switches to a changed policy.

What is decided follows the new policy from the next chunk on; no chunk follows two. The deadlines of leads move slice
by slice, a few with each chunk, because there may be millions. Until its slice, a lead keeps the deadline of the old
policy: when that fires, the lead is evaluated by the new one.
"""

from collections.abc import Callable, Iterable
from itertools import islice

from streams.agents.leads import CachedLead, Leads, Values
from streams.domain.deadlines import next_deadline
from streams.domain.policy import Policy
from streams.domain.state import lead_of
from streams.engine import TimerWheel

SLICE = 500  # leads whose deadlines move with one chunk: some 30 ms, if all of them move

OWN_KEYS = b"\xff\xff"
"""How keys begin that are not of a lead: these bytes are not UTF-8."""

ItemsAfter = Callable[[bytes], Iterable[tuple[bytes, bytes]]]
"""The stored values behind a key, in the order of keys."""


class PolicyInForce:
    """The policy of this process: replaced by whoever watches its file, in any thread, and read between chunks."""

    def __init__(self, policy: Policy) -> None:
        self.current = policy


class DeadlineSweep:
    """One walk over all leads of a partition, which ends when `is_done`."""

    def __init__(self, items: ItemsAfter, policy: Policy) -> None:
        self._items = items
        self._policy = policy
        self._after = b""
        self.is_done = False

    def move(self, leads: Leads, clock: TimerWheel, values: Values) -> None:
        """Move the deadlines of the next leads; where one moves, a snapshot is due."""
        found = list(islice(self._items(self._after), SLICE))
        for key, raw in found:
            if not key.startswith(OWN_KEYS):
                self._move(leads.known(key), key, raw, (leads, clock, values))
        self.is_done = len(found) < SLICE
        if found:
            self._after = found[-1][0]

    def _move(
        self, entry: CachedLead | None, key: bytes, raw: bytes, partition: tuple[Leads, TimerWheel, Values]
    ) -> None:
        leads, clock, values = partition
        due = next_deadline(lead_of(raw) if entry is None else entry.lead, self._policy)
        if (due and due.due) == clock.due_of(key):
            return
        clock.set(key, due and due.due)
        entry = entry or leads.load(key, values)
        if entry is not None:
            entry.due, entry.published = due, None  # what is published of it names the old deadline
            leads.touch(entry)
