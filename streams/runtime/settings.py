"""Settings of each process, from the environment: parsed once, every error in one message, secrets never printed.

A process reads only the variables that it uses: an invalid endpoints file stops deliver, not streams. The settings of
Kafka serve librdkafka (confluent-kafka) and aiokafka (Faust) alike. Why this is not pydantic-settings: docs/adr/0009.
"""

# ruff: noqa: RUF009  _setting returns a field, not a default

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from schemas.registry import RegistryConf

from .environment import Environment
from .logs import LogFormat
from .page_settings import PageSettings, page_settings
from .registry_settings import registry_settings

T = TypeVar("T")
Word = TypeVar("Word", bound=str)

ClockMode = Literal["wall", "events"]
StoreKind = Literal["rocks", "memory"]

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def _setting(default: T, read: Callable[[Environment, T], T], *, is_secret: bool = False) -> T:
    """A field, and how it is read from the environment."""
    made: T = field(default=default, repr=not is_secret, metadata={"read": read})
    return made


def _text(name: str) -> Callable[[Environment, str], str]:
    return lambda env, default: env.text(name, default)


def _topic_part(name: str) -> Callable[[Environment, str], str]:
    return lambda env, default: env.topic_part(name, default)


def _file(name: str) -> Callable[[Environment, Path | None], Path | None]:
    return lambda env, _: env.file(name)


def _choice(name: str, *allowed: Word) -> Callable[[Environment, Word], Word]:
    return lambda env, default: env.choice(name, allowed, default)


def _int(name: str, low: int, high: int) -> Callable[[Environment, int], int]:
    return lambda env, default: env.number(name, int, default, low=low, high=high)


def _float(name: str, low: float, high: float) -> Callable[[Environment, float], float]:
    return lambda env, default: env.number(name, float, default, low=low, high=high)


