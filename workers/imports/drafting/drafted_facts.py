"""Drafts the facts of a table from what its columns seem to mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..flags import FLAG_WORDS
from ..mapping import KINDS
from .columns import is_of_activities, plain_name, roles_of
from .inspection import InspectedFile
from .meanings import MoneyColumn, meanings, money_column
from .time_formats import TimeColumn, time_column

_NAMES = {"contact person", "contact", "person", "name"}
_LOG_FIELDS = ("owner_id", "origin", "campaign_id", "segment", "account_id", "outcome", "reason")
_NEEDED = {
    "deal-closed": {"outcome"},
    "lead-stalled": {"reason"},
    "lead-updated": {"owner_id", "campaign_id", "segment", "account_id"},
}


@dataclass(slots=True)
class DraftedField:
    """A field of a fact, and what could not be known about it."""

    name: str
    value: str | Mapping[str, object]
    doubts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class DraftedFact:
    """One fact of a table."""

    kind: str | Mapping[str, object]
    fields: list[DraftedField] = field(default_factory=list)
    when: dict[str, list[str]] = field(default_factory=dict)


class FactDrafter:
    """Drafts the facts of one file.

    Attributes:
        doubts: What could not be known about the table as a whole.
        local_columns: Columns with times of day without an offset.
    """

    def __init__(self, found: InspectedFile) -> None:
        self._found = found
        self._roles = {role: name for role, name in roles_of(found.columns).items() if any(found.columns[name])}
        self.doubts: list[str] = list(found.doubts)
        self.local_columns: list[str] = []

    def facts(self) -> list[DraftedFact]:
        """Return the facts."""
        if (log := self._kind_column()) is not None:
            return [self._logged(log)]
        if is_of_activities(self._found.columns, self._roles):
            return [self._activity()]
        return [self._created(), *self._first_contact(), *self._closed()]

    def _values(self, role: str) -> list[str]:
        return self._found.columns[self._roles[role]]

    def _kind_column(self) -> str | None:
        for name, values in self._found.columns.items():
            if (texts := set(filter(None, values))) and all(map(_kind_of, texts)):
                return name
        return None

    def _logged(self, column: str) -> DraftedFact:
        names = {plain_name(name): name for name in self._found.columns}
        known = {name.replace("_", " "): name for name in (*_LOG_FIELDS, "event_id")}
        fields = [DraftedField(known[plain], name) for plain, name in names.items() if plain in known]
        kinds = self._kinds_of_log(column, {each.name for each in fields})
        own = [each for each in fields if each.name == "event_id"]
        others = [each for each in fields if each.name != "event_id"]
        at = self._time("occurred_at", "activity_at", "created_at")
        return DraftedFact({"column": column, "values": kinds}, [*own, self._lead_id(), at, *others])

    def _kinds_of_log(self, column: str, given: set[str]) -> dict[str, str]:
        kinds: dict[str, str] = {}
        for text in dict.fromkeys(filter(None, self._found.columns[column])):
            needed = _NEEDED.get(_kind_of(text), set())
            if needed and not needed & given:
                fields = " or ".join(sorted(needed))
                self.doubts.append(f"{text!r} is not mapped: it needs {fields}, and no column has this name")
            else:
                kinds[text] = _kind_of(text)
        return kinds

    def _created(self) -> DraftedFact:
        fact = DraftedFact("lead-created", [self._lead_id(), self._time("occurred_at", "created_at", "activity_at")])
        fact.fields += self._texts("origin", "campaign_id", "segment", "owner_id", "account_id")
        if self._is_expected_amount():
            fact.fields += self._amount("expected_amount")
        fact.fields += self._opt_out()
        return fact

    def _activity(self) -> DraftedFact:
        fact = DraftedFact("lead-contacted", [self._lead_id(), self._time("occurred_at", "activity_at", "created_at")])
        if (own := self._own_id(fact.fields[0].value)) is not None:
            fact.fields.insert(0, DraftedField("event_id", {"column": own, "prefix": "activities/"}))
        else:
            text = "no column identifies a call: two calls of a lead at one time count as one"
            self.doubts.append(text)
        fact.fields += self._words("activity", "activity", "activity")
        fact.fields += self._words("direction", "direction", "direction")
        fact.fields += self._words("outcome", "result", "outcome")
        fact.fields += self._texts("owner_id")
        if "next_step_at" in self._roles and (found := self._optional_time("next_step_at")) is not None:
            fact.fields.append(found)
        return fact

    def _own_id(self, lead_column: object) -> str | None:
        """The column that identifies an activity."""
        if "event_id" in self._roles:
            return self._roles["event_id"]
        names = (
            name for name in self._found.columns if plain_name(name) in ("id", "record id") and name != lead_column
        )
        return next((name for name in names if all(self._found.columns[name])), None)

    def _first_contact(self) -> list[DraftedFact]:
        if "contacted_at" not in self._roles:
            return []
        found = self._time("occurred_at", "contacted_at", is_optional=True)
        name = self._roles["contacted_at"]
        if "last" in plain_name(name) or "letzte" in plain_name(name):
            found.doubts.append(f"{name!r} holds only the last contact: an export of all calls would be better")
        fields = [self._lead_id(), found, DraftedField("activity", {"constant": "call"}, ["always a call?"])]
        return [DraftedFact("lead-contacted", fields + self._words("outcome", "result", "outcome"))]

    def _closed(self) -> list[DraftedFact]:
        states = meanings(self._values("status"), "deal")[0] if "status" in self._roles else {}
        if {"won_at", "lost_at"} & self._roles.keys():
            return [self._closed_at(role, states) for role in ("won_at", "lost_at") if role in self._roles]
        if "closed_at" not in self._roles:
            return []
        if not states:
            self.doubts.append(
                f"{self._roles['closed_at']!r} is not mapped: no column says whether a deal was won or lost"
            )
            return []
        fact = DraftedFact("deal-closed", [self._lead_id(), self._time("occurred_at", "closed_at", is_optional=True)])
        fact.when = {self._roles["status"]: [*states]}
        fact.fields.append(DraftedField("outcome", {"column": self._roles["status"], "values": states}))
        return [self._with_details(fact)]

    def _closed_at(self, role: str, states: Mapping[str, str]) -> DraftedFact:
        outcome = role.removesuffix("_at")
        fact = DraftedFact("deal-closed", [self._lead_id(), self._time("occurred_at", role, is_optional=True)])
        if texts := [text for text, state in states.items() if state == outcome]:
            fact.when = {self._roles["status"]: texts}
        fact.fields.append(DraftedField("outcome", {"constant": outcome}))
        return self._with_details(fact)

    def _with_details(self, fact: DraftedFact) -> DraftedFact:
        fact.fields += self._texts("reason")
        if not self._is_expected_amount():
            amount = self._amount("amount")
            fact.fields += amount
            fact.fields += self._currency() if amount else []
        return fact

    def _is_expected_amount(self) -> bool:
        return not {"won_at", "lost_at", "closed_at"} & self._roles.keys()

    def _lead_id(self) -> DraftedField:
        name = self._roles.get("lead_id")
        if name is None or plain_name(name) in _NAMES:
            name = self._roles.get("mail", name)
        column = name or self._unique_column()
        values = [value for value in self._found.columns[column] if value]
        return DraftedField("lead_id", column, [*_id_doubts(column, values)])

    def _unique_column(self) -> str:
        columns = self._found.columns
        return next(
            (name for name, values in columns.items() if all(values) and len(set(values)) == len(values)),
            next(iter(columns)),
        )

    def _time(self, name: str, *roles: str, is_optional: bool = False) -> DraftedField:
        for column in (self._roles[role] for role in roles if role in self._roles):
            if (read := time_column(self._found.columns[column])).formats:
                return self._time_field(name, column, read, is_optional=is_optional)
        for column, values in self._found.columns.items():
            if not is_optional and all(values) and (read := time_column(values)).formats:
                drafted = self._time_field(name, column, read, is_optional=False)
                drafted.doubts.append(f"is {column!r} the time of the fact?")
                return drafted
        unread = next((self._roles[role] for role in roles if role in self._roles), None)
        if unread is not None:
            sample = next(filter(None, self._found.columns[unread]), "")
            return DraftedField(name, unread, [f"the format of {sample!r} is unknown: write it in `formats:`"])
        at = datetime.fromtimestamp(self._found.path.stat().st_mtime, UTC).date().isoformat()
        return DraftedField(name, {"constant": at}, ["no column of times was found; this is the date of the file"])

    def _optional_time(self, role: str) -> DraftedField | None:
        read = time_column(self._values(role))
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


def _kind_of(text: str) -> str:
    """The kind of fact that a text of a log names; empty if it names none."""
    plain = "".join(filter(str.isalpha, text.lower())).removeprefix("leadloopv")
    return next((kind for kind in KINDS if kind.replace("-", "") == plain), "")


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
    if any(";" in value for value in values):
        yield f"{name!r} holds several ids in one cell"
