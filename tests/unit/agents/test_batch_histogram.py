"""The histogram for many observations exports the same as that of the client library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from streams.agents.batch_histogram import BatchHistogram

EDGES = (0.5, 1.0, 60.0)
VALUES = st.lists(st.one_of(st.sampled_from(EDGES), st.floats(0, 1e6, allow_nan=False)), max_size=20)


def exposition(registry: CollectorRegistry) -> list[str]:
    """What Prometheus reads, less the moment of creation."""
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


@given(st.lists(st.tuples(st.sampled_from(["web", "fair"]), VALUES), max_size=6))
def test_a_batch_histogram_exports_the_same_as_the_clients_histogram(chunks: list[tuple[str, list[float]]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spread = BatchHistogram("seconds", "How long.", ("origin",), buckets=EDGES, registry=ours)
    histogram = Histogram("seconds", "How long.", ("origin",), buckets=EDGES, registry=theirs)
    for origin, values in chunks:
        spread.observe(values, origin)
        child = histogram.labels(origin)
        for value in values:
            child.observe(value)
    lines = dict(line.rsplit(" ", 1) for line in exposition(ours) if not line.startswith("#"))
    expected = dict(line.rsplit(" ", 1) for line in exposition(theirs) if not line.startswith("#"))
    assert lines.keys() == expected.keys()
    assert {name: float(value) for name, value in lines.items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()}
    )


def test_a_batch_histogram_is_described_before_its_first_value_and_its_name_is_unique() -> None:
    registry = CollectorRegistry()
    BatchHistogram("seconds", "How long.", buckets=EDGES, registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Histogram("seconds", "Again.", registry=registry)
