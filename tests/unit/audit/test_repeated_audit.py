"""`leadloop audit --every`: the last result as metrics, and what an operator sees when an audit ends early."""

import logging
import threading
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from schemas.errors import UserError
from tests.waiting import wait_for
from workers.audit import repeated_audit
from workers.audit.differences import AuditDifference
from workers.audit.lead_audit import LeadAudit
from workers.audit.metrics import AuditMetrics
from workers.audit.repeated_audit import MOST_NAMED, RepeatedAudit
from workers.audit.result import AuditOfLead, AuditProgress, AuditResult

OnProgress = Callable[[AuditProgress], None]
STAGE = AuditDifference("stage", "ada", "stage", "won", "new")


class Audits:
    """A process whose audits are these, one after the other; after the last one it is asked to end."""

    def __init__(self, *audits: Callable[[AuditResult, OnProgress], None]) -> None:
        self.registry, self.stopping = CollectorRegistry(), threading.Event()
        self._left = list(audits)
        self.process = RepeatedAudit(self._next, AuditMetrics(self.registry, 60.0), 0.0, self.stopping)

    def run(self) -> "Audits":
        self.process.run()
        return self

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"leadloop_audit_{name}", labels)

    def _next(self, result: AuditResult, on_progress: OnProgress) -> None:
        audit = self._left.pop(0)
        if not self._left:
            self.stopping.set()
        audit(result, on_progress)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_audit, "RETRY_SECONDS", 0.0)


def balances(result: AuditResult, _: OnProgress) -> None:
    result.begun_at, result.seconds = 90_000, 1.5
    result.settle(AuditOfLead(LeadAudit("ada")))
    result.settle(AuditOfLead(LeadAudit("bob", not_checkable="expired")))


def differs(result: AuditResult, _: OnProgress) -> None:
    result.begun_at = 120_000
    result.settle(AuditOfLead(LeadAudit("ada", (STAGE,))))


def fails(_: AuditResult, __: OnProgress) -> None:
    raise UserError("there is no topic lead-created")


def test_without_a_complete_audit_all_series_exist_and_are_zero() -> None:
    audits = Audits()
    assert audits.value("differences", kind="limbo") == 0
    assert audits.value("leads", result="late_facts") == 0
    assert (audits.value("completed_timestamp_seconds"), audits.value("interval_seconds")) == (0, 60)


def test_the_last_complete_result_is_exported() -> None:
    audits = Audits(differs, balances).run()
    assert audits.value("differences", kind="stage") == 0
    assert [audits.value("leads", result=one) for one in ("balanced", "differing", "expired")] == [1, 0, 1]
    assert (audits.value("completed_timestamp_seconds"), audits.value("seconds")) == (90, 1.5)


def test_differences_are_counted_by_kind_and_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    audits = Audits(differs).run()
    assert (audits.value("differences", kind="stage"), audits.value("leads", result="differing")) == (1, 1)
    named, counted = caplog.records
    assert (named.message, named.__dict__["fields"]["lead"]) == ("a lead differs", STAGE.lead_id)
    assert named.__dict__["fields"]["what"] == STAGE.what
    assert counted.message == "1 leads differ: {'stage': 1}"


def test_the_log_names_only_so_many_differences(caplog: pytest.LogCaptureFixture) -> None:
    def many(result: AuditResult, _: OnProgress) -> None:
        for _n in range(MOST_NAMED + 50):
            result.differ(STAGE)

    Audits(many).run()
    assert len([record for record in caplog.records if record.message == "a lead differs"]) == MOST_NAMED


def test_an_audit_that_ends_early_keeps_the_result_and_is_repeated(caplog: pytest.LogCaptureFixture) -> None:
    audits = Audits(differs, fails).run()
    assert (audits.value("failures_total"), audits.value("differences", kind="stage")) == (1, 1)
    assert audits.process.missing == "the last audit ended early: there is no topic lead-created"
    assert caplog.records[-1].levelno == logging.WARNING
    assert Audits(fails, balances).run().process.missing == ""


def test_a_bug_ends_the_process() -> None:
    def has_a_bug(_: AuditResult, __: OnProgress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Audits(has_a_bug).run()


def test_it_ends_within_an_audit_when_it_is_asked_to() -> None:
    is_begun = threading.Event()

    def endless(_: AuditResult, on_progress: OnProgress) -> None:
        while True:
            is_begun.set()
            on_progress(AuditProgress())

    audits = Audits(endless, balances)
    thread = threading.Thread(target=audits.run)
    thread.start()
    is_begun.wait(30)
    assert audits.process.is_alive
    audits.stopping.set()
    thread.join(30)
    assert not thread.is_alive()
    assert audits.value("completed_timestamp_seconds") == 0


def test_an_audit_without_progress_asks_for_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def hangs(_: AuditResult, __: OnProgress) -> None:
        is_over.wait(30)

    audits = Audits(hangs)
    monkeypatch.setattr(repeated_audit, "STUCK_SECONDS", 0.0)
    thread = threading.Thread(target=audits.run)
    thread.start()
    wait_for(lambda: not audits.process.is_alive, 30, "it makes no progress")
    is_over.set()
    thread.join(30)
