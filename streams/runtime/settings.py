"""Settings out of the environment: parsed once, all faults in one message, secrets never shown.

One set of Kafka settings feeds librdkafka (confluent-kafka) and aiokafka (Faust) alike.
"""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from schemas.errors import UserError
from schemas.registry import RegistryConf

T = TypeVar("T")

Clock = Literal["wall", "events"]
StoreKind = Literal["rocks", "memory"]

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class SettingsError(UserError):
    """The environment asks for what cannot be. The message names every fault and what would be right."""


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

    def librdkafka(self) -> dict[str, Any]:
        """The connection in the words of confluent-kafka."""
        conf: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "log_level": 2,  # what fails is raised, and told once
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

    def aiokafka(self) -> dict[str, Any]:
        """The connection in the words of aiokafka. Raises OSError or ssl.SSLError where a file is unusable."""
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


@dataclass(frozen=True)
class Settings:
    """What one process needs to know. The names in the environment stand in `Settings.from_env`."""

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    registry: RegistryConf | None = None  # None: ids come from the catalogue that is bundled
    app_id: str = "leadloop"
    topic_prefix: str = ""
    instance_id: str = ""
    clock: Clock = "wall"
    grace_seconds: float = 5.0
    policy_file: Path | None = None
    data_dir: Path = Path("var")
    store: StoreKind = "rocks"
    partitions: int = 12
    replication: int = 1
    chunk_records: int = 5000
    memory_facts: int = 64
    tick_seconds: float = 0.25
    commit_seconds: float = 1.0
    session_seconds: float = 30.0
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 8001
    log_level: str = "info"
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)  # may hold a password
    http_host: str = "127.0.0.1"
    ingest_port: int = 8010
    report_port: int = 8020
    keys_file: Path | None = None
    webhooks_file: Path | None = None
    endpoints_file: Path | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read `LEADLOOP_*`, `KAFKA_*`, `SCHEMA_REGISTRY_*` and `REDIS_URL`; a secret also as the path in `*_FILE`.

        Raises:
            SettingsError: with every fault at once.
        """
        read = _Reader(os.environ if env is None else env)
        settings = cls(
            kafka=_kafka(read),
            registry=_registry(read),
            app_id=read.name("LEADLOOP_APP_ID", cls.app_id),
            topic_prefix=read.name("LEADLOOP_TOPIC_PREFIX"),
            instance_id=read.text("LEADLOOP_INSTANCE_ID"),
            clock=cast("Clock", read.choice("LEADLOOP_CLOCK", ("wall", "events"), cls.clock)),
            grace_seconds=read.number("LEADLOOP_GRACE_SECONDS", float, cls.grace_seconds, low=0, high=86_400),
            policy_file=read.file("LEADLOOP_POLICY_FILE"),
            data_dir=Path(read.text("LEADLOOP_DATA_DIR", str(cls.data_dir))),
            store=cast("StoreKind", read.choice("LEADLOOP_STORE", ("rocks", "memory"), cls.store)),
            partitions=read.number("LEADLOOP_PARTITIONS", int, cls.partitions, low=1, high=10_000),
            replication=read.number("LEADLOOP_REPLICATION", int, cls.replication, low=1, high=100),
            chunk_records=read.number("LEADLOOP_CHUNK_RECORDS", int, cls.chunk_records, low=1, high=10_000),
            memory_facts=read.number("LEADLOOP_MEMORY_FACTS", int, cls.memory_facts, low=4, high=128),
            tick_seconds=read.number("LEADLOOP_TICK_SECONDS", float, cls.tick_seconds, low=0.05, high=60),
            commit_seconds=read.number("LEADLOOP_COMMIT_SECONDS", float, cls.commit_seconds, low=0.05, high=60),
            session_seconds=read.number("LEADLOOP_SESSION_SECONDS", float, cls.session_seconds, low=6, high=300),
            metrics_host=read.text("LEADLOOP_METRICS_HOST", cls.metrics_host),
            metrics_port=read.number("LEADLOOP_METRICS_PORT", int, cls.metrics_port, low=0, high=65_535),
            log_level=read.choice("LEADLOOP_LOG_LEVEL", ("debug", "info", "warning", "error"), cls.log_level),
            redis_url=_redis(read) or cls.redis_url,
            http_host=read.text("LEADLOOP_HTTP_HOST", cls.http_host),
            ingest_port=read.number("LEADLOOP_INGEST_PORT", int, cls.ingest_port, low=0, high=65_535),
            report_port=read.number("LEADLOOP_REPORT_PORT", int, cls.report_port, low=0, high=65_535),
            keys_file=read.file("LEADLOOP_KEYS_FILE"),
            webhooks_file=read.file("LEADLOOP_WEBHOOKS_FILE"),
            endpoints_file=read.file("LEADLOOP_ENDPOINTS_FILE"),
        )
        read.finish()
        return settings


def _kafka(read: "_Reader") -> KafkaSettings:
    kafka = KafkaSettings(
        bootstrap_servers=read.text("KAFKA_BOOTSTRAP_SERVERS"),
        security_protocol=read.choice("KAFKA_SECURITY_PROTOCOL", PROTOCOLS, "PLAINTEXT"),
        sasl_mechanism=read.choice("KAFKA_SASL_MECHANISM", MECHANISMS, "PLAIN"),
        sasl_username=read.text("KAFKA_SASL_USERNAME"),
        sasl_password=read.secret("KAFKA_SASL_PASSWORD"),
        ssl_ca_location=read.path("KAFKA_SSL_CA_LOCATION"),
        ssl_certificate_location=read.path("KAFKA_SSL_CERTIFICATE_LOCATION"),
        ssl_key_location=read.path("KAFKA_SSL_KEY_LOCATION"),
        ssl_key_password=read.secret("KAFKA_SSL_KEY_PASSWORD"),
    )
    if kafka.is_sasl and not (kafka.sasl_username and kafka.sasl_password):
        read.fault(
            f"KAFKA_SECURITY_PROTOCOL={kafka.security_protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
        )
    if kafka.is_ssl and not read.has_faults:
        try:
            kafka.aiokafka()
        except (OSError, ssl.SSLError) as error:
            read.fault(f"KAFKA_SSL_*: the certificates cannot be used: {error}")
    if kafka.sasl_password and not kafka.is_sasl:
        read.fault("KAFKA_SASL_PASSWORD is set, but KAFKA_SECURITY_PROTOCOL is not SASL_SSL or SASL_PLAINTEXT")
    return kafka


def _redis(read: "_Reader") -> str:
    url = read.secret("REDIS_URL")
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        read.fault("REDIS_URL is no redis://, rediss:// or unix:// address")
    return url


def _registry(read: "_Reader") -> RegistryConf | None:
    url = read.text("SCHEMA_REGISTRY_URL")
    user_info = read.secret("SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO") or None
    ca_location = read.path("SCHEMA_REGISTRY_SSL_CA_LOCATION") or None
    if not url:
        return None
    if not url.startswith(("http://", "https://")):
        read.fault(f"SCHEMA_REGISTRY_URL={url} is no http:// or https:// address")
    return RegistryConf(url=url, basic_auth_user_info=user_info, ssl_ca_location=ca_location)


class _Reader:
    """Reads one variable after the other and remembers what is wrong."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._faults: list[str] = []

    @property
    def has_faults(self) -> bool:
        return bool(self._faults)

    def fault(self, text: str) -> None:
        self._faults.append(text)

    def name(self, name: str, default: str = "") -> str:
        """A text that can be part of a topic's name."""
        value = self.text(name, default)
        if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", value):
            self.fault(f"{name}={value} may only hold letters, digits, dots, dashes and underscores")
        return value

    def text(self, name: str, default: str = "") -> str:
        return self._env.get(name, "").strip() or default

    def secret(self, name: str) -> str:
        value, path = self.text(name), self.text(f"{name}_FILE")
        if value and path:
            self.fault(f"{name} and {name}_FILE are both set: keep one")
        if not path:
            return value
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            self.fault(f"{name}_FILE={path} cannot be read: {error.strerror}")
            return ""

    def path(self, name: str) -> str:
        value = self.text(name)
        if value and not Path(value).is_file():
            self.fault(f"{name}={value} is not a file")
        return value

    def file(self, name: str) -> Path | None:
        return Path(path) if (path := self.path(name)) else None

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            self.fault(f"{name}={value} is none of {', '.join(allowed)}")
        return value

    def number(self, name: str, kind: Callable[[str], T], default: T, *, low: float, high: float) -> T:
        text = self.text(name)
        if not text:
            return default
        try:
            value = kind(text)
        except ValueError:
            self.fault(f"{name}={text} is not a number")
            return default
        if not low <= cast("float", value) <= high:
            self.fault(f"{name}={text} is not between {low} and {high}")
        return value

    def finish(self) -> None:
        if self._faults:
            raise SettingsError("the environment does not fit:\n" + "\n".join(f"  {f}" for f in self._faults))
