"""`Tracing` by OpenTelemetry's SDK: spans go to a collector in batches, from a thread of its own.

The SDK flushes what is left when the process exits; if the collector is away, this takes a few seconds at most.
"""

import os
from collections.abc import Iterable, Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas.headers import is_sampled

from .otel_ids import DrawnIds
from .tracing import AttributeValue, SpanKind, TraceSpan

_KINDS: Mapping[SpanKind, trace.SpanKind] = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}
_W3C = TraceContextTextMapPropagator()


class OtelSpan:
    """See `TraceSpan`."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.traceparent = b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags)

    def end(
        self,
        attributes: Mapping[str, AttributeValue] = {},
        *,
        error: str = "",
        name: str = "",
        links: Iterable[bytes] = (),
    ) -> None:
        self._span.set_attributes(attributes)
        for link in links:
            self._span.add_link(_span_context(link))
        if name:
            self._span.update_name(name)
        if error:
            self._span.set_status(trace.StatusCode.ERROR, error)
        self._span.end()


class OtelTracing:
    """See `Tracing`."""

    def __init__(self, process: str) -> None:
        is_named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        resource = Resource.create({} if is_named else {SERVICE_NAME: f"leadloop-{process}"})
        self._ids = DrawnIds()
        provider = TracerProvider(resource=resource, id_generator=self._ids)
        self._ids.follow(provider.sampler)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = provider.get_tracer("leadloop")

    def begin(
        self,
        name: str,
        parent: bytes | None = None,
        *,
        kind: SpanKind = "internal",
        began_ns: int | None = None,
    ) -> TraceSpan | None:
        if not (self._ids.may_begin() if parent is None else is_sampled(parent)):
            return None
        context = _context_of(parent) if parent is not None else Context()
        span = self._tracer.start_span(name, context, _KINDS[kind], start_time=began_ns)
        return OtelSpan(span) if span.is_recording() else None


def _context_of(traceparent: bytes) -> Context:
    return _W3C.extract({"traceparent": traceparent.decode()}, Context())


def _span_context(traceparent: bytes) -> trace.SpanContext:
    return trace.get_current_span(_context_of(traceparent)).get_span_context()
