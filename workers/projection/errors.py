"""Errors of the read model, by reaction.

Unavailable        Redis or Kafka cannot do it now: wait, then continue from the positions in Redis
PositionsMoved  the positions in Redis differ from what this worker expects: continue from those in Redis
UnsafeRedis     this Redis must not be used until its configuration is fixed
"""

import re

from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

from schemas.errors import UserError


class Unavailable(Exception):
    """`what` is away and `why`; both are bounded, and shown as a metric."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what


class PositionsMoved(Exception):
    """What Redis holds has changed under this worker: it was emptied, restored, or another one was faster."""


class UnsafeRedis(UserError):
    """This Redis would lose what it is given."""


_BUSY = (NoConnection, NoAnswer, BusyLoadingError, ReadOnlyError)
# Of a pipeline, the client writes which command it was in front.
_PASSING = re.compile(
    r"(?:^|caused error: )(?:MISCONF|MASTERDOWN|NOREPLICAS|LOADING|READONLY|BUSY|CLUSTERDOWN|TRYAGAIN)\b"
)


def unavailable_reason(error: RedisError) -> Unavailable | None:
    """What a error of Redis means if it is one that passes; None for what is a bug."""
    if isinstance(error, OutOfMemoryError) or "OOM " in str(error):
        return Unavailable("redis_full", "Redis has no memory left: give it more, or delete what is not Leadloop's")
    if isinstance(error, _BUSY):
        return Unavailable("redis", f"Redis does not answer ({type(error).__name__})")
    if isinstance(error, ResponseError) and _PASSING.search(str(error)):
        return Unavailable("redis", f"Redis says {str(error)[:100]}")
    return None
