"""Parcels hop through the waiting topics: never early, late by at most the shortest wait (but for the hops)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import TOPICS
from workers.delivery.core.model import RetryState
from workers.delivery.core.wait_topics import WaitTopics

TIERS = WaitTopics()
SHORTEST = min(TIERS.delays.values())
NUMBERS = st.integers(0, 2**50)


@given(st.integers(0, 40 * 86_400_000))
def test_a_delivery_is_due_never_early_and_late_by_at_most_the_shortest_wait(left: int) -> None:
    at, hops = 0, 0
    while at < left:
        at += TIERS.delays[TIERS.of(left - at)]
        hops += 1
    assert left <= at < left + SHORTEST or (left == 0 == at)
    assert hops <= left // 21_600_000 + 5 + 5 + 9 + 5 + 10


@given(st.integers(SHORTEST, 2**40))
def test_a_delivery_waits_in_the_longest_waiting_topic_that_is_not_too_long(left: int) -> None:
    chosen = TIERS.delays[TIERS.of(left)]
    assert chosen == max(ms for ms in TIERS.delays.values() if ms <= left)


def test_every_wait_has_its_topic() -> None:
    assert set(TIERS.delays) <= set(TOPICS)


@given(
    st.builds(
        RetryState,
        endpoint=st.text(max_size=40),
        attempts=NUMBERS,
        waits=NUMBERS,
        published_at=NUMBERS,
        first_at=NUMBERS,
        due_at=NUMBERS,
        why=st.text(max_size=40),
        replay=st.text(max_size=40),
        may_have_arrived=st.booleans(),
    )
)
def test_a_retry_state_survives_encoding_and_decoding(retry: RetryState) -> None:
    assert RetryState.of([("traceparent", b"x"), *retry.headers()]) == retry


@pytest.mark.parametrize("headers", [None, [], [("dw_endpoint", b"a")], [("dw_endpoint", b"\xff")]])
def test_headers_of_another_format_are_rejected(headers: list[tuple[str, bytes | None]] | None) -> None:
    with pytest.raises(ValueError, match=r".+"):
        RetryState.of(headers)


def test_a_retry_state_with_text_for_a_number_is_rejected() -> None:
    broken = [(name, b"x" if name == "dw_attempts" else value) for name, value in RetryState("a").headers()]
    with pytest.raises(ValueError, match=r".+"):
        RetryState.of(broken)


@pytest.mark.parametrize("name", ["dw_attempts", "dw_waits"])
def test_a_retry_state_with_a_negative_number_is_rejected(name: str) -> None:
    broken = [(one, b"-1" if one == name else value) for one, value in RetryState("a").headers()]
    with pytest.raises(ValueError, match="negative"):
        RetryState.of(broken)
