"""The commands about dead letters; each command imports what it needs."""

from enum import StrEnum
from typing import Annotated

import typer


class ReplayedThrough(StrEnum):
    """What dead letters pass before they are published again."""

    MAPPING = "mapping"


dead_letters_cli = typer.Typer(no_args_is_help=True, help="List, show and replay dead letters.")

ReasonOption = Annotated[str, typer.Option(metavar="REASON", help="Only dead letters with this reason")]
TopicOption = Annotated[str, typer.Option(metavar="TOPIC", help="Only dead letters from this topic")]
SinceOption = Annotated[
    str, typer.Option(metavar="WHEN", help="Start of the time range: ISO 8601, or how long ago (30m, 6h, 2d)")
]
PlaceOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PLACE", help="Only the dead letter at partition:offset, as printed by `list`; repeatable"),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", metavar="", help="Only print what would be replayed")]


@dead_letters_cli.command("list")
def list_dead_letters(reason: ReasonOption = "", topic: TopicOption = "", since: SinceOption = "") -> None:
    """List dead letters as JSON lines."""
    from . import commands  # noqa: PLC0415

    commands.list_dead_letters(commands.DeadLetterQuery(reason, topic, since))


@dead_letters_cli.command("show")
def show(place: Annotated[str, typer.Argument(metavar="PLACE", help="partition:offset, as printed by `list`")]) -> None:
    """Show one dead letter, decoded as far as possible."""
    from . import commands  # noqa: PLC0415

    commands.show(place)


@dead_letters_cli.command("replay")
def replay(
    reason: ReasonOption = "",
    topic: TopicOption = "",
    since: SinceOption = "",
    place: PlaceOption = None,
    dry_run: DryRunOption = False,
    again: Annotated[
        bool, typer.Option("--again", metavar="", help="Also replay dead letters that were already replayed")
    ] = False,
    through: Annotated[
        ReplayedThrough | None,
        typer.Option(
            metavar="mapping",
            help="mapping: convert dead letters of webhooks to facts by the current mapping (LEADLOOP_WEBHOOKS_FILE)",
        ),
    ] = None,
) -> None:
    """Publish dead letters again, once each: to the topic that they came from, or as the facts of a webhook."""
    from . import commands  # noqa: PLC0415

    query = commands.DeadLetterQuery(reason, topic, since, tuple(place or ()))
    run = commands.replay if through is None else commands.replay_through_mapping
    run(query, dry_run=dry_run, include_replayed=again)
