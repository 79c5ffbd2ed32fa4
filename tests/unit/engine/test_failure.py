"""How the engine ends the process."""

from __future__ import annotations

import logging
from typing import NoReturn

import pytest

from streams.engine.failure import end_process


class Left(BaseException):
    pass


def leave(code: int) -> NoReturn:
    raise Left(code)


def test_a_failure_is_logged_once_with_its_record_and_exits_70(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(Left, match="70"):
        end_process(ValueError("a bug"), where="lead-created[3]@17", leave=leave)
    (record,) = caplog.records
    assert record.levelname == "CRITICAL"
    assert "lead-created[3]@17: ValueError('a bug')" in record.getMessage()
