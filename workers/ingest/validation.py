"""Validates posted events and converts them to facts. What streams would dead-letter is rejected here."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from schemas.instants import FUTURE_MS
from schemas.json_value import JsonObject
from streams.domain.errors import Poison
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import MAX_TEXT
from streams.runtime.documents import did_you_mean
from workers.http.strict_json import escape_pointer
from workers.imports.conversion import changes_nothing, derived_id
from workers.imports.mapping import CHANGES
from workers.imports.records import CONSTRUCTORS, RECORDS
from workers.imports.values import FieldValue
from workers.values.times import remove_placeholders

from .fields import FIELDS, READERS, REQUIRED, PostedFact
from .rejections import InvalidEvent, InvalidValue, Rejection

KINDS = tuple(RECORDS)
EMPTY: Mapping[str, object] = MappingProxyType({})
MAX_REJECTIONS = 20  # of one event: nobody reads more


class PostedEvent(msgspec.Struct, frozen=True, gc=False):
    """One event as posted.

    Attributes:
        path: JSON pointer of the event in the body.
        fields: May be modified by the conversion.
        event_id: Used if the fields contain none.
        discriminators: Part of a derived id: distinguishes events with equal content.
    """

    path: str
    kind: str
    fields: JsonObject
    event_id: str = ""
    traceparent: bytes | None = None
    discriminators: Mapping[str, object] = EMPTY


def to_fact(posted: PostedEvent, principal: str, now: int) -> PostedFact:
    """Convert a posted event to a fact of its source.

    Args:
        posted: The event.
        principal: The authenticated source.
        now: Epoch ms; a fact may be at most 10 minutes ahead of it.

    Raises:
        InvalidEvent: with every error (at most MAX_REJECTIONS) and its path.
    """
    content, rejections = _read_fields(posted)
    rejections += _incomplete(posted, content, rejections)
    if int(content.get("occurred_at", 0)) > now + FUTURE_MS:
        rejections.append(_from_the_future(posted))
    if rejections:
        raise InvalidEvent(rejections[:MAX_REJECTIONS])
    remove_placeholders(posted.kind, content)
    source = qualified_source(str(content.pop("source", "")), principal)
    if len(source) > MAX_TEXT:
        raise _invalid(
            posted.path, "source", InvalidValue("too_long", f"{source[:40]}… is too long", f"at most {MAX_TEXT}")
        )
    recorded_at = content.pop("recorded_at", now)
    event_id = content.pop("event_id", None) or posted.event_id or _derived(source, posted, content)
    record = CONSTRUCTORS[posted.kind](event_id=event_id, source=source, recorded_at=recorded_at, **content)
    try:
        fact_of(record)
    except Poison as poison:  # the fields are checked above; this covers rules that only streams knows
        raise _invalid(posted.path, "", InvalidValue("not_allowed", poison.detail, f"see {poison.reason}")) from poison
    return record


def qualified_source(named: str, principal: str) -> str:
    """Return the source of a fact: the principal's name or a path below it: no client can impersonate another."""
    if not named or named == principal or named.startswith(f"{principal}/"):
        return named or principal
    return f"{principal}/{named.lstrip('/')}"


def _derived(source: str, posted: PostedEvent, content: Mapping[str, FieldValue]) -> str:
    """Derive an id as an import does: the same fact gets the same id over either path.

    An Idempotency-Key is only added to the content: reused for other content, it must not suppress that.
    """
    return derived_id(
        source, posted.kind, {**{name: content[name] for name in sorted(content)}, **posted.discriminators}
    )


def _read_fields(posted: PostedEvent) -> tuple[dict[str, FieldValue], list[Rejection]]:
    readers, content = READERS[posted.kind], dict[str, FieldValue]()
    rejections: list[Rejection] = []
    for name, json_value in posted.fields.items():
        if json_value is None:
            continue
        try:
            if (value := readers[name](json_value)) is not None:
                content[name] = value
            continue
        except KeyError:
            rejections.append(_unknown(posted, name))
        except InvalidValue as error:
            rejections += _invalid(posted.path, name, error).rejections
        if len(rejections) >= MAX_REJECTIONS:  # an error costs more than a field, and a body may contain 100,000
            break
    return content, rejections


def _incomplete(
    posted: PostedEvent, content: Mapping[str, FieldValue], rejections: Sequence[Rejection]
) -> list[Rejection]:
    """What is missing; a field that is rejected already is not."""
    missing: list[Rejection] = []
    absent = [name for name in REQUIRED[posted.kind] if name not in content]
    if absent:
        known = {one.error.path for one in rejections}
        missing += [
            Rejection.at(f"{posted.path}/{name}", "missing", f"a {posted.kind} needs its {name}", f"add `{name}`")
            for name in absent
            if f"{posted.path}/{name}" not in known
        ]
    if changes_nothing(posted.kind, content) and not rejections:
        fix = f"add at least one of {', '.join(CHANGES)}"
        missing.append(Rejection.at(posted.path, "missing", f"a {posted.kind} needs a change", fix))
    return missing


def _unknown(posted: PostedEvent, name: str) -> Rejection:
    fix = did_you_mean(name, FIELDS[posted.kind])
    return Rejection.at(
        f"{posted.path}/{escape_pointer(name)[:100]}", "unknown_field", f"a {posted.kind} has no such field", fix
    )


def _from_the_future(posted: PostedEvent) -> Rejection:
    detail = "more than ten minutes ahead of the server's clock"
    return Rejection.at(f"{posted.path}/occurred_at", "future", detail, "check the time zone, the unit and your clock")


def _invalid(path: str, name: str, error: InvalidValue) -> InvalidEvent:
    where = f"{path}/{name}" if name else path
    return InvalidEvent([Rejection.at(where, error.reason, error.detail, error.fix)])
