"""How a dead letter is written: the bytes as they came, and headers that say where from, when and why not.

The same as streams writes; one reader (`leadloop dead-letters`) is for all of them.
"""

from workers.kafka import Outgoing

TOPIC = "lead-dead-letters"
KEPT_BYTES = 786_432  # of a value; the rest is cut, and said so
_ERROR_CHARACTERS = 1_000


def dead_letter(
    value: bytes,
    reason: str,
    error: str,
    *,
    came_by: str,
    seen_at: int,
    key: bytes | None = None,
    prefix: str = "",
    headers: tuple[tuple[str, bytes], ...] = (),
) -> Outgoing:
    """What came over HTTP and can be no fact. `came_by` stands where a topic would: it has no partition or offset."""
    cut = len(value) - KEPT_BYTES
    told = [
        *headers,
        ("dl_reason", reason.encode()),
        ("dl_error", error[:_ERROR_CHARACTERS].encode(errors="replace")),
        ("dl_topic", came_by.encode()),
        ("dl_partition", b"-1"),
        ("dl_offset", b"-1"),
        ("dl_seen_at", b"%d" % seen_at),
        *([("dl_cut_bytes", b"%d" % cut)] if cut > 0 else []),
    ]
    return Outgoing(prefix + TOPIC, key, value[:KEPT_BYTES], told)
