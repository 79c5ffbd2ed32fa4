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


def test_a_dead_letter_has_its_source_and_the_original_headers() -> None:
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


def test_an_oversized_dead_letter_is_truncated_and_states_by_how_much() -> None:
    letter = RECORDS.poison(a_record(b"x" * 1_000_000, [("big", b"y" * 100_000)]), "oversized", "", 5)
    assert len(letter.value or b"") == KEPT_BYTES
    assert dict(letter.headers)["dl_cut_bytes"] == b"%d" % (1_000_000 - KEPT_BYTES)
    assert "big" not in dict(letter.headers)