@dataclass(frozen=True)
class KafkaSettings:
    """How to reach the brokers."""

    bootstrap_servers: str = ""
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    ssl_key_password: str = field(default="", repr=False)

    @property
    def is_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")

    @property
    def is_ssl(self) -> bool:
        return self.security_protocol.endswith("SSL")

    def librdkafka(self) -> dict[str, str | int | float]:
        """The connection as confluent-kafka takes it."""
        conf: dict[str, str | int | float] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "log_level": 2,  # errors are raised, and logged once
        }
        if self.is_sasl:
            conf |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.sasl_username,
                "sasl.password": self.sasl_password,
            }
        if self.is_ssl:
            conf |= {
                "ssl.ca.location": self.ssl_ca_location,
                "ssl.certificate.location": self.ssl_certificate_location,
                "ssl.key.location": self.ssl_key_location,
                "ssl.key.password": self.ssl_key_password,
            }
        return {name: value for name, value in conf.items() if value}

    def aiokafka(self) -> dict[str, Any]:  # keyword arguments of aiokafka's untyped clients
        """The connection as aiokafka takes it. Raises OSError or ssl.SSLError if a file is unusable."""
        conf: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
        }
        if self.is_sasl:
            conf |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        if self.is_ssl:
            conf["ssl_context"] = self._ssl_context()
        return conf

    def _ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ssl_ca_location or None)
        if self.ssl_certificate_location:
            context.load_cert_chain(
                self.ssl_certificate_location, self.ssl_key_location or None, self.ssl_key_password or None
            )
        return context


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """What every process and command reads."""

    kafka: KafkaSettings = _setting(KafkaSettings(), lambda env, _: _kafka(env))
    registry: RegistryConf | None = _setting(None, lambda env, _: registry_settings(env))
    """None: the bundled schemas and ids."""
    app_id: str = _setting("leadloop", _topic_part("LEADLOOP_APP_ID"))
    topic_prefix: str = _setting("", _topic_part("LEADLOOP_TOPIC_PREFIX"))
    log_level: str = _setting("info", _choice("LEADLOOP_LOG_LEVEL", "debug", "info", "warning", "error"))
    log_format: LogFormat = _setting("text", _choice("LEADLOOP_LOG_FORMAT", "text", "json"))
    log_lead_key: str = _setting("", lambda env, _: env.secret("LEADLOOP_LOG_LEAD_KEY"), is_secret=True)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the variables of this class; a secret also from the file that `<name>_FILE` names.

        Args:
            env: The variables; those of the process if None.

        Raises:
            SettingsError: The message names every invalid variable.
        """
        environment = Environment(os.environ if env is None else env)
        values = {one.name: one.metadata["read"](environment, one.default) for one in fields(cls)}
        environment.check()
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class _MetricsSettings(ProcessSettings):
    metrics_host: str = _setting("127.0.0.1", _text("LEADLOOP_METRICS_HOST"))
    metrics_port: int = _setting(8001, _int("LEADLOOP_METRICS_PORT", 0, 65_535))


@dataclass(frozen=True, kw_only=True)
class _SessionSettings(ProcessSettings):
    session_seconds: float = _setting(30.0, _float("LEADLOOP_SESSION_SECONDS", 6, 300))


@dataclass(frozen=True, kw_only=True)
class _CommitSettings(ProcessSettings):
    commit_seconds: float = _setting(1.0, _float("LEADLOOP_COMMIT_SECONDS", 0.05, 60))


@dataclass(frozen=True, kw_only=True)
class _PartitionSettings(ProcessSettings):
    partitions: int = _setting(12, _int("LEADLOOP_PARTITIONS", 1, 10_000))


@dataclass(frozen=True, kw_only=True)
class _HttpSettings(ProcessSettings):
    http_host: str = _setting("127.0.0.1", _text("LEADLOOP_HTTP_HOST"))
    keys_file: Path | None = _setting(None, _file("LEADLOOP_KEYS_FILE"))


@dataclass(frozen=True, kw_only=True)
class RedisSettings(ProcessSettings):
    """Of processes that use Redis. The URL may contain a password."""

    redis_url: str = _setting("redis://127.0.0.1:6379/0", lambda env, default: _redis(env) or default, is_secret=True)


@dataclass(frozen=True, kw_only=True)
class _PolicySettings(ProcessSettings):
    clock: ClockMode = _setting("wall", _choice("LEADLOOP_CLOCK", "wall", "events"))
    policy_file: Path | None = _setting(None, _file("LEADLOOP_POLICY_FILE"))
    policy_seconds: float = _setting(10.0, _float("LEADLOOP_POLICY_SECONDS", 0.1, 86_400))


@dataclass(frozen=True, kw_only=True)
class StreamsSettings(_MetricsSettings, _SessionSettings, _CommitSettings, _PartitionSettings, _PolicySettings):
    """Of a streams worker."""

    instance_id: str = _setting("", _text("LEADLOOP_INSTANCE_ID"))
    grace_seconds: float = _setting(5.0, _float("LEADLOOP_GRACE_SECONDS", 0, 86_400))
    data_dir: Path = _setting(Path("var"), lambda env, default: Path(env.text("LEADLOOP_DATA_DIR", str(default))))
    store: StoreKind = _setting("rocks", _choice("LEADLOOP_STORE", "rocks", "memory"))
    chunk_records: int = _setting(5000, _int("LEADLOOP_CHUNK_RECORDS", 1, 10_000))
    memory_facts: int = _setting(64, _int("LEADLOOP_MEMORY_FACTS", 4, 128))
    tick_seconds: float = _setting(0.25, _float("LEADLOOP_TICK_SECONDS", 0.05, 60))


@dataclass(frozen=True, kw_only=True)
class IngestSettings(_HttpSettings):
    """Of an ingest worker."""

    ingest_port: int = _setting(8010, _int("LEADLOOP_INGEST_PORT", 0, 65_535))
    webhooks_file: Path | None = _setting(None, _file("LEADLOOP_WEBHOOKS_FILE"))


@dataclass(frozen=True, kw_only=True)
class DeliverSettings(_MetricsSettings, _SessionSettings, _CommitSettings, RedisSettings):
    """Of a deliver worker, and of the commands about endpoints and deliveries."""

    endpoints_file: Path | None = _setting(None, _file("LEADLOOP_ENDPOINTS_FILE"))


@dataclass(frozen=True, kw_only=True)
class ProjectSettings(_MetricsSettings, _SessionSettings, RedisSettings):
    """Of a project worker."""


@dataclass(frozen=True, kw_only=True)
class ReportSettings(_HttpSettings, RedisSettings, _PolicySettings):
    """Of a report worker, and of the commands that read the read model. `policy_file`: for explanations."""

    report_port: int = _setting(8020, _int("LEADLOOP_REPORT_PORT", 0, 65_535))
    report_owners: int = _setting(0, _int("LEADLOOP_REPORT_OWNERS", 0, 100))
    page: PageSettings = _setting(PageSettings(), lambda env, _: page_settings(env))


@dataclass(frozen=True, kw_only=True)
class AuditSettings(_MetricsSettings, _PolicySettings):
    """Of the audit. Deliveries are audited if there is an endpoints file, the read model if Redis has an address."""

    grace_seconds: float = _setting(5.0, _float("LEADLOOP_GRACE_SECONDS", 0, 86_400))
    memory_facts: int = _setting(64, _int("LEADLOOP_MEMORY_FACTS", 4, 128))
    endpoints_file: Path | None = _setting(None, _file("LEADLOOP_ENDPOINTS_FILE"))
    redis_url: str = _setting("", lambda env, _: _redis(env), is_secret=True)


@dataclass(frozen=True, kw_only=True)
class TopicsSettings(_PartitionSettings):
    """Of the command that creates topics."""

    replication: int = _setting(1, _int("LEADLOOP_REPLICATION", 1, 100))


@dataclass(frozen=True, kw_only=True)
class Settings(StreamsSettings, IngestSettings, DeliverSettings, ProjectSettings, ReportSettings, TopicsSettings):
    """All of them: what `leadloop doctor` checks."""


def _kafka(env: Environment) -> KafkaSettings:
    kafka = KafkaSettings(
        bootstrap_servers=env.text("KAFKA_BOOTSTRAP_SERVERS"),
        security_protocol=env.choice("KAFKA_SECURITY_PROTOCOL", PROTOCOLS, "PLAINTEXT"),
        sasl_mechanism=env.choice("KAFKA_SASL_MECHANISM", MECHANISMS, "PLAIN"),
        sasl_username=env.text("KAFKA_SASL_USERNAME"),
        sasl_password=env.secret("KAFKA_SASL_PASSWORD"),
        ssl_ca_location=env.path("KAFKA_SSL_CA_LOCATION"),
        ssl_certificate_location=env.path("KAFKA_SSL_CERTIFICATE_LOCATION"),
        ssl_key_location=env.path("KAFKA_SSL_KEY_LOCATION"),
        ssl_key_password=env.secret("KAFKA_SSL_KEY_PASSWORD"),
    )
    if kafka.is_sasl and not (kafka.sasl_username and kafka.sasl_password):
        protocol = f"KAFKA_SECURITY_PROTOCOL={kafka.security_protocol}"
        env.add_error(f"{protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD")
    if kafka.is_ssl and not env.has_errors:
        try:
            kafka.aiokafka()
        except (OSError, ssl.SSLError) as error:
            env.add_error(f"KAFKA_SSL_*: the certificates cannot be used: {error}")
    if kafka.sasl_password and not kafka.is_sasl:
        env.add_error("KAFKA_SASL_PASSWORD is set, but KAFKA_SECURITY_PROTOCOL is not SASL_SSL or SASL_PLAINTEXT")
    return kafka


def _redis(env: Environment) -> str:
    url = env.secret("REDIS_URL")
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        env.add_error("REDIS_URL is no redis://, rediss:// or unix:// address")
    return url
