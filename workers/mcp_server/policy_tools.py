"""The tools about policies: check one, and say what differs from the policy in force."""

from datetime import UTC, date, datetime
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from streams.policy_file import policy_warnings
from streams.policy_file.policy_document import PolicyReading, read_policy
from workers.console import text_of
from workers.policies.diff.policy_differences import policy_differences

from .answers import answer
from .lead_tools import READS, Answer, ToolSource, explained

MAX_POLICY = 100_000
NAME = "policy"


def add_policy_tools(server: MCPServer[Any], source: ToolSource, file: Any) -> None:
    """Add them to a server. `file`: the policy in force; None: it is not known."""
    link = source.address.of("/agreement")

    @server.tool(annotations=READS, structured_output=False)
    @explained
    async def check_policy(policy_yaml: str) -> Answer:
        """Check a policy file (YAML): every error and every doubtful value, with its line and how to fix it."""
        policy = _read(policy_yaml).policy
        doubts = [str(one) for one in policy_warnings(policy_yaml, NAME, today=_today())]
        return answer({"version": policy.version, "warnings": doubts}, link, is_valid=True, digest=policy.digest)

    @server.tool(annotations=READS, structured_output=False)
    @explained
    async def diff_policy(policy_yaml: str, before_yaml: str = "") -> Answer:
        """Say in sentences what differs in a policy (YAML) from the one in force, or from `before_yaml`."""
        if not before_yaml and file is None:
            raise ToolError("the policy in force is not known: give before_yaml, or set LEADLOOP_POLICY_FILE")
        found = policy_differences(_read(before_yaml or text_of(file)), _read(policy_yaml), _today())
        return answer([{"line": line, "text": text} for line, text in found], link, is_same=not found)


def _read(text: str) -> PolicyReading:
    if len(text) > MAX_POLICY:
        raise ToolError(f"a policy has at most {MAX_POLICY:,} characters")
    return read_policy(text, NAME)


def _today() -> date:
    return datetime.now(UTC).date()
