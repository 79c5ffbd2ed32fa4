"""Errors of an import, by how to react.

schemas.errors.UserError
└── ImportFailure       the import ends; the message says what to change
    └── BrokerFailure   the broker failed; run the import again: published facts are recognised by their ids
RowError                one row is rejected, with its reason; the import continues
"""

from schemas.errors import UserError


class ImportFailure(UserError):
    """The import cannot be done as requested; the message names the cause and what to do."""


class BrokerFailure(ImportFailure):
    """The broker rejected a record or does not answer. Run the import again: published facts are recognised."""


class RowError(Exception):
    """A row is rejected.

    Attributes:
        reason: A fixed word, for counting.
        advice: How to fix the row or the mapping.
        column: The invalid column; empty if the row as a whole is invalid.
        value: The cell of that column.
    """

    def __init__(self, reason: str, advice: str, column: str = "", value: object = None) -> None:
        super().__init__(f"{reason}: {advice}")
        self.reason = reason
        self.advice = advice
        self.column = column
        self.value = value

    def at(self, column: str, value: object) -> "RowError":
        """Add the column and the cell, and return this error."""
        self.column, self.value = column, value
        return self
