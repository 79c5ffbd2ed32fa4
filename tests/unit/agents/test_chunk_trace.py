"""Which trace the span of a chunk belongs to, and which spans it links to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest

from streams.agents.chunk_trace import ChunkTrace
from streams.runtime.tracing import AttributeValue, SpanKind

FIRST, SECOND = (b"00-" + digits * 16 + b"-" + digits * 8 + b"-01" for digits in (b"ab", b"cd"))
UNSAMPLED = b"00-" + b"ef" * 16 + b"-" + b"ef" * 8 + b"-00"


@dataclass
class Span:
    name: str
    parent: bytes | None
    links: tuple[bytes, ...] = ()
    traceparent: bytes = b"00-" + b"12" * 16 + b"-" + b"12" * 8 + b"-01"

    def end(
        self,
        attributes: Mapping[str, AttributeValue] = {},  # noqa: ARG002  as the interface has it
        *,
        error: str = "",  # noqa: ARG002
        name: str = "",  # noqa: ARG002
        links: Iterable[bytes] = (),
    ) -> None:
        self.links = tuple(links)


class Recorded:
    """`Tracing` that keeps what was begun."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def begin(
        self,
        name: str,
        parent: bytes | None = None,
        *,
        kind: SpanKind = "internal",  # noqa: ARG002
        began_ns: int | None = None,  # noqa: ARG002
    ) -> Span:
        self.spans.append(Span(name, parent))
        return self.spans[-1]


@pytest.mark.parametrize(
    ("parents", "chunks"),
    [
        ([FIRST, SECOND], [(FIRST, (SECOND,))]),
        ([UNSAMPLED, SECOND], [(SECOND, ())]),
        ([None, FIRST, SECOND], [(None, (FIRST, SECOND))]),  # a deadline was first: the chunk begins a trace
        ([UNSAMPLED], []),
    ],
)
def test_a_chunk_belongs_to_one_trace_and_links_to_the_others(
    parents: list[bytes | None], chunks: list[tuple[bytes | None, tuple[bytes, ...]]]
) -> None:
    tracing = Recorded()
    chunk = ChunkTrace(tracing, partition=0)
    for parent in parents:
        chunk.follow([] if parent is None else [("traceparent", parent)], emissions=1)
    chunk.end(len(parents))
    assert [(span.parent, span.links) for span in tracing.spans if span.name == "streams chunk"] == chunks
