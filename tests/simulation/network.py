"""Connections between simulated processes and brokers: each has its order and its delays, and can break.

A request arrives in the order of its connection or, if that breaks, never, at once, or much later: bytes that lie in a
socket outlive the client that gave up on them, and the process that sent them.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaConnectionError, KafkaError, RequestTimedOutError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from random import Random

    from .loop import Host, SimulatedLoop

_BROKERS = Context()  # belongs to no host


@dataclass
class Rates:
    """How probable each fault of a request is; all 0 when the cluster is quiet."""

    reset: float = 0.0  # the connection breaks: the request was done or not
    late: float = 0.0  # of these, the request that arrives later
    slow: float = 0.0  # a request that takes seconds
    crash: float = 0.0  # the sender ends when a produce or commit request arrives
    hold: float = 0.0  # a produce request waits in its socket for about a session, with its sender cut off
    former: float = 0.0  # who reads a changelog is connected to a former leader


@dataclass(eq=False)
class Link:
    """The connection of one client to one broker node: requests arrive in the order in which they are sent."""

    host: Host | None
    node: int
    clear_at: float = 0.0


@dataclass(eq=False)
class _Exchange:
    answer: asyncio.Future[Any]
    link: Link
    action: Callable[[], Any]
    is_answered: bool = True
    survives: bool = True
    kind: str = ""
    sent_at: float = field(default=0.0)


class Network:
    """Carries requests to broker nodes and back, in virtual time."""

    def __init__(self, loop: SimulatedLoop, random: Random, happened: Counter[str]) -> None:
        self._loop = loop
        self._random = random
        self._happened = happened
        self.rates = Rates()
        self.blocked: dict[tuple[str, int], float] = {}  # (host, node) -> when it heals
        self.down: dict[int, float] = {}  # node -> when it is up again
        self.on_crash: Callable[[Host], None] = lambda _: None
        self.on_hold: Callable[[Host], float] = lambda _: 0.0

    def missing_of_a_former_leader(self) -> int:
        """How many records the broker does not have that a new connection leads to; nearly always none."""
        if not self.rates.former or self._random.random() >= self.rates.former:
            return 0
        self._happened["reader connected to a former leader"] += 1
        return self._random.choice([1, 2, 5, 50])

    async def call(self, link: Link, action: Callable[[], Any], limit: float, kind: str = "") -> Any:
        """Send a request and await its response.

        Args:
            link: the connection.
            action: what the broker does when the request arrives; what it returns, or a future of it, is the response.
            limit: seconds after which the client gives up and connects again.
            kind: of the request, for faults that hit only some.

        Raises:
            KafkaError: as the broker answers, or retriable: whether the request was done is not known.
        """
        loop, random = self._loop, self._random
        one = _Exchange(loop.create_future(), link, action, survives=random.random() < 0.5, kind=kind, sent_at=loop.now)
        self._send(one)
        expiry = loop.call_later(limit, self._give_up, one)
        try:
            return await one.answer
        finally:
            expiry.cancel()

    def _send(self, one: _Exchange) -> None:
        now, random, link = self._loop.now, self._random, one.link
        arrives = max(link.clear_at + 1e-4, now + self._latency(), self._healed(link))
        if one.kind == "produce" and link.host is not None and random.random() < self.rates.hold:
            arrives += self.on_hold(link.host)
            one.survives = True
        link.clear_at = arrives
        if random.random() < self.rates.reset:
            one.is_answered = False
            link.clear_at = 0.0
            self._happened["connection reset"] += 1
            self._at(now + random.random() * 0.3, self._fail, one, KafkaConnectionError("reset"))
            if random.random() < self.rates.late:
                arrives += 20 * random.random() ** 2
            elif random.random() < 0.5:
                self._happened["request lost"] += 1
                return
        self._at(arrives, self._arrive, one)

    def _latency(self) -> float:
        random = self._random
        if random.random() < self.rates.slow:
            self._happened["slow request"] += 1
            return 4 * random.random() ** 2
        return 0.001 + 0.004 * random.random()

    def _healed(self, link: Link) -> float:
        return 0.0 if link.host is None else self.blocked.get((link.host.name, link.node), 0.0)

    def _arrive(self, one: _Exchange) -> None:
        now, host = self._loop.now, one.link.host
        if self.down.get(one.link.node, 0.0) > now:
            self._fail(one, KafkaConnectionError("the node is down"))
            return
        if (one.answer.done() or (host is not None and host.is_dead)) and one.is_answered and not one.survives:
            return  # the bytes went down with their connection
        try:
            result = one.action()
        except KafkaError as error:
            result = error
        if one.kind and host is not None and not host.is_dead and self._random.random() < self.rates.crash:
            self._happened[f"crash at {one.kind}"] += 1
            self.on_crash(host)
        if isinstance(result, asyncio.Future):
            result.add_done_callback(lambda held: self._respond(one, held.result()), context=_BROKERS)
        else:
            self._respond(one, result)

    def _respond(self, one: _Exchange, result: Any) -> None:
        if one.is_answered:
            back = max(self._loop.now + self._latency(), self._healed(one.link))
            self._at(back, self._fail if isinstance(result, KafkaError) else self._deliver, one, result)
        elif not isinstance(result, KafkaError):
            self._happened["response lost"] += 1

    def _deliver(self, one: _Exchange, result: Any) -> None:
        if not one.answer.done():
            one.answer.set_result(result)

    def _fail(self, one: _Exchange, error: KafkaError) -> None:
        if not one.answer.done():
            one.answer.set_exception(error)

    def _give_up(self, one: _Exchange) -> None:
        if not one.answer.done():
            one.link.clear_at = 0.0  # a new connection
            self._happened["request timed out"] += 1
            one.answer.set_exception(RequestTimedOutError())

    def _at(self, when: float, callback: Callable[..., None], *args: Any) -> None:
        self._loop.call_at(when, callback, *args, context=_BROKERS)
