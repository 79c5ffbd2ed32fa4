"""Logs: lines for people and for machines, what is told of something that fails for a while, and what is hidden."""

import asyncio
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from streams.runtime.logs import Episode, FrequentLines, LogFormat, event, set_up_logging
from tests.waiting import TIMEOUT

LOG = logging.getLogger("leadloop.test")


@dataclass
class Settings:
    log_level: str = "info"
    log_format: LogFormat = "text"
    log_lead_key: str = ""


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, handler = logging.getLogger(), signal.getsignal(signal.SIGUSR1)
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], _ = before
    root.setLevel(before[1])
    signal.signal(signal.SIGUSR1, handler)


def test_a_line_has_its_time_with_zone_its_level_its_logger_and_its_fields(stream: io.StringIO) -> None:
    set_up_logging(Settings(), stream)
    event(LOG, logging.WARNING, "the circuit is open", endpoint="nurture", cause='says "no"', status=None, waiting=0)
    at, rest = stream.getvalue().split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
    assert rest == 'WARNING leadloop.test: the circuit is open endpoint=nurture cause="says \\"no\\"" waiting=0\n'


def test_a_field_cannot_begin_a_new_line_or_another_field(stream: io.StringIO) -> None:
    set_up_logging(Settings(), stream)
    event(LOG, logging.INFO, "request", source="crm\nERROR forged status=200")
    assert stream.getvalue().endswith('source="crm\\nERROR forged status=200"\n')
    assert stream.getvalue().count("\n") == 1


def test_json_has_an_object_on_each_line_also_with_a_traceback(stream: io.StringIO) -> None:
    set_up_logging(Settings(log_format="json"), stream)
    try:
        int("no")
    except ValueError:
        LOG.exception("it failed for %s", "once")
    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"]) == ("error", "leadloop.test", "it failed for once")
    assert "ValueError: invalid literal" in found["exception"]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_with_a_key_the_ids_of_leads_are_digests_that_only_the_key_gives(
    stream: io.StringIO, log_format: LogFormat
) -> None:
    set_up_logging(Settings(log_format=log_format, log_lead_key="k" * 32), stream)
    event(LOG, logging.INFO, "a", lead="lead-4711")
    event(LOG, logging.INFO, "a", lead="lead-4711")
    first, second = (line.split("lead")[-1] for line in stream.getvalue().splitlines())
    assert "4711" not in stream.getvalue()
    assert first == second
    stream.truncate(0)
    set_up_logging(Settings(log_format=log_format, log_lead_key="j" * 32), stream)
    event(LOG, logging.INFO, "a", lead="lead-4711")
    assert first not in stream.getvalue()


def test_without_a_key_ids_of_leads_are_readable(stream: io.StringIO) -> None:
    set_up_logging(Settings(), stream)
    event(LOG, logging.INFO, "a", lead="lead-4711")
    assert "lead=lead-4711" in stream.getvalue()


def test_sigusr1_switches_to_debug_and_back(stream: io.StringIO) -> None:
    set_up_logging(Settings(log_level="warning"), stream)
    event(LOG, logging.DEBUG, "not told")
    os.kill(os.getpid(), signal.SIGUSR1)
    event(LOG, logging.DEBUG, "told")
    os.kill(os.getpid(), signal.SIGUSR1)
    event(LOG, logging.INFO, "not told either")
    lines = [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == [
        "the log level was changed level=debug",
        "told",
        "the log level was changed level=warning",
    ]


def told(stream: io.StringIO) -> list[str]:
    lines = [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()]
    stream.seek(0)
    stream.truncate()
    return lines


def test_what_fails_for_ten_minutes_is_told_at_its_begin_each_minute_and_at_its_end(stream: io.StringIO) -> None:
    set_up_logging(Settings(), stream)
    clock = Clock()
    episode = Episode(LOG, "it fails", "it still fails", "it works again", now=clock, endpoint="nurture")
    episode.worked()
    for _ in range(600):
        episode.failed(cause="refused")
        clock.seconds += 1
    episode.worked()
    lines = told(stream)
    assert lines[0] == "it fails endpoint=nurture cause=refused"
    assert lines[1] == "it still fails endpoint=nurture since=1m failures=61 cause=refused"
    assert lines[-1] == "it works again endpoint=nurture after=10m failures=600"
    assert len(lines) == 11


def test_what_fails_now_and_then_is_told_once_a_minute_at_most(stream: io.StringIO) -> None:
    set_up_logging(Settings(), stream)
    clock = Clock()
    episode = Episode(LOG, "it fails", "it still fails", "it works again", now=clock)
    for _ in range(590):
        episode.failed(cause="refused")
        episode.worked()
        clock.seconds += 0.1
    assert told(stream) == ["it fails cause=refused", "it works again after=0s failures=1"]
    clock.seconds += 60
    episode.failed(cause="refused")
    assert told(stream) == ["it fails cause=refused"]


@pytest.mark.parametrize("form", ["text", "json"])
async def test_lines_that_come_often_are_written_together_and_in_order(form: LogFormat, stream: io.StringIO) -> None:
    set_up_logging(Settings(log_format=form), stream)
    lines = FrequentLines(LOG, within=0.01)
    for number in range(3):
        lines.add(logging.INFO, "request", {"number": number, "source": ""})
    assert stream.getvalue() == ""
    await asyncio.sleep(0.05)  # timers fire in order: that of the lines is earlier
    written = stream.getvalue().splitlines()
    if form == "json":
        assert [json.loads(line)["number"] for line in written] == [0, 1, 2]
        assert json.loads(written[0]).keys() == {"time", "level", "logger", "message", "number"}
    else:
        assert [line.split(" ", 1)[1] for line in written] == [
            f"INFO leadloop.test: request number={number}" for number in range(3)
        ]


def test_lines_that_come_often_are_written_at_the_end_of_the_process() -> None:
    code = (
        "import asyncio, logging; from streams.runtime import logs; from tests.unit.runtime.test_logs import Settings\n"
        "logs.set_up_logging(Settings())\n"
        "async def main(): logs.FrequentLines(logging.getLogger('leadloop.test'), 60).add(20, 'request', {})\n"
        "asyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    assert done.stderr.endswith("INFO leadloop.test: request\n")
