"""Turns traces on, if OpenTelemetry's own variables name a collector.

`OTEL_EXPORTER_OTLP_ENDPOINT` turns them on; OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES and all others work as
OpenTelemetry specifies them. Only `otel` imports its packages, which are an extra.
"""

import os

from schemas.errors import UserError

from .tracing import Tracing

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"


def open_tracing(process: str) -> Tracing | None:
    """Start to export spans of this process; None if no collector is configured.

    Args:
        process: The service's name is `leadloop-<process>` if OTEL_SERVICE_NAME gives none.

    Raises:
        UserError: the packages are missing, or the protocol is not OTLP over HTTP.
    """
    if not any(map(os.environ.get, _ENDPOINTS)) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    protocol = next(filter(None, map(os.environ.get, _PROTOCOLS)), _HTTP)
    if protocol != _HTTP:
        raise UserError(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}: set {_HTTP}, and the collector's port for it (4318)")
    try:
        from .otel import OtelTracing  # noqa: PLC0415  an extra
    except ImportError as error:
        raise UserError("traces need OpenTelemetry's SDK and its exporter: install leadloop[tracing]") from error
    return OtelTracing(process)
