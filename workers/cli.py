"""The command line: reads the settings, builds what a command needs, and prints the results."""

import os
import signal
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from schemas.errors import UserError
from schemas.topics import TOPICS
from streams.runtime.settings import ProcessSettings, StreamsSettings, TopicsSettings
from workers import tail as tailing
from workers.audit import commands as audit_commands
from workers.console import codec_of, err, explained, out, settings_with_broker
from workers.contract import commands as contract_commands
from workers.dead_letters.commandline import dead_letters_cli
from workers.delivery import commandline as delivery
from workers.doctor import commands as doctor_commands
from workers.imports import commandline as import_commands
from workers.ingest import commands as ingest_commands
from workers.mcp_server import commands as mcp_commands
from workers.policies import commands as policy_commands
from workers.projection import commands as projection_commands
from workers.record_check import commands as record_check_commands
from workers.report import commands as report_commands
from workers.time_options import time_zone

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Leadloop: detects stalled leads, recycles them to marketing, revokes the recycle when a lead moves again.",
)
INSPECT, PROCESSES, SET_UP, FAILURES = "Try and inspect", "Processes", "Set up and import", "Failures"
"""The headings of the command list."""

topics_cli = typer.Typer(no_args_is_help=True, help="Create and check the Kafka topics.")
schemas_cli = typer.Typer(no_args_is_help=True, help="Check and register the Avro schemas of all records.")
policy_cli = typer.Typer(no_args_is_help=True, help="Check and compare policies, and explain what follows from one.")


@cli.command(rich_help_panel=INSPECT)
@explained
def demo(
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Your own files (a folder, or one file); needs --mapping")
    ] = None,
    mapping: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Mapping of their columns (docs/mapping.md); repeatable")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your policy file; default: the bundled policy")
    ] = None,
    speed: Annotated[int, typer.Option(metavar="N", min=0, help="Facts per second; 0: as fast as possible")] = 1600,
    leads: Annotated[
        int, typer.Option(metavar="N", min=1, max=50_000, help="Number of leads in the generated history")
    ] = 5_000,
    seed: Annotated[
        int,
        typer.Option(metavar="N", help="Seed of the generated history: the same seed and end give the same history"),
    ] = 1,
    stay: Annotated[bool, typer.Option("--stay", metavar="", help="Keep all processes running at the end")] = False,
    until: Annotated[
        datetime | None,
        typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="The generated history ends then; default: today"),
    ] = None,
) -> None:
    """Run the whole loop on this machine, with an embedded broker and a generated history."""
    from workers.demo.publishing import DemoOptions  # noqa: PLC0415
    from workers.demo.run import run  # noqa: PLC0415

    run(DemoOptions(data, tuple(mapping or ()), policy, speed, leads, seed, stay, until), Console(highlight=False))


@cli.command(rich_help_panel=PROCESSES)
@explained
def streams() -> None:
    """Run a streams worker: keeps the state of every lead, detects stalls, emits decisions. Ends with SIGTERM."""
    settings_with_broker(StreamsSettings)
    os.execv(sys.executable, [sys.executable, "-m", "streams"])  # noqa: S606  the worker takes this process over


@cli.command(rich_help_panel=INSPECT)
@explained
def tail(
    topic: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC", help="Topics to read; default: all except snapshots and heartbeats"),
    ] = None,
    lead: Annotated[str, typer.Option(metavar="ID", help="Only records of this lead_id")] = "",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", metavar="", help="Continue with new records as they arrive")
    ] = False,
    timezone: Annotated[
        str, typer.Option(metavar="ZONE", help="Time zone of the lines, such as Europe/Berlin")
    ] = "UTC",
    *,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print all fields as JSON lines")] = False,
) -> None:
    """Print one line for each record; with --lead, sorted by event time."""
    zone = time_zone(timezone, "--timezone")
    unknown = set(topic or ()) - set(TOPICS)
    if unknown:
        raise UserError(f"no such topic: {', '.join(sorted(unknown))}. There are: {', '.join(TOPICS)}")
    settings = settings_with_broker(ProcessSettings)
    names = topic or [name for name in TOPICS if name not in {"lead-snapshots", "stream-heartbeats"}]
    with suppress(BrokenPipeError):
        rows = tailing.read(
            settings.kafka.librdkafka(),
            codec_of(settings),
            names,
            settings.topic_prefix,
            is_following=follow,
        )
        if lead:
            found = (row for row in rows if lead in (row.get("lead_id"), row["key"]))
            rows = found if follow else iter(sorted(found, key=lambda row: str(row.get("occurred_at", ""))))
        for row in rows:
            print(tailing.as_json(row) if as_json else tailing.as_text(row, zone), flush=follow)


