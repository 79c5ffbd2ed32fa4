"""Topics and users as objects of Strimzi, the Kafka operator: the default names, for a cluster called `kafka`."""

from collections.abc import Mapping
from typing import Any

from deploy.access import APP, PREFIX, Grant, grants_of
from schemas.topics import TOPICS, Topic, changelog_of
from streams.runtime.settings import Settings

API = "kafka.strimzi.io/v1"
REPLICAS = 3
_DEFAULTS = Settings()


def topics() -> list[dict[str, Any]]:
    return [_topic(topic) for topic in (*TOPICS.values(), changelog_of(_DEFAULTS.app_id))]


def users(access: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_user(who, entry) for who, entry in access.items()]


def _topic(topic: Topic) -> dict[str, Any]:
    spec = {
        "topicName": topic.name,
        "partitions": topic.partitions or _DEFAULTS.partitions,
        "replicas": REPLICAS,
        "config": {**topic.config, "min.insync.replicas": str(REPLICAS - 1)},
    }
    return _object("KafkaTopic", topic.name, spec)


def _user(who: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    acls = [acl for grant in grants_of(who, entry) for acl in _acls(grant)]
    spec = {
        "authentication": {"type": "scram-sha-512"},
        "authorization": {"type": "simple", "acls": acls},
    }
    return _object("KafkaUser", f"leadloop-{who}", spec)


def _acls(grant: Grant) -> list[dict[str, Any]]:
    return [
        {
            "resource": {
                "type": grant.kind,
                "name": name.replace(APP, _DEFAULTS.app_id).replace(PREFIX, _DEFAULTS.topic_prefix).rstrip("*"),
                "patternType": "prefix" if name.endswith("*") else "literal",
            },
            "operations": list(grant.operations),
        }
        for name in grant.names
    ]


def _object(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"strimzi.io/cluster": "kafka", "app.kubernetes.io/part-of": "leadloop"}
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": dict(spec)}
