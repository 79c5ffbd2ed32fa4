"""Drafts the fields of facts from the columns of a file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..flags import FLAG_WORDS
from .columns import plain_name, roles_of
from .inspection import InspectedFile
from .meanings import MoneyColumn, meanings, money_column
from .time_formats import TimeColumn, time_column, unread_text

_SEPARATOR = ";"  # between the ids of one cell
_SALESFORCE = re.compile(r"00[Q3][A-Za-z0-9]{12}(?:[A-Z0-5]{3})?")
_NAMES = {"contact person", "contact", "person", "name"}


@dataclass(slots=True)
class DraftedField:
    """A field of a fact, and what could not be known about it."""

    name: str
    value: str | Mapping[str, object]
    doubts: list[str] = field(default_factory=list)

    @property
    def column(self) -> str | None:
        """The column of the field; None if it is a constant."""
        found = self.value.get("column") if isinstance(self.value, Mapping) else self.value
        return None if found is None else str(found)


class FieldDrafter:
    """Drafts fields of the facts of one file, by the roles of its columns.

    Attributes:
        doubts: What could not be known about the table as a whole.
        local_columns: Columns with times of day without an offset.
    """

    def __init__(self, found: InspectedFile) -> None:
        self._found = found
        self._roles = {role: name for role, name in roles_of(found.columns).items() if any(found.columns[name])}
        self.doubts: list[str] = list(found.doubts)
        self.local_columns: list[str] = []

    def _values(self, role: str) -> list[str]:
        return self._found.columns[self._roles[role]]

    def _lead_id(self) -> DraftedField:
        name = self._roles.get("lead_id")
        if name is None or plain_name(name) in _NAMES:
            name = self._roles.get("mail", name)
        column = name or self._unique_column()
        values = [value for value in self._found.columns[column] if value]
        has_several = any(_SEPARATOR in value for value in values)
        keys: dict[str, object] = {"split": _SEPARATOR} if has_several else {}
        if values and all(map(_SALESFORCE.fullmatch, values)):  # reports have ids of 15 characters, other exports of 18
            keys["salesforce"] = True
        return DraftedField("lead_id", {"column": column, **keys} if keys else column, [*_id_doubts(column, values)])

    def _unique_column(self) -> str:
        columns = self._found.columns
        return next(
            (name for name, values in columns.items() if all(values) and len(set(values)) == len(values)),
            next(iter(columns)),
        )

    def _time(self, name: str, *roles: str, is_optional: bool = False) -> DraftedField:
        for column in (self._roles[role] for role in roles if role in self._roles):
            if (read := time_column(self._found.columns[column], is_named=True)).formats:
                return self._time_field(name, column, read, is_optional=is_optional)
        for column, values in self._found.columns.items():
            if not is_optional and all(values) and (read := time_column(values)).formats:
                drafted = self._time_field(name, column, read, is_optional=False)
                drafted.doubts.append(f"is {column!r} the time of the fact?")
                return drafted
        unread = next((self._roles[role] for role in roles if role in self._roles), None)
        if unread is not None:
            doubt = f"the format of {unread_text(self._found.columns[unread])!r} is unknown: write it in `formats:`"
            return self._time_field(name, unread, TimeColumn(("iso",), doubt=doubt), is_optional=is_optional)
        at = datetime.fromtimestamp(self._found.path.stat().st_mtime, UTC).date().isoformat()
        return DraftedField(name, {"constant": at}, ["no column of times was found; this is the date of the file"])

    def _optional_time(self, role: str) -> DraftedField | None:
        read = time_column(self._values(role), is_named=True)
        return self._time_field(role, self._roles[role], read, is_optional=None) if read.formats else None

    def _time_field(self, name: str, column: str, read: TimeColumn, *, is_optional: bool | None) -> DraftedField:
        if read.is_local:
            self.local_columns.append(column)
        keys: dict[str, object] = {} if read.formats == ("iso",) else {"formats": list(read.formats)}
        if is_optional or (is_optional is False and not all(self._found.columns[column])):
            keys["empty"] = "skip"
        doubts = [read.doubt] if read.doubt else []
        if keys.get("empty") and not is_optional:
            doubts.append(f"some rows have no {column!r}: they make no such fact")
        if read.has_no_hours and name == "occurred_at":
            doubts.append(f"{column!r} has dates without a time of day")
        return DraftedField(name, {"column": column, **keys} if keys else column, doubts)

    def _texts(self, *roles: str) -> list[DraftedField]:
        return [DraftedField(role, self._roles[role]) for role in roles if role in self._roles]

    def _words(self, name: str, role: str, table: str) -> list[DraftedField]:
        if role not in self._roles:
            return []
        known, unknown = meanings(self._values(role), table)
        keys: dict[str, object] = {"column": self._roles[role], "values": known, "otherwise": "unknown"}
        if not known:
            listed = ", ".join(map(repr, unknown[:5]))
            self.doubts.append(f"{self._roles[role]!r} is not mapped to {name}: what do {listed} mean?")
            return []
        return [DraftedField(name, keys, [f"what does {text!r} mean?" for text in unknown[:20]])]

    def _opt_out(self) -> list[DraftedField]:
        if "opt_out" not in self._roles:
            return []
        column = self._roles["opt_out"]
        unknown = {value for value in self._values("opt_out") if value and value.lower() not in FLAG_WORDS}
        if unknown:
            self.doubts.append(f"{column!r} is not mapped to do_not_contact: what does {min(unknown)!r} mean?")
            return []
        return [DraftedField("do_not_contact", column)]

    def _amount(self, name: str) -> list[DraftedField]:
        money = self._money()
        if money is None:
            return []
        keys: dict[str, object] = {
            "column": self._roles["amount"],
            **({"decimal": ","} if money.decimal == "," else {}),
        }
        return [
            DraftedField(name, keys if len(keys) > 1 else self._roles["amount"], [money.doubt] if money.doubt else [])
        ]

    def _money(self) -> MoneyColumn | None:
        if "amount" not in self._roles:
            return None
        money = money_column(self._roles["amount"], self._values("amount"))
        return money if money.decimal else None

    def _currency(self) -> list[DraftedField]:
        if "currency" in self._roles:
            return [DraftedField("currency", self._roles["currency"])]
        money = self._money()
        code = money.currency if money is not None else ""
        doubt = "is this the currency of all amounts?" if code else "which currency? This is a guess"
        return [DraftedField("currency", {"constant": code or "EUR"}, [doubt])]


def _id_doubts(name: str, values: list[str]) -> Iterable[str]:
    if any("@" in value for value in values):
        yield f"{name!r} holds mail addresses: they change, and and depend on case"
    elif plain_name(name) in _NAMES:
        yield f"{name!r} holds names of people: two leads of one name would become one"
    elif plain_name(name) == "deal id":
        yield f"{name!r} identifies a deal: one lead per deal?"
    if any(value.endswith(".0") for value in values):
        yield f"ids such as {next(v for v in values if v.endswith('.0'))!r} went through a spreadsheet"
    if any("e+" in value.lower() for value in values):
        yield f"ids such as {next(v for v in values if 'e+' in v.lower())!r} are rounded: export them as text"
