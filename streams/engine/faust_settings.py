"""What the engine sets of Faust's many settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .job import Job
    from .kafka_clients import ClientSettings


def faust_settings(
    job: Job[Any], clients: ClientSettings, data_dir: Path, commit_seconds: float, tables: type
) -> Mapping[str, Any]:
    """What the engine needs of Faust's settings; connections are made by `kafka_clients`."""
    servers = str(clients.connection["bootstrap_servers"])
    return {
        "broker": [f"kafka://{server}" for server in servers.split(",")],
        "datadir": str(data_dir),
        "topic_partitions": job.partitions,
        "topic_allow_declare": False,  # topics are made by those who run the cluster
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "TableManager": tables,
        "stream_wait_empty": True,
        "web_enabled": False,
        "broker_commit_interval": commit_seconds,
        "broker_session_timeout": clients.session,
        "broker_heartbeat_interval": clients.heartbeat,
        "broker_rebalance_timeout": clients.rebalance,
        "broker_request_timeout": clients.request,
    }
