"""When traces are on, and what is said where they cannot be."""

import pytest

from schemas.errors import UserError
from streams.runtime.otel import OtelTracing
from streams.runtime.tracing_setup import open_tracing

ENDPOINT = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "TRACES_ENDPOINT", "PROTOCOL", "TRACES_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT, "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_a_collector_traces_are_off(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert open_tracing("ingest") is None


def test_a_protocol_that_is_not_supported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", ENDPOINT)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(UserError, match=r"PROTOCOL=grpc: set http/protobuf, and the collector's port for it \(4318\)"):
        open_tracing("ingest")


@pytest.mark.parametrize(("sampler", "share"), [("traceidratio", 0.1), ("parentbased_traceidratio", 0.1)])
def test_new_traces_are_sampled_by_the_ratio_and_those_of_a_sampled_parent_all(
    monkeypatch: pytest.MonkeyPatch, sampler: str, share: float
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", str(share))
    tracing = OtelTracing("test")
    spans = [span for span in (tracing.begin("one") for _ in range(10_000)) if span is not None]
    assert 700 < len(spans) < 1_300
    ids = {span.traceparent[3:35] for span in spans}
    assert len(ids) == len(spans)
    assert all(int(one, 16) & ((1 << 64) - 1) < share * (1 << 64) for one in ids)
    sampled, other = (b"00-%032x-%016x-%s" % (2**128 - 1, 7, flags) for flags in (b"01", b"00"))
    assert tracing.begin("one", other) is None
    if sampler.startswith("parentbased"):
        child = tracing.begin("one", sampled)
        assert child is not None
        assert child.traceparent[3:35] == sampled[3:35]


def test_another_sampler_decides_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    assert OtelTracing("test").begin("one") is not None
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert OtelTracing("test").begin("one") is None
