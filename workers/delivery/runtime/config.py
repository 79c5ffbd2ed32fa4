"""What a deliver worker is configured with, and what a test may replace."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import Codec
from streams.runtime.tracing import Tracing
from workers.kafka import AsyncProducer, Sender

from ..attempts import Connector
from ..core.breaker import BreakerRule
from ..core.schedule import Schedule
from ..core.wait_topics import WaitTopics
from ..limits.limiter import Limiter
from ..target import Endpoint

DRAIN_SECONDS = 8.0


@dataclass(frozen=True)
class WorkerConfig:
    """`kafka`: configuration of librdkafka. `now` returns epoch seconds. Tests wrap the `sender` and the `limiter`."""

    kafka: Mapping[str, Any] = field(repr=False)  # may hold a password
    codec: Codec
    endpoints: Sequence[Endpoint]
    connector_of: Callable[[Endpoint, Sender], Connector]
    redis_url: str = field(repr=False)  # the same
    app_id: str = "leadloop"
    prefix: str = ""
    session_seconds: float = 30.0
    commit_seconds: float = 1.0
    drain_seconds: float = DRAIN_SECONDS
    schedule: Schedule = field(default_factory=Schedule)
    wait_topics: WaitTopics = field(default_factory=WaitTopics)
    breaker: BreakerRule = field(default_factory=BreakerRule)
    now: Callable[[], float] = time.time
    sender: Callable[[AsyncProducer], Sender] = lambda producer: producer
    limiter: Callable[[Limiter], Limiter] = lambda limiter: limiter
    tracing: Tracing | None = None

    def now_ms(self) -> int:
        return int(self.now() * 1000)
