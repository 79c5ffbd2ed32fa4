"""Redis clients that fail at once and never retry by themselves: the caller knows what may be repeated."""

import redis.asyncio as redis_asyncio
from redis import Redis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

READ_SECONDS, WRITE_SECONDS = 5.0, 10.0


def connect(url: str, timeout: float = WRITE_SECONDS) -> Redis:
    """A blocking client; `timeout` in seconds holds for connecting and for each response.

    Raises:
        ValueError: `url` is no Redis URL.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


def connect_async(url: str, timeout: float = READ_SECONDS) -> redis_asyncio.Redis:
    """The same for an event loop."""
    return redis_asyncio.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=AsyncRetry(NoBackoff(), 0),
    )
