"""The command line: reads settings, wires, calls; what is said to people is said here."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from confluent_kafka import KafkaException
from rich.console import Console

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.registry import NotRegistered, RegistryUnavailable
from schemas.registry import Refused as RegistryRefused
from schemas.topics import TOPICS
from streams.config.documents import Faults
from streams.config.settings import Settings, SettingsFault
from workers import tail as tailing
from workers.admin import BrokerUnavailable
from workers.demo.broker import NoEmbeddedBroker
from workers.imports.faults import ImportFault

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Leadloop: sees a lead go cold, hands it back to marketing, and takes it back the moment it moves.",
)
topics_cli = typer.Typer(no_args_is_help=True, help="The Kafka topics.")
schemas_cli = typer.Typer(no_args_is_help=True, help="The schemas of what travels.")
policy_cli = typer.Typer(no_args_is_help=True, help="The policy: promises, reasons, limits.")
cli.add_typer(topics_cli, name="topics")
cli.add_typer(schemas_cli, name="schemas")
cli.add_typer(policy_cli, name="policy")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

P = ParamSpec("P")


class Refused(Exception):
    """What was asked cannot be done. The text says why, and what to do."""


FAULTS = (
    SettingsFault,
    Refused,
    Faults,
    ImportFault,
    RegistryUnavailable,
    RegistryRefused,
    NotRegistered,
    BrokerUnavailable,
    NoEmbeddedBroker,
    tailing.NoTopic,
)


def _explained(command: Callable[P, None]) -> Callable[P, None]:
    """Faults that a user can mend are told in words and end with 2; all others are bugs and show themselves."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except FAULTS as fault:
            err.print(str(fault), markup=False)
            raise typer.Exit(2) from None
        except KafkaException as fault:
            err.print(f"Kafka says no: {fault.args[0].str()}. Is KAFKA_BOOTSTRAP_SERVERS right?", markup=False)
            raise typer.Exit(2) from None
        except ModuleNotFoundError as fault:
            err.print(f"{fault}: install leadloop[registry], or to check schemas leadloop[dev]", markup=False)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return run


def _settings() -> Settings:
    settings = Settings.from_env()
    if not settings.kafka.bootstrap_servers:
        raise Refused("KAFKA_BOOTSTRAP_SERVERS is not set: give host:port of a broker, or run `leadloop demo`")
    return settings


@cli.command()
@_explained
def streams() -> None:
    """Run a streams worker: the part that keeps every lead's truth (a process of its own, by Faust)."""
    _settings()
    os.execv(sys.executable, [sys.executable, "-m", "streams"])  # noqa: S606  the worker takes this process over


