"""What no producer means, although the fold could take it: times in another unit, and ids that only look alike.

Ingest and imports refuse the same before they publish.
"""

from collections.abc import Mapping
from unicodedata import is_normalized

from schemas.events import FactRecord, LeadContacted, LeadCreated, LeadStalled, LeadUpdated
from schemas.instants import EARLIEST_MS, unit_of
from schemas.texts import NO_IDS, has_format_characters

from .errors import Poison

_OTHER_TIMES: Mapping[type[FactRecord], str] = {
    LeadCreated: "consent_expires_at",
    LeadUpdated: "consent_expires_at",
    LeadContacted: "next_step_at",
    LeadStalled: "resume_at",
}
_LONGEST_NO_ID = max(map(len, NO_IDS))


def check_entrance(record: FactRecord) -> None:
    """Check what `fact_of` does not: a record of a producer that is about to be folded for the first time.

    Raises:
        Poison: A time before 1990 (is it in seconds?), or a lead_id that stands for none or has characters that nobody
            sees.
    """
    if 0 < record.occurred_at < EARLIEST_MS:
        raise _other_unit("occurred_at", record.occurred_at)
    name = _OTHER_TIMES.get(type(record))
    if name is not None and 0 < (getattr(record, name) or 0) < EARLIEST_MS:
        raise _other_unit(name, getattr(record, name))
    lead_id = record.lead_id
    if len(lead_id) <= _LONGEST_NO_ID and lead_id.lower() in NO_IDS:
        raise Poison("no_lead_id", f"{lead_id!r} is what programs write where there is no id")
    if not lead_id.isascii() or lead_id != lead_id.strip():
        _check_id(lead_id)


def _other_unit(name: str, at: int) -> Poison:
    unit = unit_of(at)
    doubt = f"is it in {unit}?" if unit else "it is before 1990"
    return Poison("time_out_of_range", f"{name} is {at}, not epoch milliseconds: {doubt}")


def _check_id(lead_id: str) -> None:
    if lead_id != lead_id.strip() or has_format_characters(lead_id):
        raise Poison("unclean_lead_id", f"{lead_id!r} has blanks at its ends, or characters that nobody sees")
    if not is_normalized("NFC", lead_id):
        raise Poison("unclean_lead_id", f"{lead_id!r} is not composed: normalise it (Unicode NFC)")
