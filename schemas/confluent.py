"""A schema registry that speaks the Confluent API, through confluent-kafka's own client: `schemas.connect` loads it.

Only `push` registers anything. Subjects are named by topic ("<topic>-value"). The client's
serializers are not used: their default subject strategy needs routes that other registries lack.
"""

import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from httpx import HTTPError

try:  # the client uses this one instead if it is installed, which the extra `mcp` does
    from httpx2 import HTTPError as NewerHTTPError
except ModuleNotFoundError:
    NewerHTTPError = HTTPError  # type: ignore[misc,assignment]

from . import events
from .catalogue import releases_of, text_of
from .compiled import Schema as AvroSchema
from .registry import NotRegistered, Pushed, RegistryConf, RegistryRejected, RegistryUnavailable
from .topics import TOPIC_OF, Topic, subject_of

# One of the client's own dependencies warns on import that another is deprecated: a user cannot act on it.
with warnings.catch_warnings(record=True):
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

_NOT_FOUND = 404
_REJECTED = (409, 422)
_UNKNOWN_FOR_SECONDS = 60.0
_MAX_UNKNOWN = 1_000


class ConfluentRegistry:
    """The registry over HTTP. `prefix`: of the physical topics, and so of the subjects."""

    def __init__(self, conf: RegistryConf, prefix: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._client = SchemaRegistryClient(_client_conf(conf))
        self._prefix = prefix
        self._clock = clock
        self._unknown_until: dict[int, float] = {}

    def id_of(self, record: type[events.AnyRecord]) -> int:
        """The id that the registry gave to the schema of a record.

        Raises:
            NotRegistered: it has none.
            RegistryUnavailable: it does not answer.
        """
        subject = subject_of(TOPIC_OF[record], self._prefix)
        with _translated_errors():
            try:
                found = self._client.lookup_schema(subject, Schema(text_of(record), "AVRO"), True)
            except SchemaRegistryError as fault:
                if fault.http_status_code != _NOT_FOUND:
                    raise
                raise NotRegistered(f"{subject}: run `leadloop schemas push`") from fault
        if found.schema_id is None:
            raise RegistryUnavailable(f"the schema registry gives no id for {subject}")
        return found.schema_id

    def schema_of_id(self, schema_id: int) -> AvroSchema | None:
        """The Avro schema of an id; None if there is none, which is cached for a minute.

        Raises:
            RegistryUnavailable: it does not answer.
        """
        if self._unknown_until.get(schema_id, 0.0) > self._clock():
            return None
        with _translated_errors():
            try:
                found = self._client.get_schema(schema_id)
            except SchemaRegistryError as fault:
                if fault.http_status_code != _NOT_FOUND:
                    raise
                self._remember_unknown(schema_id)
                return None
            if found.schema_type not in (None, "AVRO"):
                return None
            schema: AvroSchema = json.loads(found.schema_str or "")
        return schema

    def push(self, record: type[events.AnyRecord]) -> Iterator[Pushed]:
        """Register every released version of a record, oldest first, and set its subject's compatibility.

        Raises:
            RegistryRejected: a version breaks the compatibility with what the registry holds.
            RegistryUnavailable: it does not answer.
        """
        topic = TOPIC_OF[record]
        subject = subject_of(topic, self._prefix)
        for release in releases_of(record):
            with _translated_errors():
                schema_id = self._client.register_schema(subject, Schema(release.text(), "AVRO"), True)
                # After the first version: some registries know no settings of a subject that does not exist yet.
                self._ensure_compatibility(subject, topic)
            yield Pushed(subject, release.version, schema_id)

    def _ensure_compatibility(self, subject: str, topic: Topic) -> None:
        try:
            level = self._client.get_compatibility(subject)
        except SchemaRegistryError as fault:
            if fault.http_status_code != _NOT_FOUND:
                raise
            level = "the global one"
        if level != topic.compatibility:
            self._client.set_compatibility(subject, topic.compatibility)

    def _remember_unknown(self, schema_id: int) -> None:
        # Invalid records may contain any id: this bounds the requests to the registry, and the memory.
        if len(self._unknown_until) >= _MAX_UNKNOWN:
            self._unknown_until.clear()
        self._unknown_until[schema_id] = self._clock() + _UNKNOWN_FOR_SECONDS


def _client_conf(conf: RegistryConf) -> dict[str, str | int | float]:
    settings = {
        "url": conf.url,
        "basic.auth.user.info": conf.basic_auth_user_info,
        "ssl.ca.location": conf.ssl_ca_location,
        "timeout": conf.timeout_seconds,
        "max.retries": 2,
        "retries.wait.ms": 200,
        "retries.max.wait.ms": 1_000,
    }
    return {name: value for name, value in settings.items() if value is not None}


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except SchemaRegistryError as fault:
        if fault.http_status_code in _REJECTED:
            raise RegistryRejected(fault.error_message) from fault
        raise RegistryUnavailable(
            f"the schema registry answers {fault.http_status_code}: {fault.error_message}"
        ) from fault
    except (
        HTTPError,
        NewerHTTPError,
        ValueError,
        KeyError,
        TypeError,
    ) as fault:  # no answer, or one that is not its API's
        raise RegistryUnavailable(f"the schema registry does not answer: {type(fault).__name__}") from fault
