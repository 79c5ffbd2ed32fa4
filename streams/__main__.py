"""`python -m streams`: one streams worker, from its settings to its exit code.

Exit codes: 0 after SIGTERM or SIGINT (drained and committed), 2 when the settings or the policy do not fit, 70 when
something unexpected happened (nothing unfinished is acked: start it again), 1 when a service of Faust crashed.
"""

import sys

from streams.runtime.signals import exit_quietly_until_started

exit_quietly_until_started()

import fcntl  # noqa: E402
import logging  # noqa: E402  Faust takes a second to import: a stop in that second must be a clean one
from collections.abc import Callable  # noqa: E402
from typing import IO  # noqa: E402

from schemas.codec import Codec  # noqa: E402
from schemas.connect import open_catalogue  # noqa: E402
from schemas.errors import UserError  # noqa: E402
from schemas.names import version_here  # noqa: E402
from streams.agents.lead_job import LeadJob  # noqa: E402
from streams.app import cluster_of, connect  # noqa: E402
from streams.domain.policy import Policy  # noqa: E402
from streams.engine import Driver  # noqa: E402
from streams.policy_record import PolicyRecord  # noqa: E402
from streams.policy_watch import PolicyWatch, read_policy  # noqa: E402
from streams.runtime.environment import SettingsError  # noqa: E402
from streams.runtime.logs import event, set_up_logging  # noqa: E402
from streams.runtime.probes import Probes  # noqa: E402
from streams.runtime.process import process_registry  # noqa: E402
from streams.runtime.settings import StreamsSettings  # noqa: E402
from streams.runtime.tracing_setup import open_tracing  # noqa: E402

log = logging.getLogger("streams")
_HELD: list[IO[str]] = []  # open as long as the process lives


def main() -> None:
    """Wire the worker and run it until it is told to stop."""
    try:
        driver = _wired()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    driver.run()


def _wired() -> Driver:
    settings = _settings()
    policy = read_policy(settings.policy_file) if settings.policy_file else Policy()
    codec = Codec(open_catalogue(settings.registry, settings.topic_prefix))
    _hold_data_dir(settings)
    cluster = cluster_of(settings)
    _set_up_logging(settings)
    registry = process_registry()
    lead_job = LeadJob(settings, policy, codec, registry, cluster, open_tracing("streams"))
    driver = connect(settings, lead_job.job)
    lead_job.observe(driver)
    record = PolicyRecord(settings.kafka.librdkafka(), settings.topic_prefix, settings.app_id, settings.policy_file)
    record.note(policy)
    record.start()
    note = _watch(settings, policy, lead_job, record)
    probes = Probes(settings.metrics_host, settings.metrics_port, registry, lambda: _missing(driver), note=note)
    probes.__enter__()  # until the process ends
    event(
        log,
        logging.INFO,
        f"streams starts, metrics at http://{settings.metrics_host}:{probes.port}/metrics",
        version=version_here(),
        app=settings.app_id,
        instance=settings.instance_id,
        clock=settings.clock,
        policy=policy.version,
    )
    return driver


def _missing(driver: Driver) -> str:
    return "" if driver.status().is_ready() else "not ready: waiting, recovering or stuck"


def _settings() -> StreamsSettings:
    settings = StreamsSettings.from_env()
    if not settings.kafka.bootstrap_servers:
        raise SettingsError("KAFKA_BOOTSTRAP_SERVERS is not set: give host:port of a broker")
    return settings


def _watch(settings: StreamsSettings, policy: Policy, job: LeadJob, record: PolicyRecord) -> Callable[[], str]:
    """Adopt changes of the policy file; returns what says what is wrong with it. A history follows one policy."""
    if settings.policy_file is None or settings.clock != "wall":
        return str

    def adopt(policy: Policy) -> None:
        job.adopt(policy)
        record.note(policy)

    watch = PolicyWatch(settings.policy_file, policy, adopt, job.report_policy, settings.policy_seconds)
    watch.start()
    return lambda: watch.fault and f"the policy file is not valid, the one before is in force: {watch.fault}"


def _hold_data_dir(settings: StreamsSettings) -> None:
    """Create the data directory and lock it: two workers in one would overwrite each other's stores."""
    place = f"LEADLOOP_DATA_DIR={settings.data_dir}"
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (settings.data_dir / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingsError(f"{place} belongs to a running worker: give each its own") from None
    except OSError as error:
        raise SettingsError(f"{place} cannot be used: {error.strerror}") from error
    _HELD.append(lock)


def _set_up_logging(settings: StreamsSettings) -> None:
    set_up_logging(settings)
    for noisy in ("aiokafka", "faust", "mode"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
    logging.getLogger("mode.timers").setLevel(logging.ERROR)  # a late timer is what a busy loop looks like


if __name__ == "__main__":
    main()
