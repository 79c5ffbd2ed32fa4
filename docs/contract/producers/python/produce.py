"""Publishes facts about leads, without Leadloop: `python produce.py FACTS`.

FACTS is a file with one JSON object a line, `{"topic": "lead-created", "record": {"event_id": …, "lead_id": …, …}}`.

KAFKA_BOOTSTRAP_SERVERS   host:port,…
LEADLOOP_SCHEMAS          the folder that `leadloop schemas export` wrote
LEADLOOP_TOPIC_PREFIX     of the topics, if they have one
PARTITIONER               murmur2_random (default), or another of librdkafka's to see what goes wrong
"""

import json
import os
import struct
import sys
from io import BytesIO
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer
from fastavro import parse_schema, schemaless_writer

FOLDER = Path(os.environ["LEADLOOP_SCHEMAS"])
PREFIX = os.environ.get("LEADLOOP_TOPIC_PREFIX", "")
TOPICS = {
    name: (parse_schema(json.loads((FOLDER / topic["schema"]).read_text("utf-8"))), topic["id"])
    for name, topic in json.loads((FOLDER / "ids.json").read_text("utf-8"))["topics"].items()
}


def encode(topic: str, record: dict[str, object]) -> bytes:
    """The wire format: a zero byte, the id of the schema in four bytes (big-endian), the datum."""
    schema, schema_id = TOPICS[topic]
    if missing := [name for name in ("event_id", "lead_id", "occurred_at") if not record.get(name)]:
        raise ValueError(f"{topic}: a fact needs its {', '.join(missing)}")
    datum = BytesIO()
    # strict_allow_default: an unknown field is an error, a field that is not given has the default of the schema.
    schemaless_writer(datum, schema, record, strict_allow_default=True)
    return struct.pack(">bI", 0, schema_id) + datum.getvalue()


def main() -> None:
    """Publish all facts, in the order of the file, and end with 1 if the broker did not accept one."""
    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "enable.idempotence": True,
            # The default, consistent_random, is CRC32: it would send a lead to another partition than streams expects.
            "partitioner": os.environ.get("PARTITIONER", "murmur2_random"),
        }
    )
    errors: list[str] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            errors.append(f"{message.topic()}: {error.str()}")

    facts = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines() if line]
    for fact in facts:
        topic, record = fact["topic"], fact["record"]
        headers = [("content-type", b"application/avro")]
        value = encode(topic, record)
        producer.produce(PREFIX + topic, value, record["lead_id"].encode(), headers=headers, on_delivery=delivered)
        producer.poll(0)
    if producer.flush(60) or errors:
        sys.exit("\n".join(errors) or "the broker did not acknowledge every fact")
    print(f"published {len(facts)} facts")


if __name__ == "__main__":
    main()
