"""Runs `leadloop report`: the HTTP server, and a periodic check of Redis that decides readiness."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from schemas.codec import Codec
from streams.runtime.process import process_registry
from streams.runtime.settings import ReportSettings
from streams.runtime.signals import exit_at_once_until_served
from workers.http.auth import KeyRing
from workers.http.serving import serve
from workers.read_model.redis_clients import connect_async

from .actions import Actions
from .app import ReadinessMemo, report_app
from .costs import Costs
from .escalation_counts import owner_counts
from .generation_reader import ReadModelUnavailable
from .metrics import ReportMetrics
from .policy_in_use import PolicyInUse
from .policy_log import PolicyLog
from .queries import ReadModel

_LOG = logging.getLogger("leadloop.report")
CHECK_SECONDS = 2.0
COUNT_SECONDS = 15.0
"""How often escalations are counted: by owner, that is a read for every 200 of them."""


def run_report(settings: ReportSettings, codec: Codec, announce: Callable[[str], object]) -> None:
    """Serve until SIGTERM.

    Args:
        settings: Of this process.
        codec: Decodes the records in the read model.
        announce: Called once with a line that has the address.

    Raises:
        UserError: The address, the keys file, the policy file or the costs file cannot be used.
    """
    exit_at_once_until_served()
    asyncio.run(_run(settings, codec, announce))


async def _run(settings: ReportSettings, codec: Codec, announce: Callable[[str], object]) -> None:
    registry, readiness = process_registry(), ReadinessMemo()
    conf, log = settings.kafka.librdkafka(), None
    if settings.kafka.bootstrap_servers:
        log = PolicyLog(conf, settings.topic_prefix, settings.app_id)
        log.start()
    keys, policy = KeyRing(settings.keys_file), PolicyInUse(settings.policy_file, settings.clock, log=log)
    if (watch := policy.watcher(settings.policy_seconds)) is not None:
        watch.start()
    model = ReadModel(connect_async(settings.redis_url), settings.app_id, codec, Costs(settings.page.costs_file))
    checking = asyncio.create_task(_check(model, readiness, ReportMetrics(registry, settings.report_owners)))
    actions = None
    if settings.kafka.bootstrap_servers:
        actions = Actions(conf, codec, settings.topic_prefix)
        actions.start()
    try:
        app = report_app(model, keys, policy, registry, readiness, settings.page, actions)
        await serve(
            app,
            settings.http_host,
            settings.report_port,
            announce=lambda address: announce(f"leadloop report: {address}"),
        )
    finally:
        checking.cancel()
        with suppress(asyncio.CancelledError):
            await checking
        if actions is not None:
            await actions.stop()
        if log is not None:
            await asyncio.to_thread(log.stop)
        await model.close()


async def _check(model: ReadModel, readiness: ReadinessMemo, metrics: ReportMetrics) -> None:
    counted_at = -COUNT_SECONDS
    while True:
        try:
            metrics.record(await model.as_of())
            readiness.update("")
            if monotonic() - counted_at >= COUNT_SECONDS:
                metrics.record_escalations(await owner_counts(model))
                counted_at = monotonic()
        except ReadModelUnavailable as error:
            metrics.record(None)
            readiness.update(str(error))
        # The writer may repair what it wrote: the next check has to see that.
        except Exception:  # noqa: BLE001
            _LOG.exception("the read model cannot be read")
            metrics.record(None)
            readiness.update("the read model cannot be read: see the log")
        await asyncio.sleep(CHECK_SECONDS)
