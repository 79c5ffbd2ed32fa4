"""Makes facts of what was posted. Whatever streams would send to its dead letters is refused here, with its place."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from streams.domain.errors import Poison
from streams.domain.facts import MAX_TEXT, fact_of
from streams.runtime.documents import did_you_mean
from workers.http.strict import pointed
from workers.imports.facts import RECORDS, derived_id
from workers.imports.instants import FUTURE_MS

from .fields import FIELDS, READERS, REQUIRED, PostedFact
from .refusals import Refusal, Refused, Unfit

KINDS = tuple(RECORDS)
EMPTY: Mapping[str, object] = MappingProxyType({})
MOST_TOLD = 20  # faults of one event: more would not be read


class Posted(msgspec.Struct, frozen=True, gc=False):
    """One event as it was posted. `fields` are its own to change; `event_id` is used if it names none.

    `told_by` goes into an id that is derived: what tells apart events that say the same.
    """

    path: str
    kind: str
    fields: dict[str, Any]
    event_id: str = ""
    traceparent: bytes | None = None
    told_by: Mapping[str, object] = EMPTY


def made(posted: Posted, principal: str, now: int) -> PostedFact:
    """The fact that was posted, as one of its source. `now` in epoch ms.

    Raises:
        Refused: with everything that is wrong.
    """
    content, refusals = _read(posted)
    for name in REQUIRED[posted.kind]:
        if name not in content and not any(one.error.path == f"{posted.path}/{name}" for one in refusals):
            refusals += _missing(posted, name)
    if content.get("occurred_at", 0) > now + FUTURE_MS:
        refusals.append(_future(posted))
    if refusals:
        raise Refused(refusals[:MOST_TOLD])
    source = sourced(content.pop("source", ""), principal)
    if len(source) > MAX_TEXT:
        raise _refused(posted.path, "source", Unfit("too_long", f"{source[:40]}… is too long", f"at most {MAX_TEXT}"))
    recorded_at = content.pop("recorded_at", now)
    event_id = content.pop("event_id", None) or posted.event_id or _derived(source, posted, content)
    record = RECORDS[posted.kind](event_id=event_id, source=source, recorded_at=recorded_at, **content)
    try:
        fact_of(record)
    except Poison as poison:  # the fields say it all before; this holds should streams grow stricter
        raise _refused(posted.path, "", Unfit("not_allowed", poison.detail, f"see {poison.reason}")) from poison
    return record


def sourced(named: str, principal: str) -> str:
    """The source of a fact: always the principal's name, or something below it. Nobody speaks for another."""
    if not named or named == principal or named.startswith(f"{principal}/"):
        return named or principal
    return f"{principal}/{named.lstrip('/')}"


def _derived(source: str, posted: Posted, content: Mapping[str, Any]) -> str:
    """As an import derives it: the same fact has the same id, whichever way it came.

    An Idempotency-Key only adds to that: one that is used again for something else must not swallow it.
    """
    return derived_id(source, posted.kind, {**{name: content[name] for name in sorted(content)}, **posted.told_by})


def _read(posted: Posted) -> tuple[dict[str, Any], list[Refusal]]:
    readers, content = READERS[posted.kind], dict[str, Any]()
    refusals: list[Refusal] = []
    for name, given in posted.fields.items():
        if given is None:
            continue
        if len(refusals) >= MOST_TOLD:  # each costs more than a field: a body may hold a hundred thousand
            break
        try:
            if (value := readers[name](given)) is not None:
                content[name] = value
        except KeyError:
            refusals.append(_unknown(posted, name))
        except Unfit as unfit:
            refusals += _refused(posted.path, name, unfit).refusals
    return content, refusals


def _missing(posted: Posted, name: str) -> list[Refusal]:
    return [Refusal.at(f"{posted.path}/{name}", "missing", f"a {posted.kind} needs its {name}", f"add `{name}`")]


def _unknown(posted: Posted, name: str) -> Refusal:
    fix = did_you_mean(name, FIELDS[posted.kind])
    return Refusal.at(
        f"{posted.path}/{pointed(name)[:100]}", "unknown_field", f"a {posted.kind} has no such field", fix
    )


def _future(posted: Posted) -> Refusal:
    detail = "more than ten minutes ahead of our clock: it has not happened yet"
    return Refusal.at(f"{posted.path}/occurred_at", "future", detail, "check the zone, the unit and your clock")


def _refused(path: str, name: str, unfit: Unfit) -> Refused:
    where = f"{path}/{name}" if name else path
    return Refused([Refusal.at(where, unfit.reason, unfit.detail, unfit.fix)])
