"""Secrets that the user's documents refer to but never contain."""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator

from streams.runtime.documents import violation


class Secret(BaseModel):
    """`{env: NAME}` or `{file: PATH}`. Read once, with the document; never printed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str = ""
    file: str = ""
    _value: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _read(self) -> Self:
        if bool(self.env) == bool(self.file):
            raise violation("a secret is in one place", "write {env: NAME} or {file: PATH}")
        self._value = self._from_env() if self.env else self._from_file()
        return self

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def _from_env(self) -> str:
        value = os.environ.get(self.env, "").strip()
        if not value:
            raise violation(f"the environment has no {self.env}", f"set {self.env}, or write {{file: PATH}}")
        return value

    def _from_file(self) -> str:
        try:
            value = Path(self.file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise violation(f"{self.file} cannot be read: {error}", "name a file with the secret alone in it") from None
        if not value:
            raise violation(f"{self.file} is empty", "name a file with the secret alone in it")
        return value
