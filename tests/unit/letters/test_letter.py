"""Dead letters hold what anybody may have written."""

from workers.letters.letter import REPLAYED, Letter, marker_of

OURS = [("dl_reason", b"bad_recycle"), ("dl_topic", b"lead-recycled"), ("dl_partition", b"0"), ("dl_offset", b"7")]


def test_a_marker_names_the_letter_that_was_sent_again() -> None:
    assert marker_of([(REPLAYED, b"0:5")]) == "0:5"


def test_a_record_that_came_with_a_marker_s_header_is_a_letter_all_the_same() -> None:
    assert marker_of([(REPLAYED, b"0:5"), *OURS]) == ""


def test_what_we_said_of_it_counts_and_not_what_it_came_with() -> None:
    letter = Letter.of(0, 1, None, b"x", [("dl_topic", b"endpoint-states"), ("dl_partition", b"99"), *OURS])
    assert (letter.from_topic, letter.from_partition) == ("lead-recycled", 0)


def test_numbers_that_are_none_are_no_trouble() -> None:
    letter = Letter.of(0, 1, None, None, [("dl_reason", b"\xff"), ("dl_offset", b"many")])
    assert (letter.value, letter.from_offset) == (b"", -1)
