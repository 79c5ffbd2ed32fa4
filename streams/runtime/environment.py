"""Reads environment variables one by one and collects every error, so that one message can name them all."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import urlsplit

from schemas.errors import UserError

T = TypeVar("T")
Word = TypeVar("Word", bound=str)


class SettingsError(UserError):
    """The environment is invalid. The message names every wrong variable, and what would be right."""


class Environment:
    """The variables of a process. An unset or blank variable has its default."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._errors: list[str] = []

    @property
    def has_errors(self) -> bool:
        """Whether anything read so far was invalid."""
        return bool(self._errors)

    def add_error(self, text: str) -> None:
        """Add one line to the final message; it must not contain a secret."""
        self._errors.append(text)

    def text(self, name: str, default: str = "") -> str:
        """A text, without surrounding white space."""
        return self._variables.get(name, "").strip() or default

    def topic_part(self, name: str, default: str = "") -> str:
        """A text that can be part of a topic's name."""
        value = self.text(name, default)
        if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", value):
            self.add_error(f"{name}={value} may only hold letters, digits, dots, dashes and underscores")
        return value

    def secret(self, name: str) -> str:
        """A secret, or the content of the file that `<name>_FILE` names. No message contains it."""
        value, path = self.text(name), self.text(f"{name}_FILE")
        if value and path:
            self.add_error(f"{name} and {name}_FILE are both set: keep one")
        if not path:
            return value
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            self.add_error(f"{name}_FILE={path} cannot be read: {error.strerror}")
            return ""

    def path(self, name: str) -> str:
        """The path of a file that exists."""
        value = self.text(name)
        if value and not Path(value).is_file():
            self.add_error(f"{name}={value} is not a file")
        return value

    def file(self, name: str) -> Path | None:
        """The path of a file that exists; None if unset."""
        return Path(path) if (path := self.path(name)) else None

    def link(self, name: str) -> str:
        """The address of something about a lead, with `{lead_id}` in it; empty if unset."""
        value = self.text(name)
        if value and not (value.startswith(("https://", "http://")) and "{lead_id}" in value):
            self.add_error(
                f"{name}={value} is no address with {{lead_id}}, such as https://crm.example.com/{{lead_id}}"
            )
        return value

    def origin(self, name: str) -> str:
        """The address of a site, without a path; empty if unset."""
        value = self.text(name).rstrip("/").lower()
        parts = urlsplit(value)
        if value and not (
            parts.scheme in {"http", "https"}
            and parts.hostname
            and not value.removeprefix(f"{parts.scheme}://{parts.netloc}")
        ):
            self.add_error(f"{name}={value} is no address without a path, such as https://leads.example.com")
        return value

    def choice(self, name: str, allowed: tuple[Word, ...], default: Word) -> Word:
        """One of several words."""
        value = self.text(name, default)
        for word in allowed:
            if word == value:
                return word
        self.add_error(f"{name}={value} is none of {', '.join(allowed)}")
        return default

    def number(self, name: str, kind: Callable[[str], T], default: T, *, low: float, high: float) -> T:
        """A number from `low` to `high`, both included."""
        text = self.text(name)
        if not text:
            return default
        try:
            value = kind(text)
        except ValueError:
            self.add_error(f"{name}={text} is not a number")
            return default
        if not low <= cast("float", value) <= high:
            self.add_error(f"{name}={text} is not between {low} and {high}")
        return value

    def check(self) -> None:
        """Raise SettingsError if anything was invalid."""
        if self._errors:
            raise SettingsError("the environment does not fit:\n" + "\n".join(f"  {line}" for line in self._errors))
