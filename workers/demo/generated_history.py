"""Generates a realistic history of leads as the exports of a CRM: CSV files, and the mapping that imports them.

The same seed and size give the same files, byte for byte. The files contain only what people did, and nothing that
streams emits.
"""

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from workers.imports.mapping import Mapping, parse_mapping

from .story import (
    DealCloses,
    LeadAppears,
    LeadProfile,
    SalesParks,
    SalesTouches,
    StoryEvent,
    random_profile,
    story,
    waking_hours,
)

LEADS = 5_000
DAYS = 300
END = datetime(2025, 6, 30, 18, tzinfo=UTC)
_BERLIN = ZoneInfo("Europe/Berlin")
HistoryRow = Sequence[str]

HEADERS: dict[str, HistoryRow] = {
    "leads.csv": (
        "Lead ID", "Created", "Source", "Campaign", "Segment", "Owner", "Account", "Consent until", "Do not contact",
        "Expected value",
    ),
    "activities.csv": ("Activity ID", "Lead ID", "Time", "By", "Type", "Result", "Rep", "Next step"),
    "deals.csv": ("Lead ID", "Closed", "Status", "Loss reason", "Value", "Currency"),
    "parked.csv": ("Lead ID", "Parked", "Reason", "Note", "Come back on"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GeneratedHistory:
    """The size of a written history."""

    folder: Path
    leads: int
    rows: int


def history_mapping() -> Mapping:
    """The mapping of the files of a history."""
    name = "history.yml"
    return parse_mapping(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"), name)


def write_history(folder: Path, *, leads: int = LEADS, seed: int = 1, end: datetime = END) -> GeneratedHistory:
    """Write the files of a history that ends before `end` (aware) into an existing folder."""
    rows: dict[str, list[tuple[datetime, HistoryRow]]] = {name: [] for name in HEADERS}
    for number in range(leads):
        dice = random.Random(f"{seed}/{number}")  # noqa: S311  # repeatable on purpose
        for name, at, row in _lead_rows(dice, number, end):
            rows[name].append((at, row))
    for name, found in rows.items():
        _write(folder / name, HEADERS[name], (row for _, row in sorted(found)))
    return GeneratedHistory(folder, leads, sum(map(len, rows.values())))


def _write(path: Path, header: HistoryRow, rows: Iterable[HistoryRow]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _lead_rows(dice: random.Random, number: int, end: datetime) -> Iterator[tuple[str, datetime, HistoryRow]]:
    lead, lead_id = random_profile(dice), f"L-{100_001 + number}"
    start = waking_hours(end - timedelta(seconds=dice.randrange(DAYS * 86_400), days=1))
    person = _Person.of(dice, lead, number)
    for index, event in enumerate(story(dice, lead, start)):
        if event.at >= end:
            return
        name, row = _row(event, lead_id, f"{lead_id}-{index}", lead, person)
        yield name, event.at, row


@dataclass(frozen=True, slots=True)
class _Person:
    campaign: str
    account: str
    consent: timedelta | None
    do_not_contact: bool
    euros: int

    @classmethod
    def of(cls, dice: random.Random, lead: LeadProfile, number: int) -> "_Person":
        # A consent of a month ends within the history: the RECYCLE of such a lead is not sent.
        months = dice.choices((1, 120, None), (6, 79, 15))[0]
        return cls(
            campaign=dice.choice(lead.origin.campaigns),
            account=f"A-{number // 2 if lead.segment.name == 'enterprise' else number}",
            consent=timedelta(days=30 * months) if months else None,
            do_not_contact=dice.random() < 0.02,  # noqa: PLR2004
            euros=dice.randint(*lead.segment.worth),
        )


def _row(event: StoryEvent, lead_id: str, event_id: str, lead: LeadProfile, person: _Person) -> tuple[str, HistoryRow]:
    match event:
        case LeadAppears(at):
            return "leads.csv", (
                lead_id, _local(at), lead.origin.name, person.campaign, lead.segment.name, lead.rep.name,
                person.account,
                _day(at + person.consent) if person.consent else "", "yes" if person.do_not_contact else "no",
                _euros(person.euros),
            )  # fmt: skip
        case SalesTouches(at, who, what, result, next_step):
            later = _utc(next_step) if next_step else ""
            return "activities.csv", (event_id, lead_id, _utc(at), who, what, result, lead.rep.name, later)
        case DealCloses(at, is_won, reason, euros):
            value = (_euros(euros), "EUR") if is_won else ("", "")
            return "deals.csv", (lead_id, _local(at), "Won" if is_won else "Lost", reason, *value)
        case SalesParks(at, reason, note, resume):
            return "parked.csv", (lead_id, _local(at), reason, note, _day(resume) if resume else "")


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _local(at: datetime) -> str:
    return at.astimezone(_BERLIN).strftime("%d.%m.%Y %H:%M:%S")


def _day(at: datetime) -> str:
    return at.strftime("%d.%m.%Y")


def _euros(amount: int) -> str:
    return f"{amount:,}".replace(",", ".") + ",00"
