"""What the commands about policies do."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from workers.console import err, explained, out, text_of


@explained
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Policy file, such as deploy/config/policy.yml")],
    endpoints: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Endpoints file: also report tracks that no endpoint takes")
    ] = None,
) -> None:
    """Check a policy file; report every error and every doubtful value with its line and how to fix it."""
    from streams.policy_file import parse_policy, policy_warnings  # noqa: PLC0415  # each command loads what it needs

    text, name = text_of(file), str(file)
    policy = parse_policy(text, name)
    accepts = None if endpoints is None else _accepts(endpoints)
    warnings = policy_warnings(text, name, accepts=accepts, today=datetime.now(UTC).date())
    for warning in warnings:
        err.print(f"warning: {name}:{warning}", markup=False)
    doubts = f", with {len(warnings)} warning{'s' * (len(warnings) != 1)}" if warnings else ""
    out.print(f"{file}: policy {policy.version} (digest {policy.digest}) is valid{doubts}", markup=False)


def _accepts(file: Path) -> Callable[[str, str], bool]:
    """Whether any endpoint of the file takes a RECYCLE of this reason and track."""
    from workers.delivery.endpoints import parse_endpoints  # noqa: PLC0415  # each command loads what it needs

    _, endpoints = parse_endpoints(text_of(file), str(file))
    return lambda reason, track: any(endpoint.target.may_take(reason, track) for endpoint in endpoints)
