"""The tools that read leads and counts: the same queries as `/v1` and the page."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import Any, NamedTuple, ParamSpec

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import ValidationError

from schemas.errors import UserError
from schemas.topics import MAX_LEAD_ID
from workers.http.problems import Problem
from workers.report.api_models import ApiModel, FunnelGrouping, PassLabel, instant, rfc3339
from workers.report.cause_rows import grouped_funnel
from workers.report.generation_reader import ReadModelUnavailable
from workers.report.parameters import LeadParameters
from workers.report.policy_in_use import PolicyInUse
from workers.report.queries import ReadModel

from .answers import PageAddress, answer

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
MOST_LEADS = 50
MAX_HOURS = 24 * 365
P = ParamSpec("P")
Answer = dict[str, Any]
Filters = dict[str, str | int | float | bool]
_LIST_FIELDS = {"late_facts", "steps", "stall_id", "recycle_id"}


class ToolSource(NamedTuple):
    """What the tools read."""

    model: ReadModel
    policy: PolicyInUse
    address: PageAddress


def explained(tool: Callable[P, Awaitable[Answer]]) -> Callable[P, Awaitable[Answer]]:
    """Errors that a client can react to become errors of the tool, which say what to do."""

    @wraps(tool)
    async def run(*args: P.args, **kwargs: P.kwargs) -> Answer:
        try:
            return await tool(*args, **kwargs)
        except ValidationError as error:
            raise ToolError("; ".join(_in_words(one) for one in error.errors()[:10])) from error
        except Problem as error:
            raise ToolError(error.detail) from error
        except ReadModelUnavailable as error:
            raise ToolError(f"{error}. Nothing is lost: try again in a few seconds.") from error
        except UserError as error:
            raise ToolError(str(error)) from error

    return run


def _in_words(error: Any) -> str:
    place = ".".join(map(str, error["loc"]))
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def add_lead_tools(server: MCPServer[Any], source: ToolSource) -> None:
    """Add them to a server."""
    _add_search(server, source)
    _add_lead(server, source)
    _add_risk(server, source)
    _add_counts(server, source)


def _add_search(server: MCPServer[Any], source: ToolSource) -> None:
    model, address = source.model, source.address

    @server.tool(annotations=READS, structured_output=False)
    @explained
    async def find_leads(filters: Filters | None = None, limit: int = 20, cursor: str = "") -> Answer:
        """Find leads. All filters must fit; with none, all leads are listed.

        Filters are those of GET /v1/leads: stage (new, working, stalled, nurture, won, lost), origin, campaign,
        segment, owner, account, reason, track, pass, decision, stalled, at_risk, due_from, due_before, created_from,
        created_before, touched_from, touched_before, closed_from, closed_before, currency with amount_from and
        amount_below, human_delay_from, system_delay_from (such as 4h), step and without (steps of the funnel), begins
        (of lead_id), sort (created, touched, due, closed, amount; with - the largest first). Times are RFC 3339.
        `next` of an answer is the cursor of the next page.
        """
        asked = LeadParameters.model_validate(
            {**(filters or {}), "limit": min(limit, MOST_LEADS), "cursor": cursor or None}
        )
        page = await model.leads(asked.query, asked.cursor, asked.limit)
        leads = [_listed(lead, address) for lead in page.leads]
        link = address.of("/leads", **{name: _plain(value) for name, value in (filters or {}).items()})
        return answer(leads, link, total=page.total, next=page.next, as_of=_dumped(page.as_of))


def _add_lead(server: MCPServer[Any], source: ToolSource) -> None:
    model, address = source.model, source.address

    @server.tool(annotations=READS, structured_output=False)
    @explained
    async def get_lead(lead_id: str) -> Answer:
        """Get one lead with its story: what is known, what happened (the newest events), what is next and why."""
        found, why = await model.lead(lead_id), await _why(source, lead_id)
        if found is None:
            raise ToolError(_unknown(lead_id))
        story = [{"about": one["about"], "text": one["text"]} for one in why["sentences"]]
        return answer({"sentences": story, "lead": _dumped(found)}, address.of("/lead", id=lead_id))

    @server.tool(annotations=READS, structured_output=False)
    @explained
    async def explain_decision(lead_id: str) -> Answer:
        """Explain why a lead is where it is: rule, promises, gates, decisions, and what happens next and when."""
        return answer(await _why(source, lead_id), address.of("/lead", id=lead_id))


def _add_risk(server: MCPServer[Any], source: ToolSource) -> None:
    model, address = source.model, source.address

    @server.tool(annotations=READS, structured_output=False)
    @explained
    async def list_at_risk(owner: str = "", within_hours: float = 24, limit: int = 20) -> Answer:
        """List leads whose promise is overdue or breaks within so many hours, the next first; optionally of one owner.

        `broken` are leads whose promise is broken already and that sales can still save (decision ESCALATE).
        """
        if not 0 < within_hours <= MAX_HOURS:
            raise ToolError(f"within_hours: give a number above 0 and up to {MAX_HOURS}")
        until = rfc3339(instant(source.policy.wall_ms()) + timedelta(hours=within_hours))
        of_owner = {"owner": owner} if owner else {}
        due, broken = (
            LeadParameters.model_validate({**of_owner, **which, "limit": min(limit, MOST_LEADS)})
            for which in ({"due_before": until}, {"decision": "ESCALATE"})
        )
        waiting = await model.leads(due.query, None, due.limit)
        late = await model.leads(broken.query, None, broken.limit)
        data = {
            "due": [_listed(lead, address) for lead in waiting.leads],
            "broken": [_listed(lead, address) for lead in late.leads],
        }
        link = address.of("/leads", due_before=until, owner=owner)
        return answer(data, link, due=waiting.total, broken=late.total, as_of=_dumped(waiting.as_of))


def _add_counts(server: MCPServer[Any], source: ToolSource) -> None:
    model, address = source.model, source.address

    @server.tool(annotations=READS, structured_output=False)
    @explained
    async def funnel(
        by: FunnelGrouping = "origin", pass_no: PassLabel | None = None, limit: int = 50, cursor: str = ""
    ) -> Answer:
        """Count passes that reached each step of the funnel, by origin, campaign, owner, reason, cause or pass."""
        policy = source.policy.policy
        page = await grouped_funnel(model, policy, by, pass_no, cursor or None, max(1, min(limit, 100)))
        link = address.of("/funnel", by=by, **{"pass": pass_no})
        return answer([_dumped(row) for row in page.rows], link, total=_dumped(page.total), next=page.next)

    @server.tool(annotations=READS, structured_output=False)
    @explained
    async def overview() -> Answer:
        """How many leads stand where, and what waits today and in the next days, for whom."""
        return answer(_dumped(await model.overview(source.policy.wall_ms(), source.policy.zone)), address.of("/"))


async def _why(source: ToolSource, lead_id: str) -> Answer:
    if not 0 < len(lead_id) <= MAX_LEAD_ID:
        raise ToolError(f"lead_id: give 1 to {MAX_LEAD_ID} characters")
    found = await source.model.explanation(lead_id, source.policy, None)
    if found is None:
        raise ToolError(_unknown(lead_id))
    return _dumped(found)


def _unknown(lead_id: str) -> str:
    return f"no lead {lead_id[:64]!r} is known: find_leads with the filter begins finds ids by how they begin"


def _listed(lead: ApiModel, address: PageAddress) -> Answer:
    """A lead of a list, without what is empty."""
    fields = {name: value for name, value in _dumped(lead).items() if value is not None and value != ""}
    kept = {name: value for name, value in fields.items() if name not in _LIST_FIELDS}
    return {**kept, "page": address.of("/lead", id=fields["lead_id"])}


def _dumped(model: ApiModel | Any) -> Answer:
    dumped: Answer = model.model_dump(mode="json")
    return dumped


def _plain(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
