"""Checks that Kafka is reachable and accepts the credentials, and reports its version."""

from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not marked as exported
    AdminClient,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from streams.runtime.settings import KafkaSettings
from workers.admin import reason_of

from .findings import Finding, fail, ok

ANSWER_SECONDS = 6.0
_AUTHENTICATION = (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED)  # noqa: SLF001  named so
_TLS, _NAME = KafkaError._SSL, KafkaError._RESOLVE  # noqa: SLF001
_ALL_DOWN = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
_SPECIFIC = (*_AUTHENTICATION, _TLS, _NAME)


class Broker:
    """A read-only connection. Call `check` first: afterwards `is_there` says whether Kafka can be queried.

    Attributes:
        topics: Those that there were, and this user may see, before anything else was asked.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._errors: list[KafkaError] = []
        self.is_there = False
        self.topics: frozenset[str] = frozenset()
        conf: dict[str, Any] = {**settings.librdkafka(), "error_cb": self._errors.append}  # the stub lacks callbacks
        self.admin = AdminClient(conf)

    def check(self) -> list[Finding]:
        try:
            metadata = self.admin.list_topics(timeout=ANSWER_SECONDS)
        except KafkaException as error:
            self.admin.poll(0)
            return [self._unavailable(error)]
        self.is_there, self.topics = True, frozenset(metadata.topics)
        count = len(metadata.brokers)
        brokers = "1 broker" if count == 1 else f"{count} brokers"
        version = _version(self.admin, next(iter(metadata.brokers), 0))
        how = self._settings.security_protocol
        return [ok("kafka", f"{brokers}{version}, cluster {metadata.cluster_id}, over {how}")]

    def _unavailable(self, error: KafkaException) -> Finding:
        # The client tries several addresses; the error of one of them says more than "all brokers down".
        errors = sorted(self._errors, key=lambda one: (one.code() not in _SPECIFIC, one.code() == _ALL_DOWN))
        code, reason = (errors[0].code(), errors[0].str()) if errors else (0, reason_of(error))
        servers = self._settings.bootstrap_servers
        return fail("kafka", f"{servers} does not answer: {reason}", advice(code, reason, self._settings))


def advice(code: int, reason: str, settings: KafkaSettings) -> str:
    """What to do when no broker answers. Some reasons are only in the text of the client's error."""
    if code in _AUTHENTICATION and "Unsupported SASL mechanism" in reason:
        return f"it does not take {settings.sasl_mechanism}: set KAFKA_SASL_MECHANISM to one that it has"
    if code in _AUTHENTICATION:
        return f"set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD to a user it knows by {settings.sasl_mechanism}"
    if code == _TLS:
        return (
            "set KAFKA_SSL_CA_LOCATION to the authority that signed its certificate, use the name that stands in it "
            "in KAFKA_BOOTSTRAP_SERVERS, and see that the port is one for TLS"
        )
    if code == _NAME:
        return "KAFKA_BOOTSTRAP_SERVERS names a host that cannot be resolved from here"
    return (
        "see that it is up, that KAFKA_BOOTSTRAP_SERVERS names it as it is reached from here, and that its port speaks "
        f"{settings.security_protocol} (KAFKA_SECURITY_PROTOCOL)"
    )


def _version(admin: AdminClient, broker: int) -> str:
    """Kafka's protocol does not report it; up to 3.x a setting does, if the user may describe it."""
    resource = ConfigResource(ResourceType.BROKER, str(broker))
    try:
        entries: dict[str, ConfigEntry] = admin.describe_configs([resource], request_timeout=2.0)[resource].result(3.0)
    except (KafkaException, TimeoutError):
        return ""
    old = entries.get("inter.broker.protocol.version")
    return f" of Kafka {old.value}" if old is not None else " of Kafka 4 or newer"
