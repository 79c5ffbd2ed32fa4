"""What is written about records that are none."""

from collections.abc import Sequence

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.dead_letters import KEPT_BYTES
from workers.delivery.core.model import ConsumedRecord
from workers.delivery.core.wait_topics import WaitTopics
from workers.delivery.runtime.records import RecordFactory

RECORDS = RecordFactory(Codec(Catalogue.bundled()), "p.", WaitTopics())


def a_record(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> ConsumedRecord:
    return ConsumedRecord("p.lead-recycled", 3, 7, b"lead-1", value, headers, written_at=0)


def test_a_dead_letter_says_where_it_came_from_and_keeps_what_came_with_it() -> None:
    letter = RECORDS.poison(a_record(b"x", [("ce_id", b"e"), ("empty", None)]), "not_avro", "no framing", 5)
    assert (letter.topic, letter.key, letter.value) == ("p.lead-dead-letters", b"lead-1", b"x")
    assert letter.headers == [
        ("ce_id", b"e"),
        ("empty", b""),
        ("dl_reason", b"not_avro"),
        ("dl_error", b"no framing"),
        ("dl_topic", b"p.lead-recycled"),
        ("dl_partition", b"3"),
        ("dl_offset", b"7"),
        ("dl_seen_at", b"5"),
    ]


def test_what_is_too_long_for_a_dead_letter_is_cut_and_that_is_said() -> None:
    letter = RECORDS.poison(a_record(b"x" * 1_000_000, [("big", b"y" * 100_000)]), "oversized", "", 5)
    assert len(letter.value or b"") == KEPT_BYTES
    assert dict(letter.headers)["dl_cut_bytes"] == b"%d" % (1_000_000 - KEPT_BYTES)
    assert "big" not in dict(letter.headers)
