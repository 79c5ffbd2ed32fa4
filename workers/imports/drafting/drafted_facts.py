"""Drafts the facts of a table from what its columns seem to mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..mapping import KINDS
from .columns import is_of_activities, plain_name
from .drafted_fields import DraftedField, FieldDrafter
from .meanings import meanings

_LOG_FIELDS = ("owner_id", "origin", "campaign_id", "segment", "account_id", "outcome", "reason")
_NEEDED = {
    "deal-closed": {"outcome"},
    "lead-stalled": {"reason"},
    "lead-updated": {"owner_id", "campaign_id", "segment", "account_id"},
}


@dataclass(slots=True)
class DraftedFact:
    """One fact of a table."""

    kind: str | Mapping[str, object]
    fields: list[DraftedField] = field(default_factory=list)
    when: dict[str, list[str]] = field(default_factory=dict)


class FactDrafter(FieldDrafter):
    """Drafts the facts of one file."""

    def facts(self) -> list[DraftedFact]:
        """Return the facts."""
        if (log := self._kind_column()) is not None:
            return [self._logged(log)]
        if is_of_activities(self._found.columns, self._roles):
            return [self._activity()]
        others = [*self._first_contact(), *self._parked(), *self._closed()]
        return others if others and "created_at" not in self._roles else [self._created(), *others]

    def unmapped(self, facts: list[DraftedFact]) -> list[str]:
        """Return the columns that none of the facts uses."""
        used = {name for fact in facts for name in fact.when}
        for value in (each for fact in facts for each in (fact.kind, *(part.value for part in fact.fields))):
            used.add(str(value.get("column")) if isinstance(value, Mapping) else value)
        return [name for name in self._found.columns if name not in used]

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
        if "consent_expires_at" in self._roles and (found := self._optional_time("consent_expires_at")) is not None:
            fact.fields.append(found)
        fact.fields += self._opt_out()
        return fact

    def _activity(self) -> DraftedFact:
        fact = DraftedFact("lead-contacted", [self._lead_id(), self._time("occurred_at", "activity_at", "created_at")])
        if (own := self._own_id(fact.fields[0].column)) is not None:
            fact.fields.insert(0, DraftedField("event_id", {"column": own, "prefix": "activities/"}))
        else:
            text = "no column identifies a call: two calls of a lead at one time count as one"
            self.doubts.append(text)
        fact.fields += self._words("by", "by", "by")
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

    def _parked(self) -> list[DraftedFact]:
        if "parked_at" not in self._roles:
            return []
        fact = DraftedFact("lead-stalled", [self._lead_id(), self._time("occurred_at", "parked_at", is_optional=True)])
        unknown = DraftedField("reason", {"constant": "unknown"}, ["no column holds the reason"])
        fact.fields += self._texts("reason", "note") if "reason" in self._roles else [unknown]
        if "resume_at" in self._roles and (found := self._optional_time("resume_at")) is not None:
            fact.fields.append(found)
        return [fact]

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


def _kind_of(text: str) -> str:
    """The kind of fact that a text of a log names; empty if it names none."""
    plain = "".join(filter(str.isalpha, text.lower())).removeprefix("leadloopv")
    return next((kind for kind in KINDS if kind.replace("-", "") == plain), "")
