"""A Redis whose connections break, and workers that write between the reads and writes of another."""

import random
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from redis.exceptions import ConnectionError as NoConnection

from tests.projected import CODEC
from workers.projection.fold import DocumentFold, ModelChange
from workers.projection.record_decoder import LogEvent

if TYPE_CHECKING:
    from workers.projection.worker import ProjectWorker


class Breaking:
    """A Redis whose connection breaks at random, before or after a command is executed."""

    def __init__(self, redis: Any, dice: random.Random, chance: float) -> None:
        self._redis, self._dice, self._chance = redis, dice, chance

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._redis, name)
        is_command = name in {"pipeline", "mget", "get", "hgetall", "incr", "watch", "execute", "zrangebyscore", "info"}
        return self._broken(found, name) if is_command else found

    def __enter__(self) -> Self:
        self._redis.__enter__()
        return self

    def __exit__(self, *fault: object) -> None:
        self._redis.__exit__(*fault)

    def _broken(self, call: Any, name: str) -> Any:
        def broken(*args: Any, **kwargs: Any) -> Any:
            if name == "pipeline":
                return Breaking(call(*args, **kwargs), self._dice, self._chance)
            if self._dice.random() < self._chance / 2:
                raise NoConnection("before")
            done = call(*args, **kwargs)
            if self._dice.random() < self._chance / 2:
                raise NoConnection("after")
            return done

        return broken


class Interrupted(DocumentFold):
    """A fold during which other workers write: after the documents of a batch are read, before it is written."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__(CODEC)
        self._dice = dice
        self.others: list[ProjectWorker] = []

    def __call__(self, events: Iterable[LogEvent], stored: Mapping[str, bytes | None]) -> ModelChange:
        change = super().__call__(events, stored)
        if self.others and self._dice.random() < 0.5:
            others, self.others = self.others, []
            self._dice.choice(others).step()
            self.others = others
        return change
