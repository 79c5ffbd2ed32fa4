"""What can go wrong with an import, by what happens next.

schemas.errors.UserError
└── ImportFailure       the import ends: the message says what to change
    └── BrokerFailure   the broker failed: run the import again, facts that are in are recognised
RowError                one row is rejected, with its reason; the import goes on
"""

from schemas.errors import UserError


class ImportFailure(UserError):
    """The import cannot go on as asked; the message names the cause and what to do."""


class BrokerFailure(ImportFailure):
    """The broker refused or fell silent. Run the import again: what is in by then is recognised by its id."""


class RowError(Exception):
    """One row stays out. `reason` is a word to count by, `advice` what its owner can do."""

    def __init__(self, reason: str, advice: str, column: str = "", value: object = None) -> None:
        super().__init__(f"{reason}: {advice}")
        self.reason = reason
        self.advice = advice
        self.column = column
        self.value = value

    def at(self, column: str, value: object) -> "RowError":
        """The same with the place that it was found at."""
        self.column, self.value = column, value
        return self
