"""What sources cost: a CSV file (`LEADLOOP_COSTS_FILE`) that is read again when it has changed.

Columns: `month` (2026-03), `origin` or `campaign`, `amount` (whole units with a decimal point), `currency` (ISO 4217).
Several lines of one source add up within a currency.
"""

import csv
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from schemas.errors import UserError
from workers.values.amounts import AmountReader, NotAnAmount
from workers.values.currencies import CODES

COLUMNS = ("month", "origin", "campaign", "amount", "currency")
_SOURCES = ("origin", "campaign")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_LOG = logging.getLogger("leadloop.report")
_AMOUNTS = AmountReader(".", None, is_grouped=False)

SpentBy = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Minor units by `origin` or `campaign`, its value, and the currency."""


class Costs:
    """The costs of a file that may change; without one there are none.

    Raises:
        UserError: The file cannot be read, or a line of it is not valid.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.fault = ""
        """What is wrong with the file now; the costs of its last valid content are given meanwhile."""
        self._file = file
        self._seen = _state(file)
        self._spent: SpentBy = {} if file is None else read_costs(file)

    def of(self, by: str) -> Mapping[str, Mapping[str, int]]:
        """What each value of `origin` or `campaign` cost; nothing for other dimensions."""
        self._look()
        return self._spent.get(by, {})

    def _look(self) -> None:
        state = _state(self._file)
        if self._file is None or state == self._seen:
            return
        self._seen = state
        try:
            self._spent, self.fault = read_costs(self._file), ""
        except UserError as error:
            self.fault = str(error)
            _LOG.warning("the costs stay as they were: %s", error)


def read_costs(file: Path) -> SpentBy:
    """Read a file.

    Raises:
        UserError: It cannot be read, or a line is not valid; the message has the line and what to do.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"LEADLOOP_COSTS_FILE={file} cannot be read: {error}") from error
    lines = csv.DictReader(text.splitlines(), strict=True, restkey="?", restval="")
    found: dict[str, dict[str, Counter[str]]] = {by: defaultdict(Counter) for by in _SOURCES}
    try:
        _check_head(lines.fieldnames or ())
        for line in lines:
            by, value, currency, minor = _cost(line)
            found[by][value][currency] += minor
    except (_Invalid, csv.Error) as error:
        raise UserError(f"{file}, line {lines.line_num}: {error}") from error
    return found


class _Invalid(Exception):
    """What is wrong with a line, and what to do."""


def _check_head(names: Iterable[str]) -> None:
    names = list(names)
    missing = [name for name in ("month", "amount", "currency") if name not in names]
    if missing or not set(names) & set(_SOURCES):
        raise _Invalid(
            f"the columns are {', '.join(names) or 'none'}: write {','.join(COLUMNS)}, without the unused one"
        )
    if unknown := [name for name in names if name not in COLUMNS]:
        raise _Invalid(f"there is no column {unknown[0]!r}: there are {', '.join(COLUMNS)}")


def _cost(line: Mapping[str, str]) -> tuple[str, str, str, int]:
    if "?" in line:
        raise _Invalid("it has more cells than the first line: put text with commas in quotes")
    month, amount, currency = (line[name].strip() for name in ("month", "amount", "currency"))
    if not _MONTH.fullmatch(month):
        raise _Invalid(f"{month!r} is no month: write it as 2026-03")
    if currency not in CODES:
        raise _Invalid(f"{currency!r} is no currency: write its three letters, such as EUR")
    named = [by for by in _SOURCES if line.get(by)]
    if len(named) != 1:
        raise _Invalid("give an origin or a campaign, and not both")
    try:
        minor = _AMOUNTS.minor(amount, currency)
    except NotAnAmount as error:
        raise _Invalid(f"{amount!r} is no amount: write it as 1250.50") from error
    if minor < 0:
        raise _Invalid(f"{amount} is negative: write what was spent")
    return named[0], line[named[0]], currency, minor


def _state(file: Path | None) -> tuple[int, int] | None:
    """What tells that a file has changed; None: there is none, or it cannot be looked at."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size)
