"""The check of one record: what it is, what streams would do with it, and what is doubtful, as lines of text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from msgspec import Struct
from msgspec.structs import asdict

from schemas.catalogue import Catalogue
from schemas.codec import Codec, Unencodable
from schemas.errors import UserError
from schemas.events import FactRecord
from schemas.instants import iso
from schemas.json_value import JsonObject, JsonValue
from schemas.topics import TOPIC_OF, TOPICS, Topic
from streams.domain.policy import Policy
from streams.runtime.documents import did_you_mean
from workers.http.problems import FieldError
from workers.ingest.envelopes import PLAIN, STRUCTURED, unwrap
from workers.ingest.rejections import InvalidEvent
from workers.ingest.validation import to_fact

from .candidates import CONTENT_FORMS, RecordBytes, candidate_of
from .effects import effect_of
from .json_records import NotARecord, record_of_json
from .record_doubts import doubts_about
from .verdicts import FoldedFact, Judge, NoFact, UnfitRecord

_SOURCE = "check"
_RECORDED = tuple(name for name, topic in TOPICS.items() if topic.record is not None)


@dataclass(frozen=True)
class Report:
    """The lines to print. `is_accepted`: it would be no dead letter."""

    lines: Sequence[str]
    is_accepted: bool


class _Refused(Exception):
    """The content cannot become a record: what to correct, in lines."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


class RecordCheck:
    """Checks records as the processes of one installation would."""

    def __init__(self, *, catalogue: Catalogue, policy: Policy, partitions: int, now: int) -> None:
        """Take what the processes have; `now` is epoch ms."""
        self._codec, self._policy, self._partitions, self._now = Codec(catalogue), policy, partitions, now
        self._judge = Judge(catalogue, policy, partitions, now)

    def run(self, content: bytes, *, form: str = "auto", topic: str = "", key: str | None = None) -> Report:
        """Check the content of a file.

        Args:
            content: Of the file.
            form: One of CONTENT_FORMS.
            topic: That it is published to; empty: that of its schema, or of its kind.
            key: Its key; None: the right one.

        Raises:
            UserError: An argument is wrong, or the content is not written in this form.
        """
        if form not in CONTENT_FORMS:
            raise UserError(f"--format {form} is unknown: {did_you_mean(form, CONTENT_FORMS)}")
        if topic and topic not in _RECORDED:
            raise UserError(f"--topic {topic} has no records: {did_you_mean(topic, _RECORDED)}")
        candidate = candidate_of(content, form)
        try:
            if isinstance(candidate, RecordBytes):
                return self._judged([], topic, candidate.value, key)
            return self._of_json(candidate.value, topic, key)
        except _Refused as refused:
            return Report(refused.lines, is_accepted=False)

    def _of_json(self, value: JsonValue, topic: str, key: str | None) -> Report:
        if not isinstance(value, dict):
            raise UserError("this is not one record: write one JSON object")
        if "kind" in value or "specversion" in value:
            return self._of_event(value, topic, key)
        topic = topic or str(value.get("topic", ""))
        if topic not in _RECORDED:
            raise UserError("JSON does not name its schema: add --topic, such as --topic lead-created")
        fields = value["record"] if isinstance(value.get("record"), dict) else value
        record_type = TOPICS[topic].record
        assert record_type is not None  # noqa: S101  _RECORDED has no others
        try:
            record = record_of_json(cast("JsonObject", fields), record_type)
            encoded = self._codec.encode(record)
        except NotARecord as fault:
            head = f"{topic}: no record of its schema; an Avro serializer would refuse it"
            raise _Refused(head, *_corrections(fault.errors)) from fault
        except Unencodable as fault:
            raise _Refused(f"{topic}: cannot be encoded: {fault}") from fault
        return self._judged([f"bytes      {encoded.hex()}"], topic, encoded, key)

    def _of_event(self, event: JsonObject, topic: str, key: str | None) -> Report:
        """An event as it is posted to ingest, by the code of ingest."""
        media_type = STRUCTURED if "specversion" in event else PLAIN
        (posted,), _ = unwrap(media_type, event, {}, _SOURCE)
        try:
            if isinstance(posted, InvalidEvent):
                raise posted
            fact = to_fact(posted, _SOURCE, self._now)
        except InvalidEvent as invalid:
            errors = [rejection.error for rejection in invalid.rejections]
            raise _Refused("ingest refuses this event (422)", *_corrections(errors)) from invalid
        head = "ingest accepts this event; its source is that of the key of the request"
        return self._judged([head], topic or TOPIC_OF[type(fact)].name, self._codec.encode(fact), key)

    def _judged(self, head: Sequence[str], name: str, value: bytes, key: str | None) -> Report:
        topic = TOPICS[name] if name else self._judge.topic_of(value)
        if topic is None:
            raise UserError("the bytes name no known schema: add --topic, such as --topic lead-created")
        verdict = self._judge.judge(topic, value, None if key is None else key.encode())
        lines = [*head, *self._lines(topic, verdict)]
        return Report(lines, is_accepted=not isinstance(verdict, UnfitRecord))

    def _lines(self, topic: Topic, verdict: FoldedFact | UnfitRecord | NoFact) -> Iterator[str]:
        match verdict:
            case FoldedFact():
                yield f"{topic.name}: accepted"
                yield f"effect     {effect_of(verdict.fact)}"
                yield from _fields(verdict.record)
                yield from self._place(verdict)
            case UnfitRecord(reason, detail, fix, record):
                yield f"{topic.name}: dead letter, reason {reason}"
                yield f"why        {detail}"
                yield f"fix        {fix}"
                yield from () if record is None else _fields(record)
            case NoFact(detail):
                yield f"{topic.name}: no fact: {detail}"
        record = None if isinstance(verdict, NoFact) else verdict.record
        if isinstance(record, FactRecord):
            yield from (f"warning    {doubt}" for doubt in doubts_about(record, self._policy, self._now))

    def _place(self, accepted: FoldedFact) -> Iterator[str]:
        yield f"key        {accepted.record.lead_id} ({accepted.record.lead_id.encode().hex()})"
        yield f"partition  {accepted.partition} of {self._partitions} (murmur2 of the key)"
        if accepted.is_misplaced:
            yield "warning    the key is not the lead_id: streams publishes the record again under the right key, later"


def _fields(record: Struct) -> Iterator[str]:
    """The fields that differ from their default, times also as text."""
    defaults = asdict(type(record)())
    for name, value in asdict(record).items():
        if value != defaults[name]:
            yield f"field      {name} = {value!r}{_as_time(name, value)}"


def _as_time(name: str, value: object) -> str:
    if not isinstance(value, int) or not name.endswith(("_at", "idle_since", "not_before")):
        return ""
    try:
        return f" ({iso(value)})"
    except (OverflowError, ValueError, OSError):
        return ""


def _corrections(errors: Sequence[FieldError]) -> Iterator[str]:
    for error in errors:
        yield f"field      {error.path.strip('/') or 'the event'}: {error.detail}"
        yield f"fix        {error.fix}"
