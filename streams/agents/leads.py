"""The leads of one partition: decoded once, kept while they are busy, written back per chunk."""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from streams.domain.deadlines import Deadline
from streams.domain.funnel import Funnel
from streams.domain.lead import Lead, stage
from streams.domain.lead_fold import LeadFold
from streams.domain.lead_history import LeadHistory
from streams.domain.policy import Policy

Milestones = tuple[object, ...]

CACHED = 100_000  # leads in memory of one process; some 3 kB each


class Values(Protocol):
    """What a chunk offers: the stored values, and its own changes over them."""

    def get(self, key: bytes) -> bytes | None: ...
    def put(self, key: bytes, value: bytes | None) -> None: ...


class CachedLead(Struct, eq=False, gc=False):
    """One lead in memory: `due` is its next deadline, `stored` and `published` are as of its last chunk.

    Neither it nor what it holds is seen by the garbage collector: there are no cycles, and very many leads.
    """

    key: bytes
    ledger: LeadFold
    due: Deadline | None
    stored: Lead | None = None
    published: Milestones | None = None
    is_touched: bool = False
    is_moved: bool = False  # in this chunk, even if it moved back: see `Leads.touch`

    @property
    def lead(self) -> Lead:
        return self.ledger.history.lead


def milestones(lead: Lead, due: Deadline | None) -> Milestones:
    """What a snapshot is written for when it moves; the deadline first."""
    return (
        due and due.breaks_at,
        stage(lead),
        lead.pass_no,
        lead.created_at,
        lead.stall and (lead.stall.stall_id, lead.stall.decided),
        lead.recycle,
        lead.owner_id,
        lead.reached,
        lead.origin,
        lead.campaign_id,
        lead.last_stall_reason,
        lead.passes,
        lead.do_not_contact,
        lead.consent_expires_at,
        lead.expected_amount,
        lead.expected_currency,
        (lead.first_touch_at, lead.first_progress_at, lead.first_stall_at, lead.closed_at, lead.amount, lead.currency),
    )


class Leads:
    """A cache over the store of one partition. What a chunk touched is in `touched` until `save`."""

    def __init__(self, policy: Policy, memory: int, funnel: Funnel, cached: int) -> None:
        self.policy = policy
        self._memory = memory
        self._funnel = funnel
        self._cached = cached
        self._entries: dict[bytes, CachedLead] = {}
        self.known = self._entries.get
        """The lead of a key if it is in memory."""
        self.touched: list[CachedLead] = []

    def load(self, key: bytes, values: Values) -> CachedLead | None:
        """Read the lead from the store; None if it is not there."""
        raw = values.get(key)
        if raw is None:
            return None
        history = LeadHistory.decode(raw, self._memory)
        ledger = LeadFold(key.decode(), history)
        entry = self._entries[key] = CachedLead(key, ledger, ledger.deadline(self.policy), history.lead)
        entry.published = milestones(history.lead, entry.due)
        return entry

    def begin(self, key: bytes) -> CachedLead:
        """A lead that nothing is known of."""
        entry = self._entries[key] = CachedLead(key, LeadFold(key.decode(), LeadHistory(self._memory)), None)
        return entry

    def touch(self, entry: CachedLead) -> None:
        """Note that a lead, settled again, may differ from what is stored and told of it.

        A lead that goes there and back within a chunk has moved: after a crash, this may be two chunks in one, and the
        snapshot that was told between them must not be left standing.
        """
        if not entry.is_touched:
            entry.is_touched = True
            self.touched.append(entry)
        if not entry.is_moved:
            before, due_at = (
                entry.published,
                entry.due and entry.due.breaks_at,
            )  # most often the deadline moved: cheap to see
            entry.is_moved = before is None or before[0] != due_at or before != milestones(entry.lead, entry.due)

    def save(self, values: Values, moved: Callable[[CachedLead], None]) -> None:
        """Write back what was touched; `moved` hears of each lead that a snapshot is due for."""
        for entry in self.touched:
            history = entry.ledger.history
            values.put(entry.key, history.encode())
            self._funnel.replace(entry.stored, history.lead)
            if entry.is_moved:
                entry.published = milestones(history.lead, entry.due)
                moved(entry)
            entry.stored, entry.is_touched, entry.is_moved = history.lead, False, False
        self.touched.clear()
        self._evict()

    def _evict(self) -> None:
        """Forget the half that has been in memory longest: all of it is stored by now."""
        if len(self._entries) > self._cached:
            for key in list(_first(self._entries, len(self._entries) // 2)):
                del self._entries[key]


def _first(keys: dict[bytes, CachedLead], count: int) -> Iterator[bytes]:
    return (key for key, _ in zip(keys, range(count), strict=False))
