"""The command line's part about dead letters; each command loads what it needs."""

from typing import Annotated

import typer

dead_letters_cli = typer.Typer(no_args_is_help=True, help="Show what could not be used, and why, and send it again.")

ReasonOption = Annotated[str, typer.Option(metavar="REASON", help="Only those that were rejected for this reason")]
TopicOption = Annotated[str, typer.Option(metavar="TOPIC", help="Only those that came from this topic")]
SinceOption = Annotated[str, typer.Option(metavar="WHEN", help="From then on: ISO 8601, or how long ago (30m, 6h, 2d)")]
PlaceOption = Annotated[
    list[str] | None, typer.Option(metavar="PLACE", help="Only these: partition:offset, as the list shows; repeatable")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", metavar="", help="Only say what would be done")]


@dead_letters_cli.command("list")
def list_dead_letters(reason: ReasonOption = "", topic: TopicOption = "", since: SinceOption = "") -> None:
    """Show dead letters, one JSON line each."""
    from . import commands  # noqa: PLC0415

    commands.list_dead_letters(commands.DeadLetterQuery(reason, topic, since))


@dead_letters_cli.command("show")
def show(place: Annotated[str, typer.Argument(metavar="PLACE", help="partition:offset, as the list shows")]) -> None:
    """Show a dead letter, decoded as far as possible."""
    from . import commands  # noqa: PLC0415

    commands.show(place)


@dead_letters_cli.command("replay")
def replay(
    reason: ReasonOption = "",
    topic: TopicOption = "",
    since: SinceOption = "",
    place: PlaceOption = None,
    dry_run: DryRunOption = False,
    again: Annotated[bool, typer.Option("--again", metavar="", help="Also those that were replayed before")] = False,
) -> None:
    """Send dead letters again to the topic that they came from, once each."""
    from . import commands  # noqa: PLC0415

    query = commands.DeadLetterQuery(reason, topic, since, tuple(place or ()))
    commands.replay(query, dry_run=dry_run, include_replayed=again)
