"""Generates what happens to one lead: passes, touches, neglect, wins, losses. Pure, given a random generator."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal

Ending = Literal["won", "lost", "parked", "silent"]


@dataclass(frozen=True, slots=True)
class Origin:
    """A channel: its share of the leads, how likely they respond (`quality`), and its campaigns."""

    name: str
    share: int
    quality: float
    campaigns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rep:
    """A sales representative. `diligence`: share of due touches that are made; `pace_hours`: until the first call."""

    name: str
    diligence: float
    pace_hours: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A size of customers. `worth`: the least and greatest value of a deal, in euros."""

    name: str
    share: int
    worth: tuple[int, int]


@dataclass(frozen=True, slots=True)
class LeadAppears:
    """Marketing passes the lead to sales."""

    at: datetime


@dataclass(frozen=True, slots=True)
class SalesTouches:
    """Somebody did something."""

    at: datetime
    who: str
    what: str
    result: str
    next_step: datetime | None = None


@dataclass(frozen=True, slots=True)
class DealCloses:
    """Won, or lost for a reason."""

    at: datetime
    is_won: bool
    reason: str = ""
    euros: int = 0


@dataclass(frozen=True, slots=True)
class SalesParks:
    """Sales gives the lead back."""

    at: datetime
    reason: str
    note: str
    resume: datetime | None = None


StoryEvent = LeadAppears | SalesTouches | DealCloses | SalesParks

ORIGINS = (
    Origin("Paid Search", 26, 0.20, ("search-brand", "search-generic")),
    Origin("Organic", 20, 0.30, ("blog", "docs")),
    Origin("Webinar", 18, 0.36, ("webinar-spring", "webinar-autumn")),
    Origin("Content Download", 16, 0.14, ("whitepaper", "checklist")),
    Origin("Trade Show", 12, 0.26, ("expo-hall-4",)),
    Origin("Referral", 8, 0.50, ("partners",)),
)
SEGMENTS = (
    Segment("small", 55, (900, 4_000)),
    Segment("mid", 33, (4_000, 25_000)),
    Segment("enterprise", 12, (25_000, 180_000)),
)
REPS = tuple(
    Rep(name, diligence, pace)
    for name, diligence, pace in (
        ("ada", 0.98, 1), ("bo", 0.97, 2), ("chen", 0.95, 1), ("dara", 0.94, 4), ("eli", 0.92, 3), ("finn", 0.9, 6),
        ("gita", 0.88, 2), ("hugo", 0.85, 8), ("ines", 0.8, 5), ("jun", 0.75, 9), ("kaja", 0.65, 10), ("leo", 0.55, 12),
    )
)  # fmt: skip
LOSSES = {"Price": 26, "Timing": 22, "Competitor": 18, "No budget": 14, "No response": 8, "Poor fit": 8, "Invalid": 4}
PARKING = {
    "Bad timing": "asks us to come back next quarter",
    "No authority": "needs the board first",
    "Poor fit": "far too small for us",
    "Duplicate": "known under another number",
    "Not reachable": "nobody ever picks up",
}
_MOST_PASSES = 6
_MOST_TOUCHES = 12
_TOUCHES_BEFORE_GIVING_UP = 4


@dataclass(frozen=True, slots=True)
class LeadProfile:
    """The lead's origin and segment, and its sales representative."""

    origin: Origin
    segment: Segment
    rep: Rep


def random_profile(dice: random.Random) -> LeadProfile:
    """Draw the profile of a lead."""
    (origin,) = dice.choices(ORIGINS, [origin.share for origin in ORIGINS])
    (segment,) = dice.choices(SEGMENTS, [segment.share for segment in SEGMENTS])
    return LeadProfile(origin, segment, dice.choice(REPS))


def story(dice: random.Random, lead: LeadProfile, start: datetime) -> Iterator[StoryEvent]:
    """Everything that happens to a lead, in order: one pass after another, until there is none any more."""
    at: datetime | None = start
    quality = lead.origin.quality
    for _ in range(_MOST_PASSES):
        if at is None:
            return
        events, ending = _pass(dice, lead, quality, at)
        yield from events
        at = _return(dice, ending, events[-1].at)
        quality = min(0.7, quality * 1.25)  # nurtured leads respond more often


def _pass(dice: random.Random, lead: LeadProfile, quality: float, start: datetime) -> tuple[list[StoryEvent], Ending]:
    events: list[StoryEvent] = [LeadAppears(start)]
    if dice.random() > lead.rep.diligence:
        return _neglected(dice, events), "silent"
    at = office_hours(start + timedelta(hours=lead.rep.pace_hours * dice.lognormvariate(0, 0.6)))
    talks, cadence = 0, dice.choice((1.5, 3, 4.5))
    for _ in range(_MOST_TOUCHES):
        touch = _touch(dice, at, quality, talks)
        events.append(touch)
        talks += touch.result in ("Connected", "Replied", "Meeting set", "Meeting held")
        ending = _ending(dice, lead, touch, quality, talks, len(events))
        if ending is not None:
            events += _closing(dice, lead, ending, touch.at)
            return events, ending
        at = _next_touch_at(dice, lead, touch, cadence)
    return events, "silent"


