"""Checks what waits for endpoints, by what is in Kafka: overdue deliveries, open circuits, failing endpoints."""

from collections.abc import Sequence

from confluent_kafka import KafkaException

from schemas.errors import UserError
from schemas.names import deliver_group
from streams.runtime.settings import Settings
from workers.admin import reason_of
from workers.console import codec_of
from workers.delivery.backlog import Backlog, read_backlog
from workers.delivery.endpoint_report import EndpointReport, report_on
from workers.delivery.runtime.endpoint_states import read_states
from workers.delivery.target import Endpoint

from .findings import Finding, fail, ok, warn
from .topics import GRANT

ABOUT = "deliveries"
READ_SECONDS = 5.0
_OUTAGE = "docs/runbooks.md#leadloopendpointoutage"
_LATE = "docs/runbooks.md#leadloopdeliverybudgetburn"


def check(settings: Settings, endpoints: Sequence[Endpoint]) -> list[Finding]:
    """One finding for each endpoint, and what stands out about all."""
    conf, prefix = settings.kafka.librdkafka(), settings.topic_prefix
    try:
        codec = codec_of(settings)
        backlog = read_backlog(conf, codec, prefix, deliver_group(settings.app_id, prefix), READ_SECONDS)
        states = read_states(conf, codec, prefix)
    except KafkaException as error:
        return [warn(ABOUT, f"what waits cannot be read: {reason_of(error)}", GRANT)]
    except UserError as error:
        return [warn(ABOUT, f"what waits cannot be read: {error}", "fix the registry, and run this again")]
    reports = [report_on(one, states.latest(one.name), backlog) for one in endpoints]
    return [*map(evaluate, reports), *evaluate_rest(backlog, {one.name for one in endpoints})]


def evaluate(one: EndpointReport) -> Finding:
    """The finding about one endpoint."""
    about = f"deliveries to {one.name}"
    found = "; ".join(filter(None, (_counted(one), one.waits_for and f"waits: {one.waits_for}", one.cause)))
    if not one.is_active:
        return _switched_off(one, about, found)
    if one.overdue:
        todo = f"its owner has to fix it, or pause it: {_OUTAGE}" if one.is_failing else f"see {_LATE}"
        return fail(
            about, f"{one.overdue} overdue by more than 5 min, the oldest waits for {one.oldest}; {found}", todo
        )
    if one.is_failing:
        circuit = "" if one.open_since is None else f"its circuit is {one.circuit}; "
        return warn(about, f"{circuit}{found}", f"contact its owner: it pages when deliveries are overdue; {_OUTAGE}")
    return ok(about, found)


def _switched_off(one: EndpointReport, about: str, found: str) -> Finding:
    said, resume = one.declared, f"`leadloop endpoints resume {one.name}`"
    why = f": {said.why}" if said.why else ""
    text = f"{said.state} for {one.ago(said.occurred_at)} by {said.by}{why}; {found}"
    if said.state == "disabled":
        return warn(about, text, f"fix it, then {resume}: docs/runbooks.md#leadloopendpointdisabled")
    return warn(about, text, f"{resume} when it is ready" if one.due else "")


def evaluate_rest(backlog: Backlog, endpoints: set[str]) -> list[Finding]:
    """What waits for endpoints that are not configured, and whether everything was read."""
    found = []
    gone = sorted({one.endpoint for one in backlog.waiting} - endpoints)
    if gone:
        count = sum(one.endpoint in gone for one in backlog.waiting)
        todo = "put them back into endpoints.yml, or let their deliveries end as dead letters"
        found.append(warn(ABOUT, f"{count} wait for endpoints that are not configured: {', '.join(gone)}", todo))
    if not backlog.is_complete:
        todo = "`leadloop endpoints list` reads everything"
        found.append(warn(ABOUT, f"more wait than can be read in {READ_SECONDS:g} s: these counts are too low", todo))
    return found


def _counted(one: EndpointReport) -> str:
    later = f", {one.later} are not due yet" if one.later else ""
    return f"{one.due} due{later}"
