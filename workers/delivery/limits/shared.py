"""Limits that all workers share, kept in Redis: one script, one round trip, by the server's clock."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .away import AWAY
from .calendar_days import CalendarDay
from .daily import DailyAllowance, DayAnswer, Verdict
from .limiter import Allowance, DenialReason, Grant

if TYPE_CHECKING:
    from collections.abc import Coroutine

ANSWER_SECONDS = 0.5
GRACE_SECONDS = 2.0
"""How long a Redis that is new gives nothing, so that every worker is back from its own share before it gives."""
FLUSH_SECONDS = 0.05


class RedisScripts:
    """Makes each call once; the caller handles failures."""

    def __init__(self, url: str) -> None:
        self.server = ""
        pool = BlockingConnectionPool.from_url(  # many endpoints take turns: to have none free is not to be away
            url,
            timeout=ANSWER_SECONDS,
            socket_timeout=None,  # calls have their own; with this one, redis-py swallows cancellations
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=self._connected,
            max_connections=64,
        )
        self._redis = Redis(connection_pool=pool)
        self._script = self._redis.register_script(_text("script.lua"))
        self._day = self._redis.register_script(_text("day.lua"))
        self._failures = self._redis.register_script(_text("failures.lua"))

    async def take(self, keys: list[str], arguments: list[str]) -> list[Any]:
        async with asyncio.timeout(ANSWER_SECONDS):
            if not self.server:
                await self.hello()
            answer = await self._script(keys=keys, args=[self.server, *arguments])
        return cast("list[Any]", answer)

    async def count(self, key: str, arguments: list[str]) -> list[Any]:
        async with asyncio.timeout(ANSWER_SECONDS):
            if not self.server:
                await self.hello()
            answer = await self._day(keys=[key], args=[self.server, *arguments])
        return cast("list[Any]", answer)

    async def failures(self, key: str, arguments: list[str]) -> list[Any]:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await self._failures(keys=[key], args=arguments)
        return cast("list[Any]", answer)

    async def drop(self, key: str, leases: list[str]) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._redis.zrem(key, *leases)

    async def block(self, key: str, until_us: int, milliseconds: int) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._redis.set(key, until_us, px=milliseconds)

    async def hello(self) -> None:
        """Raises one of AWAY where it does not answer, or runs no scripts: then it is of no use here."""
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._redis.eval("return 1", 0)

    async def now_us(self) -> int:
        async with asyncio.timeout(ANSWER_SECONDS):
            seconds, micros = await self._redis.time()
        return int(seconds) * 1_000_000 + int(micros)

    async def close(self) -> None:
        with contextlib.suppress(*AWAY):
            await self._redis.aclose(close_connection_pool=True)

    async def _connected(self, connection: Any) -> None:
        """On every new connection: which run of which server is this?"""
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        try:
            info = await connection.read_response()
        except RedisError:  # without the permission for INFO, servers cannot be told apart
            self.server = "unknown"
            return
        text = info.decode(errors="replace") if isinstance(info, bytes) else str(info)
        lines = dict(line.partition(":")[::2] for line in text.splitlines())
        self.server = lines.get("run_id", "unknown")


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


class SharedLimiter:
    """Raises one of AWAY where Redis does not answer."""

    def __init__(self, scripts: RedisScripts, prefix: str) -> None:
        self._scripts = scripts
        self._prefix = prefix
        self._worker = uuid4().hex[:12]
        self._count = 0
        self._ended: dict[str, list[str]] = defaultdict(list)
        self._under_way: set[asyncio.Task[None]] = set()
        self._flushing: set[str] = set()

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        self._count += 1
        name = f"{self._worker}:{self._count}"
        ended, self._ended[allowance.name] = self._ended[allowance.name], []
        arguments = [
            repr(allowance.interval * 1e6),
            str(allowance.burst),
            str(allowance.concurrency),
            str(want),
            str(int(allowance.lease_seconds * 1e6)),
            str(int(GRACE_SECONDS * 1e6)),
            name,
            *ended,
        ]
        count, wait, why = await self._scripts.take(self._keys(allowance.name), arguments)
        leases = tuple(f"{name}:{number}" for number in range(1, int(count) + 1))
        return Grant(leases, int(wait) / 1e6, cast("DenialReason", why.decode() if isinstance(why, bytes) else why))

    def release(self, allowance: Allowance, lease: str) -> None:
        """Told with the next question, or by itself where none comes soon."""
        self._ended[allowance.name].append(lease)
        if allowance.name not in self._flushing:
            self._flushing.add(allowance.name)
            self._spawn(self._flush(allowance.name))

    def block(self, allowance: Allowance, seconds: float) -> None:
        """Soon. While Redis is unavailable other workers learn of it only from the answer to their next call."""
        self._spawn(self._block(allowance, seconds))

    async def close(self) -> None:
        """Release what is left, before the connections are closed: a later release would open new ones."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _spawn(self, telling: "Coroutine[None, None, None]") -> None:
        task = asyncio.get_running_loop().create_task(telling)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _block(self, allowance: Allowance, seconds: float) -> None:
        with contextlib.suppress(*AWAY):
            until = await self._scripts.now_us() + int(seconds * 1e6)
            await self._scripts.block(self._keys(allowance.name)[2], until, int(seconds * 1000) + 1)

    async def _flush(self, name: str) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        self._flushing.remove(name)
        ended, self._ended[name] = self._ended[name], []
        if ended:
            with contextlib.suppress(*AWAY):  # leases end by themselves
                await self._scripts.drop(self._keys(name)[1], ended)

    def _keys(self, name: str) -> list[str]:
        return [f"{self._prefix}:{{{name}}}:{part}" for part in ("full_at", "leases", "blocked", "server")]


class SharedDayCounts:
    """Counts of calendar days, as `DailyBudget` uses them. Raises one of AWAY where Redis does not answer."""

    def __init__(self, scripts: RedisScripts, prefix: str, partitions: int) -> None:
        self._scripts = scripts
        self._prefix = prefix
        self._partitions = partitions

    async def request(
        self,
        allowance: DailyAllowance,
        edges: tuple[int, int, int, int],
        counts: Mapping[int, int],
        day: int,
        *,
        takes: bool,
        is_urgent: bool,
    ) -> DayAnswer:
        """See `SharedDays.request`."""
        known = [str(word) for number, count in counts.items() for word in (number, day, count)]
        arguments = [self._partitions, allowance.most, int(takes), int(is_urgent), *edges]
        key = f"{self._prefix}:{{{allowance.name}}}:day"
        verdict, left, start, end = await self._scripts.count(key, [*map(str, arguments), *known])
        word = verdict.decode() if isinstance(verdict, bytes) else verdict
        return DayAnswer(cast("Verdict", word), int(left), CalendarDay(int(start), int(end)))
