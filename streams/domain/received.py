"""What a decoded record of an input is: a fact of its lead, or one under a key that is not its lead."""

from dataclasses import dataclass

from schemas.events import FactRecord
from schemas.instants import FUTURE_MS

from .entrance import check_entrance
from .errors import Poison
from .fact_of_record import fact_of
from .facts import Fact


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A fact whose key is not its lead: it may be on the wrong partition."""

    lead_id: str


def received(record: FactRecord, key: bytes | None, now: int, *, with_how: bool = False) -> Fact | Misplaced:
    """Take a record as streams does.

    Args:
        record: The decoded value.
        key: The key of the Kafka record.
        now: Of the wall clock, epoch ms.
        with_how: See `fact_of`.

    Raises:
        Poison: It goes to the dead-letter topic, with this reason.
    """
    check_not_ahead(record.occurred_at, now)
    check_entrance(record)
    fact = fact_of(record, with_how=with_how)
    return fact if key == record.lead_id.encode() else Misplaced(record.lead_id)


def check_not_ahead(occurred_at: int, now: int) -> None:
    """Raise Poison if a record is dated further ahead of the wall clock than clocks differ."""
    if occurred_at > now + FUTURE_MS:
        raise Poison("future", f"occurred_at {occurred_at} is ahead of the clock")
