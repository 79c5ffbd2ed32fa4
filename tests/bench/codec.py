"""What a record costs to write and to read, in CPU microseconds: `python -m tests.bench.codec`.

Beside ours: fastavro with parsed schemas into the same types, and Confluent's own serializers into dicts.
"""

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import fastavro
import msgspec

from schemas.catalogue import Catalogue, schema_of, text_of
from schemas.codec import Codec
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
ROUNDS, CALLS = 7, 20_000


def main() -> None:
    """Print the table, and what the rest of a record's way costs."""
    ours = Codec(Catalogue.bundled())
    show("record", "bytes", "encode", "decode", "fastavro", "fastavro", "confluent", "confluent")
    for record in RECORDS:
        value = ours.encode(record)
        with confluent(record) as (write, read):
            calls = (
                lambda record=record: ours.encode(record),
                lambda value=value, record=record: ours.decode(value, type(record)),
                lambda record=record: fastavro_write(record),
                lambda value=value, record=record: fastavro_read(value, type(record)),
                write,
                read,
            )
            show(type(record).__name__, len(value), *(cost(call) for call in calls))
    show("headers", "", cost(lambda: cloudevents_headers(RECORDS[1], "lead-recycled")))
    show("partition_of", "", cost(lambda: partition_of(b"lead-000123456", 12)))


def fastavro_write(record: AnyRecord) -> bytes:
    out = io.BytesIO()
    out.write(b"\0\0\0\0\1")
    fastavro.schemaless_writer(out, PARSED[type(record)], msgspec.structs.asdict(record))
    return out.getvalue()


def fastavro_read(value: bytes, kind: type[AnyRecord]) -> AnyRecord:
    source = io.BytesIO(value)
    source.seek(5)
    fields: Any = fastavro.schemaless_reader(source, PARSED[kind], None)
    return kind(**fields)


PARSED = {type(record): fastavro.parse_schema(schema_of(type(record))) for record in RECORDS}


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


def cost(call: Callable[[], Any]) -> str:
    """CPU microseconds of a call, the least of several rounds: the machine is not ours alone."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(CALLS):
            call()
        best = min(best, time.process_time() - started)
    return f"{best / CALLS * 1e6:.2f}"


def show(name: str, *cells: object) -> None:
    sys.stdout.write(f"{name:16}" + "".join(f"{cell:>11}" for cell in cells) + "\n")


if __name__ == "__main__":
    main()