@cli.command()
@_explained
def tail(
    topic: Annotated[list[str] | None, typer.Argument(help="All but snapshots and heartbeats if none")] = None,
    lead: Annotated[str, typer.Option(help="Only records of this lead_id")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as records come")] = False,
) -> None:
    """Show what travels, one JSON line a record; what concerns one lead in the order of events."""
    unknown = set(topic or ()) - set(TOPICS)
    if unknown:
        raise Refused(f"no such topic: {', '.join(sorted(unknown))}. There are: {', '.join(TOPICS)}")
    settings = _settings()
    names = topic or [name for name in TOPICS if name not in {"lead-snapshots", "stream-heartbeats"}]
    with suppress(BrokenPipeError):
        shown = tailing.read(
            settings.kafka.librdkafka(),
            _codec(settings),
            names,
            settings.topic_prefix,
            is_following=follow,
        )
        if lead:
            found = (row for row in shown if lead in (row.get("lead_id"), row["key"]))
            shown = found if follow else iter(sorted(found, key=lambda row: row.get("occurred_at", "")))
        for row in shown:
            print(tailing.as_line(row), flush=follow)


@cli.command("import")
@_explained
def import_(
    files: Annotated[list[Path] | None, typer.Argument(help="CSV and JSONL files, or folders of them")] = None,
    mapping: Annotated[list[Path] | None, typer.Option(help="What columns mean (docs/mapping.md); repeatable")] = None,
    part: Annotated[bool, typer.Option("--part", help="Only a part of a history: send no heartbeat")] = False,
    until: Annotated[str, typer.Option(help="Everything up to then is in: ISO 8601, UTC if it names no zone")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 when a row was rejected")] = False,
    rejects: Annotated[Path, typer.Option(help="Where rejected rows go")] = Path("rejects.jsonl"),
) -> None:
    """Bring the history of leads in from files. Importing twice changes nothing."""
    from workers.imports.mapping import parse_mapping  # noqa: PLC0415  # each command loads what it needs
    from workers.imports.report import ImportBar  # noqa: PLC0415
    from workers.imports.request import Request  # noqa: PLC0415
    from workers.imports.run import run_import  # noqa: PLC0415

    settings = _settings()
    request = Request(
        files=files or (),
        mappings=[parse_mapping(_text(path), path.name) for path in mapping or ()],
        part=part,
        until=_instant(until) if until else None,
        rejects=rejects,
    )
    with ImportBar(err) as bar:
        summary = run_import(
            request,
            settings.kafka.librdkafka(),
            _codec(settings).encode,
            prefix=settings.topic_prefix,
            on_progress=bar,
        )
    out.print(str(summary), markup=False)
    raise typer.Exit(summary.exit_code(strict=strict))


@cli.command()
@_explained
def demo(
    data: Annotated[Path | None, typer.Option(help="Your own files (a folder or one file) instead")] = None,
    mapping: Annotated[list[Path] | None, typer.Option(help="What their columns mean; repeatable")] = None,
    policy: Annotated[Path | None, typer.Option(help="A policy of your own")] = None,
    speed: Annotated[int, typer.Option(min=0, help="Facts a second; 0: as fast as it goes")] = 1600,
    leads: Annotated[int, typer.Option(min=1, max=50_000, help="Size of the generated history")] = 5_000,
    seed: Annotated[int, typer.Option(help="Of the generated history")] = 1,
    stay: Annotated[bool, typer.Option("--stay", help="Keep everything up at the end, to look around")] = False,
) -> None:
    """Watch leads go cold and come back: the whole loop on this machine, with a broker of its own."""
    from workers.demo.publishing import Asked  # noqa: PLC0415
    from workers.demo.run import DemoFailed, run  # noqa: PLC0415

    try:
        run(Asked(data, tuple(mapping or ()), policy, speed, leads, seed, stay), Console(highlight=False))
    except DemoFailed as failed:
        raise Refused(str(failed)) from failed


@topics_cli.command("create")
@_explained
def topics_create() -> None:
    """Create the topics that are missing, and check those that exist (partitions, policies)."""
    from workers import admin  # noqa: PLC0415

    settings = _settings()
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
@_explained
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
@_explained
def schemas_push() -> None:
    """Register the schemas at the registry (subject strategy TOPIC)."""
    from workers import admin  # noqa: PLC0415

    settings = Settings.from_env()
    if settings.registry is None:
        raise Refused("SCHEMA_REGISTRY_URL is not set: name the registry to push to")
    for pushed in admin.push_schemas(settings.registry, settings.topic_prefix):
        out.print(f"{pushed.subject}: version {pushed.version}, id {pushed.id}", markup=False)


@policy_cli.command("check")
@_explained
def policy_check(file: Path) -> None:
    """Read a policy file and name every fault, with its line and what to write instead."""
    from streams.domain.policy import parse_policy  # noqa: PLC0415

    policy = parse_policy(_text(file), str(file))
    out.print(f"{file}: policy {policy.version} is fine", markup=False)


def _codec(settings: Settings) -> Codec:
    if settings.registry is None:
        return Codec(Catalogue.bundled())
    return Codec(Catalogue.from_registry(settings.registry, settings.topic_prefix))


def _instant(text: str) -> int:
    """Epoch ms of an ISO 8601 text."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"--until {text} is no time: write 2026-03-16 or 2026-03-16T09:30:00Z") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read: {error}") from error


def main() -> None:
    """Entry point of the console script."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    cli()


if __name__ == "__main__":
    main()