@topics_cli.command("create")
@explained
def topics_create() -> None:
    """Create missing topics, and check existing ones (partitions, retention, cleanup policy)."""
    from workers import admin  # noqa: PLC0415

    settings = settings_with_broker(TopicsSettings)
    with err.status(Text(f"querying Kafka at {settings.kafka.bootstrap_servers}")):
        report = admin.create_topics(
            settings.kafka.librdkafka(),
            partitions=settings.partitions,
            replication=settings.replication,
            prefix=settings.topic_prefix,
            app_id=settings.app_id,
        )
    for name in report.created:
        out.print(f"created  {name}", markup=False)
    for name in report.present:
        out.print(f"exists   {name}", markup=False)
    for fault in report.faults:
        err.print(f"fault    {fault}", markup=False)
    if report.faults:
        raise typer.Exit(1)


@schemas_cli.command("check")
@explained
def schemas_check() -> None:
    """Check every schema against all its released versions (Apache Avro's own checker)."""
    from workers import admin  # noqa: PLC0415

    faults = admin.check_schemas()
    for fault in faults:
        err.print(fault, markup=False)
    if faults:
        raise typer.Exit(1)
    out.print("schemas: compatible with every released version")


@schemas_cli.command("push")
@explained
def schemas_push() -> None:
    """Register all released schema versions in the schema registry."""
    from workers import admin  # noqa: PLC0415

    settings = ProcessSettings.from_env()
    if settings.registry is None:
        raise UserError("SCHEMA_REGISTRY_URL is not set: name the registry to push to")
    with err.status("querying the schema registry"):
        pushes = admin.push_schemas(settings.registry, settings.topic_prefix)
    for pushed in pushes:
        out.print(f"{pushed.subject}: version {pushed.version}, id {pushed.id}", markup=False)


keys_cli = typer.Typer(no_args_is_help=True, help="Create API keys for upstream systems and readers.")
webhooks_cli = typer.Typer(no_args_is_help=True, help="Check the webhooks file.")
mapping_cli = typer.Typer(no_args_is_help=True, help="Write the mapping of your files.")
mapping_cli.command("new")(import_commands.mapping_new)
schemas_cli.command("export")(contract_commands.export)
policy_cli.command("check")(policy_commands.check)
policy_cli.command("explain")(policy_commands.explain)
policy_cli.command("diff")(policy_commands.diff)
keys_cli.command("new")(ingest_commands.keys_new)
webhooks_cli.command("check")(ingest_commands.webhooks_check)

cli.command("import", rich_help_panel=SET_UP)(import_commands.import_)
cli.command("lead", rich_help_panel=INSPECT)(report_commands.lead)
cli.command("funnel", rich_help_panel=INSPECT)(report_commands.funnel)
cli.command("audit", rich_help_panel=INSPECT)(audit_commands.audit)
cli.command("check-record", rich_help_panel=INSPECT)(record_check_commands.check_record)
cli.command("doctor", rich_help_panel=INSPECT)(doctor_commands.doctor)
cli.command("ingest", rich_help_panel=PROCESSES)(ingest_commands.ingest)
cli.command("deliver", rich_help_panel=PROCESSES)(delivery.deliver)
cli.command("project", rich_help_panel=PROCESSES)(projection_commands.project)
cli.command("report", rich_help_panel=PROCESSES)(report_commands.report)
cli.command("mcp", rich_help_panel=PROCESSES)(mcp_commands.mcp)
cli.add_typer(mapping_cli, name="mapping", rich_help_panel=SET_UP)
cli.add_typer(topics_cli, name="topics", rich_help_panel=SET_UP)
cli.add_typer(schemas_cli, name="schemas", rich_help_panel=SET_UP)
cli.add_typer(policy_cli, name="policy", rich_help_panel=SET_UP)
cli.add_typer(keys_cli, name="keys", rich_help_panel=SET_UP)
cli.add_typer(webhooks_cli, name="webhooks", rich_help_panel=SET_UP)
cli.add_typer(delivery.endpoints_cli, name="endpoints", rich_help_panel=SET_UP)
cli.add_typer(delivery.deliveries_cli, name="deliveries", rich_help_panel=FAILURES)
cli.add_typer(dead_letters_cli, name="dead-letters", rich_help_panel=FAILURES)


def main() -> None:
    """Run the command of the command line."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    cli()


if __name__ == "__main__":
    main()
