"""What the commands about policies do."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UserError
from streams.domain.policy import Policy
from streams.runtime.settings import ReportSettings
from workers.console import codec_of, err, explained, out, text_of
from workers.report.commands import AsJson, query, warn
from workers.time_options import time_zone


@explained
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Policy file, such as deploy/config/policy.yml")],
    endpoints: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Endpoints file: also report tracks that no endpoint takes")
    ] = None,
    history: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="File or folder of a history: also report its reasons that the policy does not name; repeatable",
        ),
    ] = None,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Mapping of the history's columns (docs/mapping.md); repeatable"),
    ] = None,
) -> None:
    """Check a policy file; report every error and every doubtful value with its line and how to fix it."""
    from streams.policy_file import parse_policy, policy_warnings  # noqa: PLC0415  # each command loads what it needs

    from .history_reasons import history_reasons  # noqa: PLC0415

    text, name = text_of(file), str(file)
    policy = parse_policy(text, name)
    accepts = None if endpoints is None else _accepts(endpoints)
    reported = history_reasons(history or (), mapping or ())
    warnings = policy_warnings(text, name, accepts=accepts, today=datetime.now(UTC).date(), reported=reported)
    for warning in warnings:
        err.print(f"warning: {name}:{warning}", markup=False)
    doubts = f", with {len(warnings)} warning{'s' * (len(warnings) != 1)}" if warnings else ""
    out.print(f"{file}: policy {policy.version} (digest {policy.digest}) is valid{doubts}", markup=False)


@explained
def explain(
    lead_id: Annotated[str, typer.Argument(metavar="LEAD", help="lead_id of the lead")],
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Policy file; default: that of LEADLOOP_POLICY_FILE")
    ] = None,
    timezone: Annotated[
        str, typer.Option(metavar="ZONE", help="Time zone of the text; default: that of a calendar of the policy")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Explain a lead in sentences: its rule, promises, gates and decisions, and what happens next and when."""
    from workers.report import tables  # noqa: PLC0415
    from workers.report.policy_in_use import PolicyInUse  # noqa: PLC0415

    zone = time_zone(timezone, "--timezone") if timezone else None
    settings = ReportSettings.from_env()
    in_use = PolicyInUse(policy or settings.policy_file, settings.clock)
    found = query(lambda model: model.explanation(lead_id, in_use, zone))
    if found is None:
        raise UserError(f"no lead {lead_id} is known")
    if as_json:
        out.print(found.model_dump_json(indent=2), markup=False)
        return
    out.print(tables.explanation(found))
    warn(found.as_of)


@explained
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="Policy file that is in force")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Policy file in its place")],
    *,
    read_model: Annotated[
        bool,
        typer.Option("--read-model", metavar="", help="Also count the leads that would fall due at once (REDIS_URL)"),
    ] = False,
) -> None:
    """Print what differs between two policies, in sentences. Exit code 0: nothing, 1: something, 2: an error."""
    from streams.policy_file.policy_document import read_policy  # noqa: PLC0415  # each command loads what it needs

    from .diff.policy_differences import policy_differences  # noqa: PLC0415

    old, new = (read_policy(text_of(file), str(file)) for file in (before, after))
    found = policy_differences(old, new, datetime.now(UTC).date())
    for line, text in found:
        out.print(f"{after}:{line}: {text}", markup=False)
    if not found:
        out.print(f"{before} and {after} mean the same", markup=False)
    elif old.policy.version == new.policy.version:
        err.print(f"both have the version {new.policy.version!r}: give {after} another one", markup=False)
    if read_model:
        _print_impact(old.policy, new.policy)
    raise typer.Exit(1 if found else 0)


def _print_impact(before: Policy, after: Policy) -> None:
    """Count and print the leads of the read model that would fall due at once."""
    from workers.report.policy_in_use import PolicyInUse  # noqa: PLC0415

    from .impact import ImpactCount, impact_of  # noqa: PLC0415
    from .impact_table import impact_summary, impact_table, progress_bar  # noqa: PLC0415

    settings = ReportSettings.from_env()
    clock = PolicyInUse(None, settings.clock)
    counting = ImpactCount(before, after, codec_of(settings))
    with progress_bar(err) as progress:
        impact = query(lambda model: impact_of(model, counting, clock.now, progress))
    if impact.due:
        out.print(impact_table(impact))
    out.print(impact_summary(impact), markup=False)


def _accepts(file: Path) -> Callable[[str, str], bool]:
    """Whether any endpoint of the file takes a RECYCLE of this reason and track."""
    from workers.delivery.endpoints import parse_endpoints  # noqa: PLC0415  # each command loads what it needs

    _, endpoints = parse_endpoints(text_of(file), str(file))
    return lambda reason, track: any(endpoint.target.may_take(reason, track) for endpoint in endpoints)
