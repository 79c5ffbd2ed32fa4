"""`leadloop report`, `leadloop lead ID`, `leadloop funnel`."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar, cast, get_args

import typer

from schemas.errors import UserError
from streams.runtime.logs import set_up_logging
from streams.runtime.settings import RedisSettings, ReportSettings
from workers.console import codec_of, err, explained, out

from . import api_models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streams.domain.policy import Policy

    from .queries import ReadModel


T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print the response of the API as JSON")]


@explained
def report() -> None:
    """Run a report process: serves the read model over HTTP (leads, funnel, recycles). Ends with SIGTERM."""
    from .run import run_report  # noqa: PLC0415  # each command loads what it needs

    settings = ReportSettings.from_env()
    set_up_logging(settings)
    run_report(settings, codec_of(settings), announce=lambda text: err.print(text, markup=False))


@explained
def lead(
    lead_id: Annotated[str, typer.Argument(metavar="ID", help="lead_id of the lead")], *, as_json: AsJson = False
) -> None:
    """Show one lead: its current state and its timeline."""
    from . import tables  # noqa: PLC0415

    found = query(lambda model: model.lead(lead_id))
    if found is None:
        raise UserError(f"no lead {lead_id} is known")
    if as_json:
        out.print(found.model_dump_json(indent=2), markup=False)
        return
    out.print(tables.lead(found))
    warn(found.as_of)


@explained
def funnel(
    by: Annotated[
        str, typer.Option(metavar="DIMENSION", help="Group by origin, campaign, owner, reason, cause or pass")
    ] = "origin",
    pass_label: Annotated[
        str, typer.Option("--pass", metavar="PASS", help="Only passes with this number: 1, 2, 3 or 4+")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show how many passes reached each step of the funnel, and the money of each currency."""
    from . import tables  # noqa: PLC0415
    from .cause_rows import grouped_funnel  # noqa: PLC0415

    _one_of("--by", by, get_args(api_models.FunnelGrouping))
    _one_of("--pass", pass_label, ("", *get_args(api_models.PassLabel)))
    label = cast("api_models.PassLabel | None", pass_label or None)
    grouping, policy = cast("api_models.FunnelGrouping", by), _policy() if by == "cause" else None
    found = query(lambda model: grouped_funnel(model, policy, grouping, label, None, 500))
    if as_json:
        out.print(found.model_dump_json(indent=2), markup=False)
        return
    tables.print_whole(tables.funnel(found), out)
    if hidden := tables.hidden_currencies(found):
        err.print(f"{hidden} more currencies have no column: --json has all.")
    if found.next:
        err.print(f"These are the first {len(found.rows)}; the API pages through all.")
    warn(found.as_of)


def _policy() -> "Policy | None":
    """The policy of LEADLOOP_POLICY_FILE; None: it is not set."""
    from .policy_in_use import PolicyInUse  # noqa: PLC0415

    return PolicyInUse(ReportSettings.from_env().policy_file).policy


def query(use: "Callable[[ReadModel], Awaitable[T]]") -> T:
    """Query the read model that the settings name.

    Raises:
        UserError: It is unavailable.
    """
    from workers.read_model.redis_clients import connect_async  # noqa: PLC0415

    from .generation_reader import ReadModelUnavailable  # noqa: PLC0415
    from .queries import ReadModel  # noqa: PLC0415

    settings = RedisSettings.from_env()

    async def query() -> T:
        model = ReadModel(connect_async(settings.redis_url), settings.app_id, codec_of(settings))
        try:
            return await use(model)
        finally:
            await model.close()

    try:
        return asyncio.run(query())
    except ReadModelUnavailable as error:
        raise UserError(str(error)) from error


def warn(as_of: api_models.AsOf) -> None:
    """Print a warning if the read model is not up to date."""
    from . import tables  # noqa: PLC0415

    if text := tables.warning(as_of, datetime.now(UTC)):
        err.print(text, markup=False)


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UserError(f"{option} {value} is none of {', '.join(one for one in allowed if one)}")
