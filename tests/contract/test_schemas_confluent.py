"""The wire format is Confluent's: its own serializers, with the same registry, write and read the same."""

from importlib import import_module
from typing import Any

import pytest
from confluent_kafka.serialization import MessageField, SerializationContext
from msgspec import json

from schemas.catalogue import RECORDS, text_of
from schemas.codec import Codec
from schemas.connect import open_catalogue
from schemas.events import AnyRecord, LeadContacted, LeadCreated
from schemas.registry import RegistryConf
from schemas.topics import TOPIC_OF
from tests.registry import a_registry
from workers.admin import push_schemas

import_module("schemas.confluent")  # first: it keeps quiet a warning of the client's dependencies on their import
confluent: Any = import_module("confluent_kafka.schema_registry")
confluent_avro: Any = import_module("confluent_kafka.schema_registry.avro")

FULL = LeadContacted(event_id="e", lead_id="ü1", occurred_at=1_700_000_000_123, outcome="replied", next_step_at=-1)


@pytest.mark.parametrize("record", [FULL, LeadCreated(lead_id="x" * 200), *(record() for record in RECORDS)])
def test_the_codec_and_the_serializers_of_confluent_agree(record: AnyRecord) -> None:
    fields = json.decode(json.encode(record))
    with a_registry() as server:
        server.add({"type": "string"})
        push_schemas(RegistryConf(url=server.url))
        codec = Codec(open_catalogue(RegistryConf(url=server.url)))
        theirs, of_theirs = _confluent(server.url, record)
        assert codec.encode(record) == theirs(fields)
        assert codec.decode(theirs(fields), type(record)) == record
        assert of_theirs(codec.encode(record)) == fields


def _confluent(url: str, record: AnyRecord) -> tuple[Any, Any]:
    """Confluent's functions to write the fields of such a record and to read them."""
    client = confluent.SchemaRegistryClient({"url": url})
    settings = {
        "auto.register.schemas": False,
        "normalize.schemas": True,
        "subject.name.strategy.type": "TOPIC",
    }
    write = confluent_avro.AvroSerializer(client, text_of(type(record)), conf=settings)
    read = confluent_avro.AvroDeserializer(client, conf={"subject.name.strategy.type": "TOPIC"})
    context = SerializationContext(TOPIC_OF[type(record)].name, MessageField.VALUE)
    return (lambda fields: write(fields, context)), (lambda value: read(value, context))
