"""What an address of the funnel asks for, and the form that writes it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Self

from htpy import (
    Element,
    a,
    button,
    datalist,
    form,
    input,  # noqa: A004  # the element
    label,
    option,
    select,
    span,
)
from pydantic import Field, model_validator

from workers.read_model.cohorts import CohortLength
from workers.report.api_models import FunnelDimension, FunnelGrouping, PassLabel
from workers.report.parameters import MAX_CURSOR, CohortParameters, Parameters, PeriodDay, QueryText

from .funnel_table import FIRST
from .phrases import NONE_WORD, address

DIMENSIONS: Mapping[FunnelDimension, str] = {
    "origin": "Origin",
    "campaign": "Campaign",
    "owner": "Owner",
    "segment": "Segment",
    "reason": "Why it went cold",
}
_PASSES: Mapping[PassLabel, str] = {"1": "first", "2": "second", "3": "third"}
_COHORTS: Mapping[CohortLength, str] = {"month": "month", "week": "week"}


class AskedFunnel(Parameters):
    """The funnel of all leads, or of those of an origin and a period of creation."""

    grouping: FunnelGrouping = Field("origin", alias="by")
    pass_label: PassLabel | None = Field(None, alias="pass")
    cohorts: CohortLength = "month"
    origin: QueryText = None
    first: PeriodDay | None = Field(None, alias="from")
    last: PeriodDay | None = Field(None, alias="to")
    cursor: str | None = Field(None, max_length=MAX_CURSOR)

    @model_validator(mode="after")
    def _has_a_period(self) -> Self:
        self._cohorts  # noqa: B018  # raises where the period is none, or too long
        return self

    @property
    def _cohorts(self) -> CohortParameters:
        period = {name: day.isoformat() for name, day in (("from", self.first), ("to", self.last)) if day is not None}
        return CohortParameters.model_validate({"by": self.cohorts, **period})

    @property
    def label(self) -> PassLabel:
        """The pass that is counted: of each lead one, so that numbers are numbers of leads."""
        return next((one for one in _PASSES if one == self.pass_label), FIRST)

    @property
    def by(self) -> FunnelDimension:
        return next((one for one in DIMENSIONS if one == self.grouping), "origin")

    @property
    def is_chosen(self) -> bool:
        """Whether only leads of an origin or of a period are counted."""
        return self.origin is not None or self.first is not None or self.last is not None

    def period(self, today: date) -> tuple[date, date]:
        """The first and the last day of creation."""
        return self._cohorts.period(today)

    @property
    def of_all(self) -> str:
        """The address of the same of all leads."""
        everything: dict[str, Any] = {"origin": None, "from": None, "to": None}
        return self.address(**everything)

    def address(self, path: str = "/funnel", **other: object) -> str:
        """The address of this, with other values."""
        given: dict[str, object] = {
            "by": self.by,
            "pass": self.label,
            "cohorts": self.cohorts,
            "origin": self.origin,
            "from": self.first,
            "to": self.last,
        }
        return address(path, **{**given, **other})


def funnel_form(asked: AskedFunnel, origins: Sequence[str]) -> Element:
    """The choices, which the address keeps; the CSV file has the same leads."""
    wanted = NONE_WORD if asked.origin == "" else asked.origin or ""
    csv = address("/v1/funnel.csv", by=asked.by, **{"pass": asked.label})
    if asked.is_chosen:
        of_period = {"from": asked.first, "to": asked.last, "origin": asked.origin, "pass": asked.label}
        csv = address("/v1/cohorts.csv", by=asked.cohorts, **of_period)
    return form(".filters", action="/funnel", method="get", aria_label="What the funnel shows")[
        label[
            span["Origin"],
            input(
                type="search", name="origin", value=wanted, placeholder="any", autocomplete="off", list="known-origins"
            ),
            datalist(id="known-origins")[[option(value=one) for one in origins]],
        ],
        _day("from", "Created from", asked.first),
        _day("to", "until", asked.last),
        _choice("pass", "Pass", dict(_PASSES), asked.label),
        _choice("cohorts", "Created in the same", dict(_COHORTS), asked.cohorts),
        _choice("by", "Compare by", dict(DIMENSIONS), asked.by),
        button(type="submit")["Show"],
        a(href=asked.of_all)["All leads"] if asked.is_chosen else None,
        a(href=csv)["Download as CSV"],
    ]


def _day(name: str, words: str, day: date | None) -> Element:
    return label[span[words], input(type="date", name=name, value=day.isoformat() if day else "")]


def _choice(name: str, words: str, values: dict[Any, str], chosen: str) -> Element:
    every = [option(value=value, selected=value == chosen)[shown] for value, shown in values.items()]
    return label[span[words], select(name=name)[every]]
