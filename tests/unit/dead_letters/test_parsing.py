"""Reading dead letters: any producer may have written them."""

from schemas.dead_letters import REPLAYED
from workers.dead_letters.parsing import DeadLetter, marker_of

OURS = [("dl_reason", b"bad_recycle"), ("dl_topic", b"lead-recycled"), ("dl_partition", b"0"), ("dl_offset", b"7")]


def test_a_marker_names_the_dead_letter_that_was_sent_again() -> None:
    assert marker_of([(REPLAYED, b"0:5")]) == "0:5"


def test_an_original_marker_header_does_not_hide_a_dead_letter() -> None:
    assert marker_of([(REPLAYED, b"0:5"), *OURS]) == ""


def test_our_headers_win_over_the_original_ones() -> None:
    letter = DeadLetter.of(0, 1, None, b"x", [("dl_topic", b"endpoint-states"), ("dl_partition", b"99"), *OURS])
    assert (letter.from_topic, letter.from_partition) == ("lead-recycled", 0)


def test_invalid_numbers_read_as_unknown() -> None:
    letter = DeadLetter.of(0, 1, None, None, [("dl_reason", b"\xff"), ("dl_offset", b"many")])
    assert (letter.value, letter.from_offset) == (b"", -1)
