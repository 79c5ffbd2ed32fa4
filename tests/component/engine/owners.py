"""How a worker claims its partitions: at another interval, or not at all, as of the version before fencing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.engine import partition
from streams.engine.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka.structs import TopicPartition


class _ProducersOwn:
    producer_id, is_worn = -1, False

    def retired(self) -> _ProducersOwn:
        return self

    def sign(self, batch: Any, tp: TopicPartition) -> Any:
        del tp
        return batch


def install(*, fenced: bool, renew_after: float) -> None:
    """Without `fenced`, the worker claims nothing and writes with its producer's own identity."""
    vars(partition)["RENEW_AFTER"] = renew_after
    if fenced:
        return

    async def claim(
        self: Sink, tp: TopicPartition, confirm: Callable[[], Awaitable[object]], identity: object = None
    ) -> tuple[int, int]:
        del confirm, identity
        self._identities[tp] = _ProducersOwn()
        return 0, 0

    Sink.claim = claim  # type: ignore[method-assign]  # that is the point of it
