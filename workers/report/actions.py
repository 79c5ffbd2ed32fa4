"""What operators do from the web page: the operations of the command line, with the name of who did it."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from schemas.codec import Codec
from workers.delivery.endpoint_operations import EndpointOperations
from workers.delivery.history import DeliveryQuery
from workers.delivery.operator_actions import OperatorAction, OperatorActs
from workers.http.problems import Problem, retry_later
from workers.kafka import Undelivered

from .access.reader import PageReader
from .operator_log import OperatorLog

RETRY_SECONDS = 10
SHOWN_SECONDS = 5.0
"""How long a reader waits at most until the page shows what they did; it was done before, whatever the page shows."""
_LOG = logging.getLogger("leadloop.audit")


class Actions:
    """The actions of one process.

    Attributes:
        log: How endpoints stand, and what was done.
    """

    def __init__(self, conf: Mapping[str, Any], codec: Codec, prefix: str) -> None:
        self.log = OperatorLog(conf, codec, prefix)
        self._operations = EndpointOperations(conf, codec, prefix)
        self._replays: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        self.log.start()

    async def stop(self) -> None:
        """Let replays end, which are recorded, then stop."""
        await asyncio.gather(*self._replays.values())
        await asyncio.to_thread(self.log.stop)

    async def act(self, reader: PageReader, action: OperatorActs, endpoint: str, why: str) -> None:
        """Pause, resume, or begin a replay, which goes on after this has returned. Returns when `log` shows it.

        Raises:
            Problem: 403, the reader is no operator; 422, a replay of this endpoint is running; 503, Kafka is away.
        """
        reader.require_operator()
        begun = OperatorAction.of(action, endpoint, reader.identity, why)
        _LOG.warning("%s: %s %s (%s)", begun.by, action, endpoint, begun.action_id)
        if action == "replay":
            if endpoint in self._replays:
                raise Problem("invalid", f"failed deliveries to {endpoint} are being sent again already")
            task = asyncio.create_task(self._replay(begun))
            self._replays[endpoint] = task
            task.add_done_callback(lambda _: self._replays.pop(endpoint, None))
        else:
            try:
                await self._operations.stand(begun)
            except Undelivered as error:
                raise retry_later("unavailable", f"Kafka did not take it: {error}", RETRY_SECONDS) from error
        await asyncio.to_thread(self.log.wait_until_shown, begun, SHOWN_SECONDS)

    async def _replay(self, begun: OperatorAction) -> None:
        query = DeliveryQuery(begun.endpoint, states=("dead",))
        try:
            await self._operations.replay(begun, query)
        except Exception:  # noqa: BLE001  # it is recorded, if Kafka takes it
            _LOG.exception("%s: the replay of %s failed (%s)", begun.by, begun.endpoint, begun.action_id)
