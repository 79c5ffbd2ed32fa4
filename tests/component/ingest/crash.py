"""`leadloop ingest` that ends by `os._exit` at a named step: LEADLOOP_CRASH is point:nth. Only tests start this."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from streams.runtime.settings import Settings
from tests.world import CODEC
from workers.ingest.run import run_ingest
from workers.kafka import AsyncProducer, KafkaConf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers.kafka import Outgoing, RecordPlace

EXIT = 77
POINTS = ("before_produce", "after_produce", "after_first_ack", "after_ack")


class Crashing(AsyncProducer):
    """Ends at its point when it is reached for the nth time."""

    def __init__(self, conf: KafkaConf) -> None:
        super().__init__(conf)
        self._point, nth = os.environ["LEADLOOP_CRASH"].split(":")
        self._left = int(nth)
        if self._point == "after_produce":
            self._producer = _Ending(self._producer, self)  # type: ignore[assignment]

    def reached(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os._exit(EXIT)

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[RecordPlace]:
        self.reached("before_produce")
        if self._point == "after_first_ack" and records:
            await super().send_all(records[:1])
            self.reached("after_first_ack")
            return [(0, 0), *await super().send_all(records[1:])]
        places = await super().send_all(records)
        self.reached("after_ack")
        return places


class _Ending:
    """A client that is on its way with a record when the process ends."""

    def __init__(self, producer: Any, owner: Crashing) -> None:
        self._producer = producer
        self._owner = owner

    def produce(self, *args: Any, **kwargs: Any) -> None:
        self._producer.produce(*args, **kwargs)
        self._owner.reached("after_produce")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)


if __name__ == "__main__":
    run_ingest(Settings.from_env(), CODEC, announce=lambda text: print(text, flush=True), producer_factory=Crashing)  # noqa: T201
