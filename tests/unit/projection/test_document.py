"""A timeline is the same whatever the order in which its records come, and bounded."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.read_model.lead_document import (
    DECIDED,
    DELIVERED,
    ENTRY_KINDS,
    ESCALATED,
    RECYCLED,
    LeadDocument,
    TimelineEntry,
    decode,
    encode,
)

KINDS = (0, RECYCLED, DELIVERED, DECIDED, ESCALATED)
ENTRIES = st.builds(
    TimelineEntry,
    st.integers(0, 5),
    st.integers(0, len(ENTRY_KINDS) - 1),
    st.sampled_from("abc"),
    st.sampled_from([b"1", b"2"]),
)


def made_of(entries: list[TimelineEntry]) -> LeadDocument:
    document = LeadDocument()
    for entry in entries:
        document.add(entry)
    return document


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEPT_FACTS", "KEPT_RECYCLES", "KEPT_DELIVERIES", "KEPT_DECISIONS", "KEPT_ESCALATIONS"):
        monkeypatch.setattr(f"workers.read_model.lead_document.{name}", 4)


def test_any_order_and_any_repetition_make_the_same() -> None:
    @given(st.lists(ENTRIES, max_size=30), st.randoms(use_true_random=False))
    def check(entries: list[TimelineEntry], dice: random.Random) -> None:
        shuffled = entries + entries[: len(entries) // 2]
        dice.shuffle(shuffled)
        assert made_of(shuffled) == made_of(entries)

    check()


def test_the_newest_of_each_room_are_kept_and_none_pushes_out_another() -> None:
    entries = [TimelineEntry(at, kind, str(at), b"") for at in range(10) for kind in KINDS]
    document = made_of(entries)
    for room in (document.facts, document.recycles, document.deliveries, document.decisions, document.escalations):
        assert [entry.at for entry in room] == [6, 7, 8, 9]
    assert [entry.at for entry in document.timeline()] == sorted([6, 7, 8, 9] * len(KINDS))


def test_of_a_delivery_only_the_newest_result_is_kept() -> None:
    tries = [TimelineEntry(at, DELIVERED, "nurture RECYCLE r1", b"") for at in (3, 1, 2)]
    assert made_of(tries).deliveries == [tries[0]]


def test_a_lead_that_was_forgotten_takes_nothing_in() -> None:
    document = made_of([TimelineEntry(1, 0, "a", b"")])
    document.clear()
    document.add(TimelineEntry(2, 0, "b", b""))
    assert decode(encode(document)) == LeadDocument(is_gone=True)
