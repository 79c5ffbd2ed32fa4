"""The contract as an AsyncAPI 3 document: what Leadloop receives and sends, with the Avro schemas inside."""

from collections.abc import Iterable, Sequence

from schemas.json_value import JsonObject
from schemas.topics import MAX_LEAD_ID
from streams.domain.facts import MAX_TEXT

from .described import DescribedTopic, documented_schema
from .encoded import PARTITIONS, EncodedExample, Examples

ASYNCAPI = "3.0.0"
AVRO = "application/vnd.apache.avro;version=1.9.0"
_BINDING = "0.5.0"
_TEXT = """\
Values are Avro in the Confluent wire format: a zero byte, the id of the schema in four bytes (big-endian), the datum.
With a schema registry the ids are its own; without one they are those of `x-schema-id`. Keys are the UTF-8 bytes of the
lead_id; the partition is Java's murmur2 of the key. Every field has a default in its schema; those that are required
say so.
"""


def asyncapi(topics: Sequence[DescribedTopic], examples: Examples) -> JsonObject:
    """The document."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "Leadloop", "version": "1.0.0", "description": _TEXT},
        "defaultContentType": "application/avro",
        "servers": {"kafka": _server()},
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": dict(_operations(topics)),
        "components": {
            "messages": {topic.record.__name__: _message(topic, examples[topic.name]) for topic in topics},
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
        },
    }


def _server() -> JsonObject:
    return {
        "host": "{host}:{port}",
        "protocol": "kafka-secure",
        "description": "The Kafka cluster of the installation.",
        "variables": {"host": {"default": "kafka"}, "port": {"default": "9093"}},
        "bindings": {
            "kafka": {
                "schemaRegistryUrl": "https://schema-registry.example",
                "schemaRegistryVendor": "confluent",
                "bindingVersion": _BINDING,
            }
        },
    }


def _channel(topic: DescribedTopic) -> JsonObject:
    settings = topic.topic.config
    configuration: JsonObject = {
        name: int(settings[name])
        for name in ("retention.ms", "delete.retention.ms", "max.message.bytes")
        if name in settings
    }
    name = topic.record.__name__
    return {
        "address": topic.name,
        "title": topic.name,
        "description": topic.meaning.meaning,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.topic.partitions or PARTITIONS,
                "topicConfiguration": {"cleanup.policy": [topic.topic.cleanup], **configuration},
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations(topics: Iterable[DescribedTopic]) -> Iterable[tuple[str, JsonObject]]:
    """As the specification has it: what the described application, Leadloop, does."""
    for topic in topics:
        name = topic.record.__name__
        if topic.topic.is_input:
            yield f"receive{name}", _operation("receive", topic, topic.meaning.publish)
        if set(topic.topic.written_by) & {"streams", "deliver"}:
            yield f"send{name}", _operation("send", topic, topic.meaning.consume)


def _operation(action: str, topic: DescribedTopic, text: str) -> JsonObject:
    channel = f"#/channels/{topic.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "description": text,
        "messages": [{"$ref": f"{channel}/messages/{topic.record.__name__}"}],
    }


def _message(topic: DescribedTopic, examples: Iterable[EncodedExample]) -> JsonObject:
    name = topic.record.__name__
    kafka: JsonObject = {
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": "TopicIdStrategy",
        "bindingVersion": _BINDING,
    }
    if topic.name != "stream-heartbeats":
        text = "The endpoint." if topic.name == "endpoint-states" else "The lead_id."
        kafka["key"] = {"type": "string", "minLength": 1, "maxLength": MAX_LEAD_ID, "description": text}
    return {
        "name": topic.type,
        "title": name,
        "summary": topic.meaning.meaning,
        "description": f"Producers: {topic.meaning.publish}\n\nConsumers: {topic.meaning.consume}",
        "contentType": "application/avro",
        "payload": {"schemaFormat": AVRO, "schema": documented_schema(topic.record)},
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "bindings": {"kafka": kafka},
        "examples": [{"headers": {**example.headers}, "payload": example.fields} for example in examples],
        "x-schema-id": topic.schema_id,
        "x-required": [*topic.meaning.required],
    }


def _headers() -> JsonObject:
    text: JsonObject = {"type": "string"}
    return {
        "type": "object",
        "description": "CloudEvents' Kafka binding in binary mode. Leadloop sets them and requires none.",
        "properties": {
            "ce_specversion": {**text, "const": "1.0"},
            "ce_type": {**text, "description": "leadloop.v1. and the name of the record"},
            "ce_id": {**text, "description": "The event_id of a fact", "maxLength": 4 * MAX_TEXT},
            "ce_source": {**text, "description": "The source, percent-encoded"},
            "ce_time": {**text, "format": "date-time"},
            "ce_subject": {**text, "description": "The lead_id"},
            "content-type": {**text, "const": "application/avro"},
            "traceparent": {**text, "description": "W3C trace context, passed on to everything that follows"},
        },
    }
