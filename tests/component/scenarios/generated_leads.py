"""Generated histories of leads, drawn from a seed: facts of all kinds, some of them rare, as upstreams publish them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from schemas.events import DealClosed, FactRecord, LeadContacted, LeadCreated, LeadStalled, LeadUpdated
from tests.builders import DAY, T0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPAN_DAYS = 300
START, END = T0 - SPAN_DAYS * DAY, T0
"""Epoch ms between which everything happens."""
LENGTHS = (0, 1, 2, 3, 5, 8, 13, 21)
"""How many facts may follow a creation."""
GAPS = (DAY // 24, DAY, 5 * DAY, 25 * DAY)
"""The longest time (ms) between two facts; the shortest is a millisecond."""
OWNERS = ("ada", "bo", "chen")
SEGMENTS = ("small", "mid", "enterprise")
ANSWERS = ("connected", "replied", "meeting_set", "meeting_held")
ATTEMPTS = ("no_answer", "voicemail", "busy", "sent", "bounced", "no_show", "cancelled")
STALLS = ("bad_timing", "bad_timing", "no_budget", "no_response", "competitor", "invalid", "duplicate", "made up")
LOSSES = ("price", "price", "competitor", "no_budget", "poor_fit", "lost")


def generated_leads(count: int, seed: int = 1) -> dict[str, list[FactRecord]]:
    """So many leads, each with its facts in order, all at different times."""
    return {lead_id: list(_Life(lead_id, seed).facts()) for lead_id in (f"lead-{n}" for n in range(count))}


class _Life:
    """What happens to one lead."""

    def __init__(self, lead_id: str, seed: int) -> None:
        self._lead_id = lead_id
        self._dice = Random(f"{seed}/{lead_id}")
        self._at = START + self._dice.randrange(SPAN_DAYS * DAY)
        self._ids: list[str] = []

    def facts(self) -> Iterator[FactRecord]:
        yield self._created()
        for _ in range(self._dice.choice(LENGTHS)):
            self._at += self._dice.randint(1, self._dice.choice(GAPS))
            if self._at >= END:
                return
            make: Callable[[], FactRecord]
            (make,) = self._dice.choices(
                (self._contacted, self._updated, self._stalled, self._closed, self._created), (50, 20, 12, 10, 8)
            )
            yield make()

    def _common(self) -> dict[str, Any]:
        """Every tenth id or so will be taken back by a later fact, so ids are kept."""
        self._ids.append(f"{self._lead_id} {len(self._ids)}")
        return {
            "lead_id": self._lead_id,
            "event_id": self._ids[-1],
            "occurred_at": self._at,
            "recorded_at": self._at,
            "source": "generated",
        }

    def _is(self, share: float) -> bool:
        return self._dice.random() < share

    def _later(self, days: int) -> int:
        return self._at + self._dice.randrange(days * DAY)

    def _created(self) -> LeadCreated:
        return LeadCreated(
            origin=self._dice.choice(("web", "fair", "partner")),
            campaign_id=self._dice.choice(("", "spring")),
            segment=self._dice.choice(SEGMENTS),
            owner_id=self._dice.choice(("", *OWNERS)),
            account_id=self._dice.choice(("", "acme", "initech")),
            consent_expires_at=self._later(400) if self._is(0.3) else None,
            do_not_contact=self._is(0.05),
            expected_amount=self._dice.randrange(100_000) if self._is(0.5) else None,
            **self._common(),
        )

    def _contacted(self) -> LeadContacted:
        by: Any = self._dice.choices(("sales", "lead", "marketing", "agent", "automation"), (60, 15, 10, 10, 5))[0]
        outcome: Any = self._dice.choice(ANSWERS if self._is(0.4) else ATTEMPTS)
        return LeadContacted(
            by=by,
            activity=self._dice.choice(("call", "email", "meeting")),
            direction="inbound" if by == "lead" else "outbound",
            outcome=outcome,
            owner_id=self._dice.choice(("", *OWNERS)),
            next_step_at=self._later(20) if self._is(0.3) else None,
            **self._common(),
        )

    def _stalled(self) -> LeadStalled:
        resume_at = self._later(90) if self._is(0.4) else None
        return LeadStalled(reason=self._dice.choice(STALLS), resume_at=resume_at, **self._common())

    def _closed(self) -> DealClosed:
        if self._is(0.4):
            return DealClosed(outcome="won", amount=self._dice.randrange(1_000_000), currency="EUR", **self._common())
        return DealClosed(outcome="lost", reason=self._dice.choice(LOSSES), **self._common())

    def _updated(self) -> LeadUpdated:
        changes: tuple[dict[str, Any], ...] = (
            {"do_not_contact": "yes"},
            {"do_not_contact": "no"},
            {"consent": "withdrawn"},
            {"consent": "granted"},
            {"consent": "granted", "consent_expires_at": self._later(200)},
            {"owner_id": self._dice.choice(("", *OWNERS)), "segment": self._dice.choice(SEGMENTS)},
            {"campaign_id": "", "account_id": "acme"},
            {"expected_amount": self._dice.randrange(100_000), "currency": "EUR"},
            {"retracts": self._dice.choice(self._ids)},
        )
        return LeadUpdated(**self._dice.choice(changes), **self._common())


def takes_back(facts: list[FactRecord]) -> bool:
    """Whether one of these facts retracts another."""
    return any(isinstance(fact, LeadUpdated) and fact.retracts for fact in facts)
