"""Runs `leadloop report`: the HTTP server, and a periodic check of Redis that decides readiness."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from schemas.codec import Codec
from streams.runtime.process import process_registry
from streams.runtime.settings import ReportSettings
from workers.http.auth import KeyRing
from workers.http.serving import serve
from workers.read_model.redis_clients import connect_async

from .app import ReadinessMemo, report_app
from .metrics import ReportMetrics
from .queries import ReadModel, ReadModelUnavailable

_LOG = logging.getLogger("leadloop.report")
LOOK_SECONDS = 2.0


def run_report(settings: ReportSettings, codec: Codec, told: Callable[[str], object]) -> None:
    """Serve until SIGTERM. Raises UserError if the address or the keys file cannot be used."""
    asyncio.run(_run(settings, codec, told))


async def _run(settings: ReportSettings, codec: Codec, told: Callable[[str], object]) -> None:
    registry, looks = process_registry(), ReadinessMemo()
    keys = KeyRing(settings.keys_file)
    model = ReadModel(connect_async(settings.redis_url), settings.app_id, codec)
    looking = asyncio.create_task(_look(model, looks, ReportMetrics(registry)))
    try:
        app = report_app(model, keys, registry, looks)
        await serve(
            app, settings.http_host, settings.report_port, announce=lambda address: told(f"leadloop report: {address}")
        )
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await model.close()


async def _look(model: ReadModel, looks: ReadinessMemo, metrics: ReportMetrics) -> None:
    while True:
        try:
            metrics.saw(await model.as_of())
            looks.saw("")
        except ReadModelUnavailable as error:
            metrics.saw(None)
            looks.saw(str(error))
        # The writer may repair what it wrote: the next check has to see that.
        except Exception:  # noqa: BLE001
            _LOG.exception("the read model cannot be read")
            metrics.saw(None)
            looks.saw("the read model cannot be read: see the log")
        await asyncio.sleep(LOOK_SECONDS)
