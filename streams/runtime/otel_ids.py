"""Draws the id of a new trace, and decides by it whether the trace is sampled, before a span is built.

With a ratio of 1 % nearly all spans are built for nothing otherwise, and building one is most of what tracing costs.
"""

from threading import local

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Sampler, TraceIdRatioBased


class DrawnIds(RandomIdGenerator):
    """The ids of a `TracerProvider`. The SDK's sampler decides again, by the same id and the same rule."""

    def __init__(self) -> None:
        self._bound: int | None = None
        self._drawn = local()  # a thread begins one span after the other

    def follow(self, sampler: Sampler) -> None:
        """Decide as this sampler, if it goes by a ratio; otherwise leave every decision to it."""
        root = getattr(sampler, "_root", sampler)  # that of new traces
        self._bound = root.bound if isinstance(root, TraceIdRatioBased) else None

    def may_begin(self) -> bool:
        """Draw the id of a trace that begins; False if it is certainly not sampled."""
        if self._bound is None:
            return True
        trace_id = super().generate_trace_id()
        if trace_id & TraceIdRatioBased.TRACE_ID_LIMIT >= self._bound:
            return False
        self._drawn.trace_id = trace_id
        return True

    def generate_trace_id(self) -> int:
        """As the SDK calls it: the id that was drawn last, once."""
        drawn: int = getattr(self._drawn, "trace_id", 0)
        self._drawn.trace_id = 0
        return drawn or super().generate_trace_id()
