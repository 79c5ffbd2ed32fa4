"""Makes the dead letter of an item that was received over HTTP, in the common format (`schemas.dead_letters`)."""

from schemas.dead_letters import KEPT_BYTES, TOPIC, cut_headers, reason_headers
from workers.kafka import Outgoing


def dead_letter(
    value: bytes,
    reason: str,
    error: str,
    *,
    path: str,
    seen_at: int,
    key: bytes | None = None,
    prefix: str = "",
    headers: tuple[tuple[str, bytes], ...] = (),
) -> Outgoing:
    """The dead letter of a request body, or a part of one, that cannot become a fact.

    Args:
        value: The body; what exceeds KEPT_BYTES is cut.
        reason: One word to count by.
        error: The cause, in a sentence.
        path: The path of the request; it takes the place of the topic that a record comes from.
        seen_at: When it was received, epoch ms.
        key: The lead's id, if it is known.
        prefix: Of the topics.
        headers: The original headers to keep.
    """
    reasons = reason_headers(reason, error, topic=path, partition=-1, offset=-1, seen_at=seen_at)
    return Outgoing(prefix + TOPIC, key, value[:KEPT_BYTES], [*headers, *reasons, *cut_headers(value)])
