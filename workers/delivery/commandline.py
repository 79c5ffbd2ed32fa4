"""The command line's part about endpoints and deliveries; each command loads what it needs."""

from pathlib import Path
from typing import Annotated

import typer

endpoints_cli = typer.Typer(
    no_args_is_help=True, help="Check, try, pause and resume the endpoints that recycle events go to."
)
deliveries_cli = typer.Typer(
    no_args_is_help=True, help="Show what became of deliveries, and try again what did not arrive."
)

Named = Annotated[str, typer.Argument(metavar="NAME", help="Of an endpoint in endpoints.yml")]
Why = Annotated[str, typer.Option(metavar="WORDS", help="Shown by `list`")]
EndpointOption = Annotated[str, typer.Option(metavar="NAME", help="Only of this endpoint")]
Since = Annotated[str, typer.Option(metavar="WHEN", help="From then on: ISO 8601, or how long ago (30m, 6h, 2d)")]
Until = Annotated[str, typer.Option(metavar="WHEN", help="Up to then")]
State = Annotated[
    list[str] | None,
    typer.Option(metavar="STATE", help="accepted, no_op, refused, unverified, retry, dead; repeatable"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", metavar="", help="Only say what would be done")]


def deliver() -> None:
    """Run a deliver worker: it brings recycle events to marketing tools (endpoints.yml)."""
    from . import commands  # noqa: PLC0415

    commands.deliver()


@endpoints_cli.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Else LEADLOOP_ENDPOINTS_FILE")] = None,
) -> None:
    """Read endpoints.yml and name every fault, with its line and what to write instead."""
    from . import commands  # noqa: PLC0415

    commands.check(file)


@endpoints_cli.command("list")
def list_endpoints() -> None:
    """Show the endpoints and whether they are paused or disabled."""
    from . import commands  # noqa: PLC0415

    commands.listed()


@endpoints_cli.command("test")
def try_out(
    name: Named,
    lead: Annotated[str, typer.Option(metavar="ID", help="The lead that the sample is about")] = "leadloop-test",
    track: Annotated[str, typer.Option(metavar="TRACK", help="The track that it asks for")] = "nurture",
) -> None:
    """Send a sample to an endpoint, once, and show its outcome."""
    from . import commands  # noqa: PLC0415

    commands.tested(name, lead, track)


@endpoints_cli.command("pause")
def pause(name: Named, why: Why = "") -> None:
    """Leave an endpoint alone; what is for it waits."""
    from . import commands  # noqa: PLC0415

    commands.stand(name, "paused", why)


@endpoints_cli.command("resume")
def resume(name: Named, why: Why = "") -> None:
    """Deliver again to an endpoint that is paused or disabled."""
    from . import commands  # noqa: PLC0415

    commands.stand(name, "active", why)


@deliveries_cli.command("list")
def list_deliveries(endpoint: EndpointOption = "", since: Since = "", until: Until = "", state: State = None) -> None:
    """Show how deliveries stand, one JSON line each."""
    from . import history_commands  # noqa: PLC0415

    history_commands.listed(endpoint, since, until, state or ())


@deliveries_cli.command("replay")
def replay_deliveries(
    endpoint: EndpointOption = "", since: Since = "", until: Until = "", state: State = None, dry_run: DryRun = False
) -> None:
    """Try again what is dead (or as --state says). What was accepted is never sent again."""
    from . import history_commands  # noqa: PLC0415

    history_commands.replayed(endpoint, since, until, state or (), dry_run=dry_run)
