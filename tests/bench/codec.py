"""What a record costs to write and to read, beside fastavro and Confluent's serializers.

By itself: `python -m tests.bench.codec`
"""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

import fastavro
import msgspec

from schemas.catalogue import Catalogue, schema_of, text_of
from schemas.codec import Codec
from schemas.compiled import FRAMING_BYTES
from schemas.events import AnyRecord, LeadContacted, LeadRecycled, LeadSnapshot
from schemas.headers import cloudevents_headers
from schemas.registry import RegistryConf
from schemas.topics import TOPIC_OF, partition_of
from tests.registry import a_registry
from workers.admin import push_schemas

NOON = 1_760_011_200_123
COMMON: dict[str, Any] = {"lead_id": "lead-000123456", "occurred_at": NOON, "recorded_at": NOON + 999, "source": "crm"}
RECORDS: tuple[AnyRecord, ...] = (
    LeadContacted(event_id="9" * 32, activity="call", owner_id="rep-17", next_step_at=NOON, **COMMON),
    LeadRecycled(event_id="9" * 32, recycle_id="8" * 32, stall_id="7" * 32, origin="paid_search", touches=3, **COMMON),
    LeadSnapshot(stage="nurture", origin="paid_search", created_at=NOON, due_at=NOON, stall_id="7" * 32, **COMMON),
)
ROUNDS, CALLS = 9, 2000
R = TypeVar("R", bound=msgspec.Struct)


class Fastavro:
    """Our codec's work by fastavro's, with its parsed schemas."""

    def __init__(self) -> None:
        kinds = (LeadContacted, LeadRecycled, LeadSnapshot)
        self._parsed: dict[type[Any], Any] = {kind: fastavro.parse_schema(schema_of(kind)) for kind in kinds}

    def encode(self, record: AnyRecord) -> bytes:
        out = io.BytesIO()
        out.write(b"\0\0\0\0\1")
        fastavro.schemaless_writer(out, self._parsed[type(record)], msgspec.structs.asdict(record))
        return out.getvalue()

    def decode(self, value: bytes | None, expected: type[R]) -> R:
        source = io.BytesIO(value or b"")
        source.seek(FRAMING_BYTES)
        fields: Any = fastavro.schemaless_reader(source, self._parsed[expected], None)
        return expected(**fields)


def main() -> None:
    """Print the table, and what the rest of a record's way costs."""
    ours, fast = Codec(Catalogue.bundled()), Fastavro()
    print(
        f"codec: CPU µs to write / to read one record, least of {ROUNDS} rounds of {CALLS:,}; in brackets times ours.\n"
        "  fastavro: parsed schemas, into the same types. Confluent: AvroSerializer and AvroDeserializer, into dicts.\n"
        "  The machine is shared: only the ratios of one run count."
    )
    show("", "bytes", "Leadloop", "fastavro", "Confluent")
    for record in RECORDS:
        show(type(record).__name__, *_row(ours, fast, record))
    headers, partition = costs(
        lambda: cloudevents_headers(RECORDS[1], "lead-recycled"), lambda: partition_of(b"lead-000123456", 12)
    )
    print(f"  beside it: the headers of a record {headers:.2f}, its partition {partition:.2f}")


def _row(ours: Codec, other: Fastavro, record: AnyRecord) -> Iterator[object]:
    value, kind = ours.encode(record), type(record)
    yield len(value)
    with confluent(record) as theirs:
        mine = (lambda: ours.encode(record)), (lambda: ours.decode(value, kind))
        fast = (lambda: other.encode(record)), (lambda: other.decode(value, kind))
        write, read, *others = costs(*mine, *fast, *theirs)
    yield f"{write:.2f} / {read:.2f}"
    for their_write, their_read in (others[:2], others[2:]):
        yield f"{their_write:.2f} / {their_read:.2f} (x{their_write / write:.1f} / x{their_read / read:.1f})"


@contextmanager
def confluent(record: AnyRecord) -> Iterator[tuple[Callable[[], Any], Callable[[], Any]]]:
    registry: Any = import_module("confluent_kafka.schema_registry")
    avro: Any = import_module("confluent_kafka.schema_registry.avro")
    serialization: Any = import_module("confluent_kafka.serialization")
    strategy = {"subject.name.strategy.type": "TOPIC"}
    context = serialization.SerializationContext(TOPIC_OF[type(record)].name, "value")
    with a_registry() as server:
        push_schemas(RegistryConf(url=server.url))
        client = registry.SchemaRegistryClient({"url": server.url})
        settings = {"auto.register.schemas": False, **strategy}
        write = avro.AvroSerializer(client, text_of(type(record)), conf=settings)
        read = avro.AvroDeserializer(client, conf=strategy)
        fields = msgspec.structs.asdict(record)
        value = write(fields, context)
        yield (lambda: write(fields, context)), (lambda: read(value, context))


def costs(*calls: Callable[[], Any]) -> list[float]:
    """CPU microseconds of each, the least of several rounds; in turns, for the machine's pace changes."""
    rounds = ([_seconds(call) for call in calls] for _ in range(ROUNDS))
    return [min(seconds) / CALLS * 1e6 for seconds in zip(*rounds, strict=True)]


def _seconds(call: Callable[[], Any]) -> float:
    started = time.process_time()
    for _ in range(CALLS):
        call()
    return time.process_time() - started


def show(name: str, *cells: object) -> None:
    widths = (8, 16, 30, 32)
    print(f"  {name:16}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False)))


if __name__ == "__main__":
    main()
