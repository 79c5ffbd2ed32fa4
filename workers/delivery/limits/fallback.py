"""Redis where it answers, else this process' share: delivery goes on, slower and safe, and recovers by itself."""

import asyncio
import contextlib
from collections.abc import Callable

from .away import AWAY
from .limiter import Allowance, Grant
from .local import LocalLimiter
from .shared import RedisScripts, SharedLimiter

ASK_AGAIN_SECONDS = 0.4


class FallbackLimiter:
    """Stops using Redis at the first failure; a task checks when it is available again.

    A Redis may greet and yet give nothing (read-only, out of memory, slow): then the share of this process goes on from
    where it stood, and does not start over with each request.
    """

    def __init__(
        self, scripts: RedisScripts, shared: SharedLimiter, local: LocalLimiter, on_source: Callable[[str], None]
    ) -> None:
        self._scripts = scripts
        self._shared = shared
        self._local = local
        self._on_source = on_source
        self._looking: asyncio.Task[None] | None = None
        self._has_given = True
        on_source("redis")

    @property
    def source(self) -> str:
        return "redis" if self._looking is None else "local"

    async def acquire(self, allowance: Allowance, want: int) -> Grant:
        if self._looking is None:
            try:
                grant = await self._shared.acquire(allowance, want)
            except AWAY:
                self._away()
            else:
                self._has_given = True
                return grant
        return self._local.take(allowance, want)

    def release(self, allowance: Allowance, lease: str) -> None:
        if lease.startswith("local:"):
            self._local.release(allowance, lease)
        else:
            self._shared.release(allowance, lease)

    def block(self, allowance: Allowance, seconds: float) -> None:
        self._local.block(allowance, seconds)
        if self._looking is None:
            self._shared.block(allowance, seconds)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        await self._shared.close()
        await self._scripts.close()

    def _away(self) -> None:
        if self._looking is None:
            if self._has_given:
                self._local.forget()
            self._has_given = False
            self._on_source("local")
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(ASK_AGAIN_SECONDS)
            with contextlib.suppress(*AWAY):
                await self._scripts.hello()
                break
        self._looking = None
        self._on_source("redis")
