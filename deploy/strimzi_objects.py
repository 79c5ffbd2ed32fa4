"""Topics and users as objects of Strimzi, the Kafka operator: the default names, for a cluster called `kafka`."""

from collections.abc import Mapping

from deploy.access import APP, PREFIX, AccessEntry, Grant, grants_of
from schemas.json_value import JsonObject
from schemas.topics import TOPICS, Topic, changelog_of
from streams.runtime.settings import Settings

API = "kafka.strimzi.io/v1"
REPLICAS = 3
_TYPES = {"transactional_id": "transactionalId"}  # where Strimzi's name differs
_DEFAULTS = Settings()


def topics() -> list[JsonObject]:
    return [_topic(topic) for topic in (*TOPICS.values(), changelog_of(_DEFAULTS.app_id))]


def users(access: Mapping[str, AccessEntry]) -> list[JsonObject]:
    return [_user(who, entry) for who, entry in access.items()]


def _topic(topic: Topic) -> JsonObject:
    spec: JsonObject = {
        "topicName": topic.name,
        "partitions": topic.partitions or _DEFAULTS.partitions,
        "replicas": REPLICAS,
        "config": {**topic.config, "min.insync.replicas": str(REPLICAS - 1)},
    }
    return _object("KafkaTopic", topic.name, spec)


def _user(who: str, entry: AccessEntry) -> JsonObject:
    acls = [acl for grant in grants_of(who, entry) for acl in _acls(grant)]
    spec: JsonObject = {
        "authentication": {"type": "scram-sha-512"},
        "authorization": {"type": "simple", "acls": acls},
    }
    return _object("KafkaUser", f"leadloop-{who}", spec)


def _acls(grant: Grant) -> list[JsonObject]:
    return [
        {
            "resource": {
                "type": _TYPES.get(grant.kind, grant.kind),
                "name": name.replace(APP, _DEFAULTS.app_id).replace(PREFIX, _DEFAULTS.topic_prefix).rstrip("*"),
                "patternType": "prefix" if name.endswith("*") else "literal",
            },
            "operations": list(grant.operations),
        }
        for name in grant.names
    ]


def _object(kind: str, name: str, spec: JsonObject) -> JsonObject:
    labels: JsonObject = {"strimzi.io/cluster": "kafka", "app.kubernetes.io/part-of": "leadloop"}
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec}
