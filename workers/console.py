"""What every command shares: settings out of the environment, faults told in words, two consoles."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import typer
from confluent_kafka import KafkaException
from rich.console import Console

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.errors import UserError
from schemas.registry import NotRegistered, RegistryUnavailable
from schemas.registry import Refused as RegistryRefused
from streams.runtime.documents import DocumentError
from streams.runtime.settings import Settings, SettingsError
from workers.admin import BrokerUnavailable
from workers.demo.broker import NoEmbeddedBroker
from workers.imports.errors import ImportFailure

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

P = ParamSpec("P")


FAULTS = (
    SettingsError,
    UserError,
    DocumentError,
    ImportFailure,
    RegistryUnavailable,
    RegistryRefused,
    NotRegistered,
    BrokerUnavailable,
    NoEmbeddedBroker,
)


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """DocumentError that a user can mend are told in words and end with 2; all others are bugs and show themselves."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except FAULTS as fault:
            err.print(str(fault), markup=False)
            raise typer.Exit(2) from None
        except KafkaException as fault:
            err.print(f"Kafka says no: {fault.args[0].str()}; `leadloop doctor` says why", markup=False)
            raise typer.Exit(2) from None
        except ModuleNotFoundError as fault:
            err.print(f"{fault}: install leadloop[registry], or to check schemas leadloop[dev]", markup=False)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return run


def settings_with_broker() -> Settings:
    """The settings of a command that needs a broker. Raises SettingsError, UserError."""
    settings = Settings.from_env()
    if not settings.kafka.bootstrap_servers:
        raise UserError("KAFKA_BOOTSTRAP_SERVERS is not set: give host:port of a broker, or run `leadloop demo`")
    return settings


def codec_of(settings: Settings) -> Codec:
    """Of the registry where one is set, else of the bundled catalogue."""
    if settings.registry is None:
        return Codec(Catalogue.bundled())
    return Codec(Catalogue.from_registry(settings.registry, settings.topic_prefix))


def text_of(file: Path) -> str:
    """The text of a file that was named. Raises UserError where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
