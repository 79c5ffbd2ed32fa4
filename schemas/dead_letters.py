"""The format of a dead letter: the original bytes, the original headers, and headers that say what was wrong.

dl_reason      one word to count by           dl_topic, dl_partition, dl_offset   where the record came from
dl_error       the cause, in a sentence       dl_seen_at                          when it was rejected, epoch ms
dl_cut_bytes   how much of the value is cut   dl_endpoint, dl_attempts            of a delivery that was given up
dl_replayed    marks the place of a dead letter that was sent again
dl_item, dl_item_type   of a webhook: the number of the item in its request, and the `type` in the URL
"""

from collections.abc import Iterable

from .headers import Headers

TOPIC = "lead-dead-letters"

PREFIX = "dl_"
"""The prefix of the names of our headers; original headers with it are dropped."""
REASON, ERROR, SEEN_AT, CUT_BYTES = "dl_reason", "dl_error", "dl_seen_at", "dl_cut_bytes"
FROM_TOPIC, FROM_PARTITION, FROM_OFFSET = "dl_topic", "dl_partition", "dl_offset"
ENDPOINT, ATTEMPTS, REPLAYED = "dl_endpoint", "dl_attempts", "dl_replayed"
ITEM, ITEM_TYPE = "dl_item", "dl_item_type"

WEBHOOKS = "webhooks/"
"""What `dl_topic` of a webhook begins with; the name of the system follows."""

KEPT_BYTES = 786_432
"""Of a value. The rest is cut, and `dl_cut_bytes` says how much: the whole must fit a batch."""
KEPT_HEADER_BYTES = 65_536
"""Of the original headers; none are kept if they are longer."""
ERROR_CHARACTERS = 1_000
"""Of `dl_error`."""


def reason_headers(reason: str, error: str, *, topic: str, partition: int, offset: int, seen_at: int) -> Headers:
    """The headers that every dead letter has.

    Args:
        reason: One word to count by.
        error: The cause; it is cut at ERROR_CHARACTERS.
        topic: The topic that the record came from; for an item that was received over HTTP, the path.
        partition: -1 if it came from no topic.
        offset: -1 if it came from no topic.
        seen_at: When it was rejected, epoch ms.
    """
    return [
        (REASON, reason.encode()),
        (ERROR, error[:ERROR_CHARACTERS].encode(errors="replace")),
        (FROM_TOPIC, topic.encode()),
        (FROM_PARTITION, b"%d" % partition),
        (FROM_OFFSET, b"%d" % offset),
        (SEEN_AT, b"%d" % seen_at),
    ]


def cut_headers(value: bytes | None) -> Headers:
    """The header with the number of bytes that are cut from a value; none if it is kept whole."""
    cut = len(value or b"") - KEPT_BYTES
    return [(CUT_BYTES, b"%d" % cut)] if cut > 0 else []


def fit_to_keep(headers: Iterable[tuple[str, bytes | None]]) -> bool:
    """Whether the original headers are short enough to be kept."""
    return sum(len(name) + len(value or b"") for name, value in headers) <= KEPT_HEADER_BYTES
