"""The network of a worker process: its connections to the broker go through a proxy."""

from typing import Any

from aiokafka import client


def redirect(bootstrap: str, port: int) -> None:
    """Connect to `port` of this machine wherever the worker would connect to the broker."""
    direct, broker_port = client.create_conn, int(bootstrap.split(":")[1])

    async def create_conn(host: str, asked: int, *args: Any, **kwargs: Any) -> Any:
        return await direct(host, port if asked == broker_port else asked, *args, **kwargs)

    client.create_conn = create_conn
