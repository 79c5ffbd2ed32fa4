"""Shared by all commands: settings from the environment, errors as messages, the two consoles."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import typer
from confluent_kafka import KafkaException
from rich.console import Console

from schemas.codec import Codec
from schemas.connect import open_catalogue
from schemas.errors import UserError
from streams.runtime.settings import ProcessSettings

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

P = ParamSpec("P")
S = TypeVar("S", bound=ProcessSettings)


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Print an error that a user can fix and end with 2; any other error is a bug and keeps its traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except UserError as error:
            err.print(str(error), markup=False)
            raise typer.Exit(2) from None
        except KafkaException as fault:
            err.print(f"Kafka refused: {fault.args[0].str()}; `leadloop doctor` says why", markup=False)
            raise typer.Exit(2) from None
        except ModuleNotFoundError as fault:
            err.print(f"{fault}: install leadloop[registry], or to check schemas leadloop[dev]", markup=False)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return run


def settings_with_broker(kind: type[S]) -> S:
    """Read the settings of a command that needs a broker.

    Args:
        kind: Their class.

    Raises:
        UserError: they are invalid, or name no broker.
    """
    settings = kind.from_env()
    if not settings.kafka.bootstrap_servers:
        raise UserError("KAFKA_BOOTSTRAP_SERVERS is not set: give host:port of a broker, or run `leadloop demo`")
    return settings


def codec_of(settings: ProcessSettings) -> Codec:
    """The codec that the settings name: of the registry, or of the bundled catalogue if none is set."""
    return Codec(open_catalogue(settings.registry, settings.topic_prefix))


def text_of(file: Path) -> str:
    """The text of a file. Raises UserError if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
