"""A process that is told to stop leaves if no broker answers for a while, and only then."""

import pytest

from streams.runtime.without_kafka import leave_without_kafka


class Left(BaseException):
    """The process has ended."""


def leave(code: int) -> None:
    raise Left(code)


def test_a_process_that_is_stopping_leaves_only_if_no_broker_answers_for_a_while() -> None:
    now, answers = iter(range(100)), iter([True, False, False, True, *[False] * 90])
    asked = 0

    def answer() -> bool:
        nonlocal asked
        asked += 1
        return next(answers)

    with pytest.raises(Left, match="0"):
        leave_without_kafka(lambda: True, answer, leave, lambda: float(next(now)), lambda _: None)  # type: ignore[arg-type]
    assert asked == 9


def test_a_process_that_is_not_told_to_stop_asks_nobody() -> None:
    waited = 0

    def is_stopping() -> bool:
        return waited > 20

    def pause(_: float) -> None:
        nonlocal waited
        waited += 1

    def answer() -> bool:
        assert is_stopping()
        return False

    now = iter(range(100))
    with pytest.raises(Left):
        leave_without_kafka(is_stopping, answer, leave, lambda: float(next(now)), pause)  # type: ignore[arg-type]
