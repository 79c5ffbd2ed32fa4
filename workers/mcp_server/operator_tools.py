"""The tools that act: pause and resume an endpoint, and replay deliveries. They run the code of the command line."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import ToolAnnotations

from streams.runtime.settings import DeliverSettings
from workers.console import settings_with_broker
from workers.delivery.operations import replay, set_endpoint_state

from .answers import answer
from .lead_tools import Answer, ToolSource, explained

ACTS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True)


Permission = Callable[[Context[Any, Any]], str]
"""Checks that the caller may act, and returns their name. Raises Problem, 401 or 403."""


def add_operator_tools(server: MCPServer[Any], source: ToolSource, permitted: Permission) -> None:
    """Add them to a server."""
    link = source.address.of("/delivery")

    @server.tool(annotations=ACTS, structured_output=False)
    @explained
    async def set_endpoint(name: str, state: Literal["paused", "active"], why: str, ctx: Context[Any, Any]) -> Answer:
        """Pause an endpoint (its events wait), or let it go on. Say why: it is recorded with who asked."""
        who = permitted(ctx)
        await asyncio.to_thread(
            set_endpoint_state, settings_with_broker(DeliverSettings), name, state, by=f"mcp:{who}", why=why
        )
        return answer({"endpoint": name, "state": state, "by": who}, link)

    @server.tool(annotations=ACTS, structured_output=False)
    @explained
    async def replay_deliveries(
        ctx: Context[Any, Any], endpoint: str = "", since: str = "", until: str = "", is_trial: bool = True
    ) -> Answer:
        """Send dead deliveries again; an accepted one is never sent again. With is_trial only their number is given."""
        who = permitted(ctx)
        settings = settings_with_broker(DeliverSettings)
        done = await asyncio.to_thread(replay, settings, endpoint, since, until, (), by=f"mcp:{who}", dry_run=is_trial)
        return answer({"replayed": done.sent, "events_no_longer_kept": len(done.lost), "is_trial": is_trial}, link)
