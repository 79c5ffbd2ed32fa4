"""The contract as Open Data Contracts (ODCS 3): owners, quality and service levels of the facts and of the outputs."""

from collections.abc import Iterable, Iterator, Sequence

from schemas.instants import DAY_MS, FUTURE_MS
from schemas.json_value import JsonObject, JsonValue
from schemas.topics import MAX_LEAD_ID
from streams.domain.facts import MAX_TEXT

from .described import DescribedField, DescribedTopic
from .encoded import EncodedExample, Examples

API_VERSION = "v3.1.0"
_LOGICAL = {"text": "string", "integer": "integer", "true or false": "boolean"}
_PHYSICAL = {"text": "string", "integer": "long", "true or false": "boolean"}


def facts(topics: Iterable[DescribedTopic], examples: Examples) -> JsonObject:
    """What upstream systems promise to Leadloop."""
    kept = [topic for topic in topics if topic.is_upstream]
    about: JsonObject = {
        "id": "leadloop-facts",
        "name": "Facts about leads",
        "description": _description("Events about leads, as upstream systems (CRM, forms, dialler) publish them."),
        "team": _team("upstream", "The team that operates the publishing system; one contract for each system."),
        "roles": [{"role": "leadloop-producer", "access": "write", "description": "deploy/acls.yml has its rights"}],
    }
    return _contract(about, kept, examples, [_retention(kept), *_sla_of_facts()])


def outputs(topics: Iterable[DescribedTopic], examples: Examples) -> JsonObject:
    """What Leadloop promises to its consumers: the public topics."""
    kept = [topic for topic in topics if topic.topic.public and not topic.is_upstream]
    purpose = (
        "Leads that are handed back to marketing, escalations to sales, every decision, and the state of every lead."
    )
    about: JsonObject = {
        "id": "leadloop-outputs",
        "name": "Decisions about leads",
        "description": _description(purpose),
        "team": _team("leadloop", "The team that operates Leadloop."),
        "roles": [{"role": "leadloop-streams", "access": "write", "description": "deploy/acls.yml has its rights"}],
    }
    return _contract(about, kept, examples, [_retention(kept), *_sla_of_outputs()])


def _description(purpose: str) -> JsonObject:
    return {
        "purpose": purpose,
        "usage": "docs/contract/README.md describes bytes, keys, partitions and headers.",
        "limitations": "At least once: records repeat with the same ids.",
    }


def _team(name: str, text: str) -> JsonObject:
    return {"name": name, "description": text, "members": [{"username": f"{name}-team", "role": "owner"}]}


def _contract(
    about: JsonObject, topics: Iterable[DescribedTopic], examples: Examples, sla: Sequence[JsonObject]
) -> JsonObject:
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "version": "1.0.0",
        "status": "active",
        "domain": "sales",
        "dataProduct": "leadloop",
        **about,
        "servers": [{"server": "kafka", "type": "kafka", "host": "kafka:9093", "format": "avro"}],
        "schema": [_object(topic, examples[topic.name]) for topic in topics],
        "slaProperties": [*sla],
    }


def _object(topic: DescribedTopic, examples: Sequence[EncodedExample]) -> JsonObject:
    return {
        "name": topic.record.__name__,
        "physicalName": topic.name,
        "physicalType": "topic",
        "logicalType": "object",
        "description": topic.meaning.meaning,
        "properties": [_property(field, topic, examples) for field in topic.fields],
        "quality": [*_quality(topic)],
    }


def _property(field: DescribedField, topic: DescribedTopic, examples: Sequence[EncodedExample]) -> JsonObject:
    about: JsonObject = {
        "name": field.name,
        "logicalType": _LOGICAL.get(field.type.words, "array" if field.type.record else "string"),
        "physicalType": _PHYSICAL.get(field.type.words, "array" if field.type.record else "enum"),
        "required": field.is_required,
        "description": field.meaning,
    }
    given = [value for example in examples if (value := example.fields[field.name]) not in (None, "", [])]
    if given and not field.type.record:
        about["examples"] = [given[0]]
    if field.type.record:
        about["items"] = {
            "logicalType": "object",
            "properties": [_property(one, topic, ()) for one in topic.nested[field.type.record]],
        }
    rules: list[JsonValue] = [*_rules(field)]
    if rules:
        about["quality"] = rules
    return about


def _rules(field: DescribedField) -> Iterator[JsonObject]:
    """Library rules of the standard: none of the rows may break them."""
    if field.is_required:
        yield _library("missingValues", {"missingValues": [None, "", 0]}, f"{field.name} is given")
    if field.type.symbols:
        yield _library("invalidValues", {"validValues": [*field.type.symbols]}, f"{field.name} is a known symbol")
    if field.name == "lead_id":
        pattern = f"^.{{1,{MAX_LEAD_ID}}}$"
        yield _library("invalidValues", {"pattern": pattern}, f"lead_id has 1 to {MAX_LEAD_ID} characters")
    elif field.type.words == "text" and field.name != "note":
        pattern = f"^.{{0,{MAX_TEXT}}}$"
        yield _library("invalidValues", {"pattern": pattern}, f"{field.name} has at most {MAX_TEXT} characters")


def _library(metric: str, arguments: JsonObject, text: str) -> JsonObject:
    return {"type": "library", "metric": metric, "arguments": arguments, "mustBe": 0, "description": text}


def _quality(topic: DescribedTopic) -> Iterator[JsonObject]:
    if topic.is_upstream:
        yield {
            "type": "text",
            "description": "The same event has the same event_id whenever it is reported; "
            "records that repeat an event_id have the same content.",
        }
    yield {
        "type": "text",
        "description": "The key of the Kafka record is the lead_id, and its partition murmur2 of it.",
    }


def _sla_of_facts() -> Iterator[JsonObject]:
    late = (
        "LEADLOOP_GRACE_SECONDS. A fact that is published later is folded all the same; what it disproves is revoked."
    )
    yield _sla("latency", 5, "s", "occurred_at", late)
    ahead = "How far occurred_at may lie ahead of the clock; records further ahead go to the dead-letter topic."
    yield _sla("timeliness", FUTURE_MS // 60_000, "m", "occurred_at", ahead)


def _sla_of_outputs() -> Iterator[JsonObject]:
    rules = "(deploy/prometheus/rules/objectives.yml)"
    published = f"99.9% of stalls are published within this time after the promise was broken {rules}."
    yield _sla("latency", 60, "s", "occurred_at", published)
    fresh = f"99.5% of the time each partition has processed each event within this time {rules}."
    yield _sla("freshness", 5, "s", "occurred_at", fresh)


def _retention(topics: Iterable[DescribedTopic]) -> JsonObject:
    shortest = min(topic.topic.retention_ms for topic in topics if topic.topic.cleanup == "delete")
    text = "Topics of events delete records after this time; lead-snapshots is compacted."
    return _sla("retention", shortest // DAY_MS, "d", "occurred_at", text)


def _sla(name: str, value: int, unit: str, element: str, text: str) -> JsonObject:
    return {
        "property": name,
        "value": value,
        "unit": unit,
        "element": element,
        "driver": "operational",
        "description": text,
    }
