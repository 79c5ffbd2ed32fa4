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
  "${KAFKA_ACLS:-kafka-acls.sh}" --bootstrap-server "$KAFKA_BOOTSTRAP_SERVERS" \
    ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \
    --add --allow-principal "User:${PRINCIPALS:-leadloop-}$1" "${@:2}"
}

# streams: a record that came to the wrong partition of an input is published again on the right one
allow streams --operation Read --operation Write \
  --topic "${prefix}lead-created" \
  --topic "${prefix}lead-contacted" \
  --topic "${prefix}deal-closed" \
  --topic "${prefix}lead-stalled" \
  --topic "${prefix}lead-recycled" \
  --topic "${prefix}stream-heartbeats" \
  --topic "${prefix}${app}-changelog"
allow streams --operation Write \
  --topic "${prefix}lead-decisions" \
  --topic "${prefix}lead-snapshots" \
  --topic "${prefix}lead-dead-letters"
allow streams --operation Read \
  --group "${app}"

# ingest: publishes what upstream systems send, and what it cannot map
allow ingest --operation Write \
  --topic "${prefix}lead-created" \
  --topic "${prefix}lead-contacted" \
  --topic "${prefix}deal-closed" \
  --topic "${prefix}lead-stalled" \
  --topic "${prefix}lead-dead-letters"

# deliver: takes recycle events, waits in its own topics, and looks up what was delivered before
allow deliver --operation Read \
  --topic "${prefix}lead-recycled"
allow deliver --operation Read --operation Write \
  --topic "${prefix}delivery-results" \
  --topic "${prefix}delivery-wait-1s" \
  --topic "${prefix}delivery-wait-10s" \
  --topic "${prefix}delivery-wait-1m" \
  --topic "${prefix}delivery-wait-10m" \
  --topic "${prefix}delivery-wait-1h" \
  --topic "${prefix}delivery-wait-6h" \
  --topic "${prefix}endpoint-states"
allow deliver --operation Write \
  --topic "${prefix}lead-dead-letters"
allow deliver --operation Read \
  --group "${prefix}${app}-deliver"
allow deliver --operation Describe \
  --group "leadloop-deliver-recovery" \
  --group "leadloop-endpoint-states"

# project: builds the read model out of facts, decisions and snapshots
allow project --operation Read \
  --topic "${prefix}lead-created" \
  --topic "${prefix}lead-contacted" \
  --topic "${prefix}deal-closed" \
  --topic "${prefix}lead-stalled" \
  --topic "${prefix}lead-recycled" \
  --topic "${prefix}lead-decisions" \
  --topic "${prefix}lead-snapshots" \
  --topic "${prefix}delivery-results"
allow project --operation Read \
  --group "${app}-project"

# import: publishes histories and their heartbeats
allow import --operation Write \
  --topic "${prefix}lead-created" \
  --topic "${prefix}lead-contacted" \
  --topic "${prefix}deal-closed" \
  --topic "${prefix}lead-stalled" \
  --topic "${prefix}stream-heartbeats"

# topics: `leadloop topics create`: makes what is missing and compares what is there; alters and deletes nothing
allow topics --operation Create --operation Describe --operation DescribeConfigs \
  --topic "${prefix}lead-created" \
  --topic "${prefix}lead-contacted" \
  --topic "${prefix}deal-closed" \
  --topic "${prefix}lead-stalled" \
  --topic "${prefix}lead-recycled" \
  --topic "${prefix}stream-heartbeats" \
  --topic "${prefix}lead-decisions" \
  --topic "${prefix}lead-snapshots" \
  --topic "${prefix}delivery-results" \
  --topic "${prefix}delivery-wait-1s" \
  --topic "${prefix}delivery-wait-10s" \
  --topic "${prefix}delivery-wait-1m" \
  --topic "${prefix}delivery-wait-10m" \
  --topic "${prefix}delivery-wait-1h" \
  --topic "${prefix}delivery-wait-6h" \
  --topic "${prefix}endpoint-states" \
  --topic "${prefix}lead-dead-letters" \
  --topic "${prefix}${app}-changelog"

# operate: people at the command line, who look at topics and groups, replay dead letters, and pause and resume endpoints
allow operate --operation Describe --operation DescribeConfigs \
  --topic "${prefix}lead-created" \
  --topic "${prefix}lead-contacted" \
  --topic "${prefix}deal-closed" \
  --topic "${prefix}lead-stalled" \
  --topic "${prefix}lead-recycled" \
  --topic "${prefix}stream-heartbeats" \
  --topic "${prefix}lead-decisions" \
  --topic "${prefix}lead-snapshots" \
  --topic "${prefix}delivery-results" \
  --topic "${prefix}delivery-wait-1s" \
  --topic "${prefix}delivery-wait-10s" \
  --topic "${prefix}delivery-wait-1m" \
  --topic "${prefix}delivery-wait-10m" \
  --topic "${prefix}delivery-wait-1h" \
  --topic "${prefix}delivery-wait-6h" \
  --topic "${prefix}endpoint-states" \
  --topic "${prefix}lead-dead-letters" \
  --topic "${prefix}${app}-changelog"
allow operate --operation Read \
  --topic "${prefix}lead-decisions" \
  --topic "${prefix}lead-snapshots" \
  --topic "${prefix}delivery-results" \
  --topic "${prefix}delivery-wait-1s" \
  --topic "${prefix}delivery-wait-10s" \
  --topic "${prefix}delivery-wait-1m" \
  --topic "${prefix}delivery-wait-10m" \
  --topic "${prefix}delivery-wait-1h" \
  --topic "${prefix}delivery-wait-6h" \
  --topic "${prefix}lead-dead-letters" \
  --topic "${prefix}${app}-changelog"
allow operate --operation Read --operation Write \
  --topic "${prefix}lead-created" \
  --topic "${prefix}lead-contacted" \
  --topic "${prefix}deal-closed" \
  --topic "${prefix}lead-stalled" \
  --topic "${prefix}lead-recycled" \
  --topic "${prefix}stream-heartbeats" \
  --topic "${prefix}endpoint-states"
allow operate --operation Read --resource-pattern-type prefixed --group "leadloop-reading-"
allow operate --operation Describe \
  --group "leadloop-endpoint-states" \
  --group "${app}" \
  --group "${prefix}${app}-deliver" \
  --group "${app}-project"
