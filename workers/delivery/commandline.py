"""The commands about endpoints and deliveries; each command imports what it needs."""

from pathlib import Path
from typing import Annotated

import typer

endpoints_cli = typer.Typer(
    no_args_is_help=True, help="Check, list, test, pause and resume the endpoints of recycle events and escalations."
)
deliveries_cli = typer.Typer(no_args_is_help=True, help="List deliveries, and replay those that failed.")

Named = Annotated[str, typer.Argument(metavar="NAME", help="Name of an endpoint in endpoints.yml")]
Why = Annotated[str, typer.Option(metavar="TEXT", help="Reason, shown by `endpoints list`")]
EndpointOption = Annotated[str, typer.Option(metavar="NAME", help="Only deliveries to this endpoint")]
Since = Annotated[
    str, typer.Option(metavar="WHEN", help="Start of the time range: ISO 8601, or how long ago (30m, 6h, 2d)")
]
Until = Annotated[str, typer.Option(metavar="WHEN", help="End of the time range, in the same format")]
State = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STATE", help="Newest outcome: accepted, no_op, refused, unverified, retry, dead, expired; repeatable"
    ),
]
Watch = Annotated[bool, typer.Option("--watch", metavar="", help="Print progress until all replayed ones have ended")]
DryRun = Annotated[bool, typer.Option("--dry-run", metavar="", help="Only print what would be replayed")]
EndpointsAsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON line for each endpoint")]


def deliver() -> None:
    """Run a deliver worker: delivers events to marketing and sales tools (endpoints.yml). Ends with SIGTERM."""
    from . import commands  # noqa: PLC0415

    commands.deliver()


@endpoints_cli.command("check")
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Endpoints file; default: LEADLOOP_ENDPOINTS_FILE")
    ] = None,
) -> None:
    """Check an endpoints file; report every error with its line and how to fix it."""
    from . import commands  # noqa: PLC0415

    commands.check(file)


@endpoints_cli.command("list")
def list_endpoints(*, as_json: EndpointsAsJson = False) -> None:
    """List the endpoints: state, circuit, backlog, what it waits for, and when it will be gone."""
    from . import list_commands  # noqa: PLC0415

    list_commands.listed(as_json=as_json)


@endpoints_cli.command("test")
def try_out(
    name: Named,
    lead: Annotated[str, typer.Option(metavar="ID", help="lead_id of the sample event")] = "leadloop-test",
    track: Annotated[str, typer.Option(metavar="TRACK", help="Track of the sample event")] = "nurture",
) -> None:
    """Send one sample event, marked as a test, to an endpoint and show the outcome."""
    from . import commands  # noqa: PLC0415

    commands.tested(name, lead, track)


@endpoints_cli.command("pause")
def pause(name: Named, why: Why = "") -> None:
    """Stop deliveries to an endpoint; its events wait."""
    from . import commands  # noqa: PLC0415

    commands.stand(name, "paused", why)


@endpoints_cli.command("resume")
def resume(name: Named, why: Why = "") -> None:
    """Resume deliveries to an endpoint that is paused or disabled."""
    from . import commands  # noqa: PLC0415

    commands.stand(name, "active", why)


@deliveries_cli.command("list")
def list_deliveries(endpoint: EndpointOption = "", since: Since = "", until: Until = "", state: State = None) -> None:
    """List deliveries with their newest outcome, as JSON lines."""
    from . import history_commands  # noqa: PLC0415

    history_commands.listed(endpoint, since, until, state or ())


@deliveries_cli.command("waiting")
def waiting_deliveries(endpoint: EndpointOption = "") -> None:
    """List deliveries that wait: for what, since when, until when; as JSON lines."""
    from . import list_commands  # noqa: PLC0415

    list_commands.waiting(endpoint)


@deliveries_cli.command("replay")
def replay_deliveries(
    endpoint: EndpointOption = "",
    since: Since = "",
    until: Until = "",
    state: State = None,
    dry_run: DryRun = False,
    watch: Watch = False,
) -> None:
    """Repeat dead deliveries, or those of --state. An accepted delivery is never sent again."""
    from . import history_commands  # noqa: PLC0415

    history_commands.replayed(endpoint, since, until, state or (), dry_run=dry_run, is_watched=watch)
