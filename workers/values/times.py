"""Times as systems write them: units that numbers are in, and dates that stand for "never" and "none"."""

import re
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType

from schemas.instants import COMPACT, DISTANT_MS, EXCEL, Unit, unit_of

_FORMATS: Mapping[Unit, str] = MappingProxyType(
    {"seconds": "epoch_s", "milliseconds": "epoch_ms", EXCEL: "excel", COMPACT: '"%Y%m%d"'}
)
PLACEHOLDERS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "lead-contacted": ("next_step_at", DISTANT_MS),
        "lead-stalled": ("resume_at", DISTANT_MS),
        "lead-created": ("consent_expires_at", 80 * DISTANT_MS),  # a consent may well end in 2099, but not in 2999
    }
)
"""By kind: the optional time of a fact, and how long after the fact it is no longer plausible (ms)."""


_is_zero_date = re.compile(r"0{4}-00-00([T ][0:.]*Z?)?|00[./]00[./]0000([ T][0:.]*)?").fullmatch


def is_zero_date(text: str) -> bool:
    """Whether this is the date that databases without nulls store where there is none: 0000-00-00."""
    return text.startswith("00") and _is_zero_date(text) is not None


def doubt_of_unit(number: float) -> str:
    """Return the question that a time in an implausible unit raises: "is it in seconds?"; empty if there is none."""
    unit = unit_of(number)
    return f"is it in {unit}?" if unit else ""


def format_of_unit(number: float) -> str:
    """Return the same question with the format of a mapping that reads it; empty if there is none."""
    unit = unit_of(number)
    if unit is None:
        return ""
    return f"is it in {unit}? Then write `formats: {_FORMATS[unit]}`" if unit in _FORMATS else f"is it in {unit}?"


def remove_placeholders(kind: str, content: MutableMapping[str, str | int | bool]) -> None:
    """Remove what stands for "never" in the content of a fact: a next step of 2099, a consent until 9999."""
    name, span = PLACEHOLDERS.get(kind, ("", 0))
    if name in content and int(content[name]) - int(content["occurred_at"]) > span:
        del content[name]