def _next_touch_at(dice: random.Random, lead: LeadProfile, touch: SalesTouches, cadence: float) -> datetime:
    slip = dice.uniform(0.5, 8) if dice.random() > lead.rep.diligence + 0.1 else 0
    if touch.next_step is not None:
        return office_hours(touch.next_step + timedelta(days=slip, hours=dice.uniform(0, 4)))
    return office_hours(touch.at + timedelta(days=slip + cadence * dice.uniform(0.5, 1.05)))


def _neglected(dice: random.Random, events: list[StoryEvent]) -> list[StoryEvent]:
    chance = dice.random()
    later = events[0].at + timedelta(days=dice.uniform(3, 15))
    if chance < 0.15:  # noqa: PLR2004  # a lead writes by itself when nobody calls
        events.append(SalesTouches(later, "lead", "Email", "Replied"))
    elif chance < 0.35:  # noqa: PLR2004  # somebody remembers it, too late
        events.append(SalesTouches(office_hours(later), "sales", "Call", dice.choice(("Connected", "No answer"))))
    elif chance < 0.6:  # noqa: PLR2004  # marketing goes on mailing, which is no sales work
        events.append(SalesTouches(later, "marketing", "Email", "Sent"))
    return events


def _touch(dice: random.Random, at: datetime, quality: float, talks: int) -> SalesTouches:
    if dice.random() > quality + 0.12 * talks:
        what, result = dice.choice((("Call", "No answer"), ("Call", "Voicemail"), ("Call", "Busy"), ("Email", "Sent")))
        return SalesTouches(at, "sales", what, result)
    agreed = office_hours(at + timedelta(days=dice.uniform(2, 14))) if dice.random() < 0.5 else None  # noqa: PLR2004
    what, result = dice.choice((("Call", "Connected"), ("Email", "Replied"), ("Call", "Meeting set")))
    if talks > 1:
        what, result = "Meeting", "Meeting held"
    return SalesTouches(at, "lead" if result == "Replied" else "sales", what, result, agreed)


def _ending(
    dice: random.Random, lead: LeadProfile, touch: SalesTouches, quality: float, talks: int, touches: int
) -> Ending | None:
    chance = dice.random()
    if talks > 1 and chance < quality * 0.5:
        return "won"
    losing = 0.22 if talks else 0.3 if touches > _TOUCHES_BEFORE_GIVING_UP else 0
    if 0.5 < chance < 0.5 + losing:  # noqa: PLR2004
        return "lost"
    if chance > 0.965:  # noqa: PLR2004
        return "parked"
    forgets = (1 - lead.rep.diligence) * (0.15 if touch.next_step else 0.25)
    return "silent" if dice.random() < forgets else None


def _closing(dice: random.Random, lead: LeadProfile, ending: Ending, after: datetime) -> list[StoryEvent]:
    at = office_hours(after + timedelta(days=dice.uniform(0.1, 5)))
    match ending:
        case "won":
            return [DealCloses(at, is_won=True, euros=dice.randint(*lead.segment.worth))]
        case "lost":
            return [DealCloses(at, is_won=False, reason=dice.choices(list(LOSSES), list(LOSSES.values()))[0])]
        case "parked":
            reason = dice.choice(list(PARKING))
            resume = at + timedelta(days=dice.randint(30, 90)) if reason == "Bad timing" else None
            return [SalesParks(at, reason, PARKING[reason], resume)]
        case "silent":
            return []


def _return(dice: random.Random, ending: Ending, after: datetime) -> datetime | None:
    """When the lead is passed to sales again; most never are."""
    chance = dice.random()
    if ending == "won":
        return waking_hours(after + timedelta(days=dice.uniform(30, 120))) if chance < 0.08 else None  # noqa: PLR2004
    if chance < 0.06:  # noqa: PLR2004  # at once, by another form: sooner than marketing may try again
        return waking_hours(after + timedelta(days=dice.uniform(9, 16)))
    return waking_hours(after + timedelta(days=dice.uniform(25, 70))) if chance < 0.45 else None  # noqa: PLR2004


def office_hours(at: datetime) -> datetime:
    """The same time, or the next one at which people in an office work (UTC)."""
    if at.hour >= 17:  # noqa: PLR2004
        at = datetime.combine(at.date() + timedelta(days=1), time(8, at.minute, at.second), UTC)
    elif at.hour < 8:  # noqa: PLR2004
        at = at.replace(hour=8)
    while at.weekday() > 4:  # noqa: PLR2004
        at += timedelta(days=1)
    return at


def waking_hours(at: datetime) -> datetime:
    """The same day at a time when people fill in forms; never in the hours in which clocks change."""
    return at.replace(hour=6 + at.hour * 15 // 24)
