"""What to do about each reason for which streams rejects a record."""

from collections.abc import Mapping

from schemas.topics import MAX_LEAD_ID, MAX_RECORD_BYTES
from streams.domain.facts import MAX_TEXT

_MILLISECONDS = "write milliseconds since 1970, UTC"

FIXES: Mapping[str, str] = {
    "empty": "publish the record itself",
    "oversized": f"keep the value at {MAX_RECORD_BYTES} bytes at most: shorten the note",
    "not_avro": "write a zero byte, the id of the schema in four bytes (big-endian), and the datum",
    "unknown_schema": "use an id of `leadloop schemas export`, or register the schemas with `leadloop schemas push`; "
    "run this command with the SCHEMA_REGISTRY_URL of streams",
    "foreign": "publish it to a topic of its own system: only records of leadloop.v1 belong here",
    "wrong_record": "publish the record to the topic of its type",
    "bad_avro": "encode the datum with the schema of the id in front of it, with every field in its order",
    "no_event_id": "set event_id: what happened, as the source identifies it (the id of the call or the deal)",
    "no_lead_id": "set lead_id to the id of the lead; publish nothing where there is none",
    "lead_id_too_long": f"use an id of at most {MAX_LEAD_ID} characters",
    "text_too_long": f"shorten the text to {MAX_TEXT} characters; only a note may be longer",
    "no_time": f"set occurred_at: {_MILLISECONDS}",
    "unclean_lead_id": "strip blanks and invisible characters, and normalise the id (Unicode NFC)",
    "time_out_of_range": f"{_MILLISECONDS}, from 1990 on: not seconds, not microseconds",
    "future": "check the time zone, the unit and the clock of the source: ten minutes ahead is the limit",
    "unknown_outcome": "set outcome to won or lost",
    "unknown_action": "publish nothing to this topic: only streams does",
    "no_reason": "leave declared_by at sales: only streams declares stalls as the detector",
    "no_idle_since": "leave declared_by at sales: only streams declares stalls as the detector",
    "no_recycle_id": "publish nothing to this topic: only streams does",
    "no_stall_id": "publish nothing to this topic: only streams does",
}
"""By reason."""


def fix_of(reason: str) -> str:
    """What to do about a reason."""
    return FIXES.get(reason, "correct the record")
