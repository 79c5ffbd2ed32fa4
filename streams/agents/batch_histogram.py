"""A histogram that takes in many observations at once: the client's own takes a lock for each bucket of each."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import inf
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class BatchHistogram(Collector):
    """`buckets`: upper edges, rising, inclusive. Observed in one thread and collected in another."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str] = (), *, buckets: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._edges = [*buckets, inf]
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = Lock()
        registry.register(self)

    def observe(self, values: Sequence[float], *labels: str) -> None:
        """Add these; none of them makes the series with these labels."""
        edges = self._edges
        with self._lock:
            counts = self._counts.setdefault(labels, [0] * len(edges))
            for value in values:
                counts[bisect_left(edges, value)] += 1
            self._sums[labels] = self._sums.get(labels, 0.0) + sum(values)

    def describe(self) -> Iterator[Metric]:
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        family = self._family()
        with self._lock:
            for labels, counts in self._counts.items():
                family.add_metric(labels, self._cumulative(counts), self._sums[labels])
        yield family

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self._name, self._text, labels=self._labels)

    def _cumulative(self, counts: Sequence[int]) -> list[tuple[str, float]]:
        total, found = 0, []
        for edge, count in zip(self._edges, counts, strict=True):
            total += count
            name = floatToGoString(edge)  # type: ignore[no-untyped-call]  # spelt as the client spells it
            found.append((name, float(total)))
        return found
