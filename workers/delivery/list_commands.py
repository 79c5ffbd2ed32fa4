"""`leadloop endpoints list` and `leadloop deliveries waiting`."""

import json
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from schemas.instants import iso
from schemas.names import deliver_group
from streams.runtime.settings import DeliverSettings
from workers.console import codec_of, err, explained, out, settings_with_broker

from .backlog import Backlog, BacklogDelivery, read_backlog
from .configuration import endpoints_of
from .endpoint_report import EndpointReport, report_on
from .operations import named
from .runtime.endpoint_states import read_states
from .target import Endpoint


@explained
def listed(*, as_json: bool) -> None:
    """Show how the endpoints stand, and what waits for them."""
    settings = settings_with_broker(DeliverSettings)
    document, endpoints = endpoints_of(settings)
    reports, backlog = reports_of(settings, endpoints)
    if as_json:
        for one in reports:
            out.print(json.dumps(one.row(), ensure_ascii=False), markup=False)
        if backlog.unread:
            err.print(_unread(backlog), markup=False)
        return
    out.print(_table(reports, {name: target.kind for name, target in document.endpoints.items()}))
    for line in _remarks(reports, backlog):
        out.print(line, markup=False)


@explained
def waiting(endpoint: str) -> None:
    """Print one JSON line for each delivery that waits: for what, since when, until when."""
    settings = settings_with_broker(DeliverSettings)
    _, endpoints = endpoints_of(settings)
    if endpoint:
        named(endpoints, endpoint)
    backlog = _backlog(settings)
    for one in sorted(backlog.waiting, key=lambda each: (each.due_since, each.event_id)):
        if endpoint in ("", one.endpoint):
            out.print(json.dumps(_row(one), ensure_ascii=False), markup=False)
    if backlog.unread:
        err.print(_unread(backlog), markup=False)


def reports_of(settings: DeliverSettings, endpoints: Sequence[Endpoint]) -> tuple[list[EndpointReport], Backlog]:
    """A report on each endpoint, and the backlog that they are about."""
    backlog = _backlog(settings)
    states = read_states(settings.kafka.librdkafka(), codec_of(settings), settings.topic_prefix)
    return [report_on(one, states.latest(one.name), backlog) for one in endpoints], backlog


def _backlog(settings: DeliverSettings) -> Backlog:
    group = deliver_group(settings.app_id, settings.topic_prefix)
    return read_backlog(settings.kafka.librdkafka(), codec_of(settings), settings.topic_prefix, group)


def _table(reports: Iterable[EndpointReport], kinds: dict[str, str]) -> Table:
    columns = ("endpoint", "kind", "status", "circuit", "due", "later", "oldest", "next attempt", "done")
    table = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for one in reports:
        counts = f"{one.due:,}", f"{one.later:,}"
        cells = one.name, kinds[one.name], one.status, one.circuit, *counts
        table.add_row(*map(Text, (*cells, one.oldest, one.next_attempt, one.done)))
    return table


def _remarks(reports: Iterable[EndpointReport], backlog: Backlog) -> list[str]:
    lines = []
    for one in reports:
        said = one.declared
        if said.state != "active":
            by, why = f" by {said.by}" if said.by else "", f": {said.why}" if said.why else ""
            lines.append(f"{one.name}: {said.state} for {one.ago(said.occurred_at)}{by}{why}")
        lines += [
            f"{one.name}: {text}" for text in (one.cause, one.waits_for and f"due and waits: {one.waits_for}") if text
        ]
    return lines + ([_unread(backlog)] if backlog.unread else [])


def _unread(backlog: Backlog) -> str:
    return f"{backlog.unread:,} events were not consumed by deliver yet: check that it runs (`leadloop doctor`)"


def _row(one: BacklogDelivery) -> dict[str, object]:
    instants = {"blocked_since": one.blocked_since, "due_since": one.due_since, "next_attempt": one.due_at}
    return {
        "endpoint": one.endpoint,
        "lead_id": one.lead_id,
        "id": one.event_id,
        "action": one.action,
        "replay": one.replay,
        "attempts": one.attempts,
        "blocked_on": one.blocked_on,
        **{name: iso(at) if at else None for name, at in instants.items()},
    }
