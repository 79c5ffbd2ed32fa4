"""Errors of the read model, by reaction.

Unavailable     Redis or Kafka is unavailable: wait, then continue from the positions in Redis
PositionsMoved  the positions in Redis differ from what this worker expects: continue from those in Redis
UnsafeRedis     this Redis must not be used until its configuration is fixed
"""

import re

from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

from schemas.errors import UserError


class Unavailable(Exception):
    """The dependency `what` is unavailable, because of `why`. `what` is a label of a metric: one of `metrics.WAITS`."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what


class PositionsMoved(Exception):
    """Redis does not have this worker's positions: it was emptied or restored, or another worker was faster."""


class UnsafeRedis(UserError):
    """The configuration of this Redis could lose data, or it rejects the credentials: fix it."""


_BUSY = (NoConnection, NoAnswer, BusyLoadingError, ReadOnlyError)
# In a pipeline, the client puts the failed command in front of the error.
_TEMPORARY = re.compile(
    r"(?:^|caused error: )(?:MISCONF|MASTERDOWN|NOREPLICAS|LOADING|READONLY|BUSY|CLUSTERDOWN|TRYAGAIN)\b"
)


def unavailable_reason(error: RedisError) -> Unavailable | None:
    """The Unavailable for a temporary error of Redis; None if the error is a bug."""
    if isinstance(error, OutOfMemoryError) or "OOM " in str(error):
        return Unavailable("redis_full", "Redis has no memory left: give it more, or delete what is not Leadloop's")
    if isinstance(error, _BUSY):
        return Unavailable("redis", f"Redis does not answer ({type(error).__name__})")
    if isinstance(error, ResponseError) and _TEMPORARY.search(str(error)):
        return Unavailable("redis", f"Redis says {str(error)[:100]}")
    return None
