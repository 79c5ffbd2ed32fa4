"""The grants as commands of Kafka's own tool."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.access import APP, PREFIX, Grant, grants_of

HEAD = """\
#!/usr/bin/env bash
# Made by `make manifests` out of deploy/acls.yml and schemas/topics.py: what each process needs of Kafka, and no more.
# Read and Write imply Describe; idempotent producers need nothing besides since Kafka 3.
#
#   KAFKA_BOOTSTRAP_SERVERS=host:port COMMAND_CONFIG=admin.properties deploy/kafka-acls.sh
#
# LEADLOOP_TOPIC_PREFIX and LEADLOOP_APP_ID as the processes have them; PRINCIPALS stands before the name of each.
set -euo pipefail

: "${KAFKA_BOOTSTRAP_SERVERS:?give host:port of a broker}"
prefix=${LEADLOOP_TOPIC_PREFIX:-}
app=${LEADLOOP_APP_ID:-leadloop}

allow() { # who, then what
  "${KAFKA_ACLS:-kafka-acls.sh}" --bootstrap-server "$KAFKA_BOOTSTRAP_SERVERS" \\
    ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \\
    --add --allow-principal "User:${PRINCIPALS:-leadloop-}$1" "${@:2}"
}
"""


def script(access: Mapping[str, Mapping[str, Any]]) -> str:
    """The whole script."""
    parts = ("".join(_part(who, asked)) for who, asked in access.items())
    return HEAD + "".join(f"\n{part}" for part in parts)


def _part(who: str, asked: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {who}: {asked['why']}\n"
    for grant in grants_of(who, asked):
        yield from (f"{line}\n" for line in _commands(who, grant))


def _commands(who: str, grant: Grant) -> Iterator[str]:
    literal = [name for name in grant.names if not name.endswith("*")]
    operations = "".join(f" --operation {operation}" for operation in grant.operations)
    if literal:
        yield f"allow {who}{operations} \\\n  " + " \\\n  ".join(_option(grant, name) for name in literal)
    for name in grant.names:
        if name.endswith("*"):
            yield f"allow {who}{operations} --resource-pattern-type prefixed {_option(grant, name.rstrip('*'))}"


def _option(grant: Grant, name: str) -> str:
    shown = name.replace(APP, "${app}").replace(PREFIX, "${prefix}")
    return f'--topic "${{prefix}}{shown}"' if grant.kind == "topic" else f'--group "{shown}"'
