"""Makes facts of what was posted. Whatever streams would send to its dead letters is refused here, with its place."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from schemas.instants import FUTURE_MS
from streams.domain.errors import Poison
from streams.domain.facts import MAX_TEXT, fact_of
from streams.runtime.documents import did_you_mean
from workers.http.strict_json import escape_pointer
from workers.imports.conversion import RECORDS, derived_id

from .fields import FIELDS, READERS, REQUIRED, PostedFact
from .rejections import InvalidEvent, InvalidValue, Rejection

KINDS = tuple(RECORDS)
EMPTY: Mapping[str, object] = MappingProxyType({})
MAX_REJECTIONS = 20  # faults of one event: more would not be read


class PostedEvent(msgspec.Struct, frozen=True, gc=False):
    """One event as it was posted. `fields` are its own to change; `event_id` is used if it names none.

    `discriminators` goes into an id that is derived: what tells apart events that say the same.
    """

    path: str
    kind: str
    fields: dict[str, Any]
    event_id: str = ""
    traceparent: bytes | None = None
    discriminators: Mapping[str, object] = EMPTY


def to_fact(posted: PostedEvent, principal: str, now: int) -> PostedFact:
    """The fact that was posted, as one of its source. `now` in epoch ms.

    Raises:
        InvalidEvent: with everything that is wrong.
    """
    content, rejections = _read_fields(posted)
    for name in REQUIRED[posted.kind]:
        if name not in content and not any(one.error.path == f"{posted.path}/{name}" for one in rejections):
            rejections += _missing(posted, name)
    if content.get("occurred_at", 0) > now + FUTURE_MS:
        rejections.append(_future(posted))
    if rejections:
        raise InvalidEvent(rejections[:MAX_REJECTIONS])
    source = qualified_source(content.pop("source", ""), principal)
    if len(source) > MAX_TEXT:
        raise _refused(
            posted.path, "source", InvalidValue("too_long", f"{source[:40]}… is too long", f"at most {MAX_TEXT}")
        )
    recorded_at = content.pop("recorded_at", now)
    event_id = content.pop("event_id", None) or posted.event_id or _derived(source, posted, content)
    record = RECORDS[posted.kind](event_id=event_id, source=source, recorded_at=recorded_at, **content)
    try:
        fact_of(record)
    except Poison as poison:  # the fields say it all before; this holds should streams grow stricter
        raise _refused(posted.path, "", InvalidValue("not_allowed", poison.detail, f"see {poison.reason}")) from poison
    return record


def qualified_source(named: str, principal: str) -> str:
    """The source of a fact: always the principal's name, or something below it. Nobody speaks for another."""
    if not named or named == principal or named.startswith(f"{principal}/"):
        return named or principal
    return f"{principal}/{named.lstrip('/')}"


def _derived(source: str, posted: PostedEvent, content: Mapping[str, Any]) -> str:
    """As an import derives it: the same fact has the same id, whichever way it came.

    An Idempotency-Key only adds to that: one that is used again for something else must not swallow it.
    """
    return derived_id(
        source, posted.kind, {**{name: content[name] for name in sorted(content)}, **posted.discriminators}
    )


def _read_fields(posted: PostedEvent) -> tuple[dict[str, Any], list[Rejection]]:
    readers, content = READERS[posted.kind], dict[str, Any]()
    rejections: list[Rejection] = []
    for name, given in posted.fields.items():
        if given is None:
            continue
        if len(rejections) >= MAX_REJECTIONS:  # each costs more than a field: a body may hold a hundred thousand
            break
        try:
            if (value := readers[name](given)) is not None:
                content[name] = value
        except KeyError:
            rejections.append(_unknown(posted, name))
        except InvalidValue as unfit:
            rejections += _refused(posted.path, name, unfit).rejections
    return content, rejections


def _missing(posted: PostedEvent, name: str) -> list[Rejection]:
    return [Rejection.at(f"{posted.path}/{name}", "missing", f"a {posted.kind} needs its {name}", f"add `{name}`")]


def _unknown(posted: PostedEvent, name: str) -> Rejection:
    fix = did_you_mean(name, FIELDS[posted.kind])
    return Rejection.at(
        f"{posted.path}/{escape_pointer(name)[:100]}", "unknown_field", f"a {posted.kind} has no such field", fix
    )


def _future(posted: PostedEvent) -> Rejection:
    detail = "more than ten minutes ahead of our clock: it has not happened yet"
    return Rejection.at(f"{posted.path}/occurred_at", "future", detail, "check the zone, the unit and your clock")


def _refused(path: str, name: str, unfit: InvalidValue) -> InvalidEvent:
    where = f"{path}/{name}" if name else path
    return InvalidEvent([Rejection.at(where, unfit.reason, unfit.detail, unfit.fix)])
