"""What docs/policy.md says: its recipes are policies, and it defines every term."""

import re
from pathlib import Path
from typing import get_args

import pytest

from schemas.events import Decision, Stage
from streams.domain.decisions import WHYS
from streams.domain.lead import Cause
from streams.domain.policy import Disposition, Policy, StallCause
from streams.domain.policy.promises import CLOCKS
from streams.domain.policy.rules import WORDS
from streams.policy_file import parse_policy, policy_warnings

PAGE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### (.+?)$\n.*?^```yaml\n(version:.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def section(title: str) -> str:
    """The text below a heading of the second level."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def cells(title: str, column: int) -> list[str]:
    """The texts of one column of the tables of a section, without their headings and code marks."""
    rows = [row.strip("|").split("|") for row in section(title).splitlines() if row.startswith("|")]
    return [row[column].replace("`", "").strip() for row in rows if not row[0].startswith("--")]


def test_the_page_has_the_recipes() -> None:
    assert list(RECIPES) == [
        "Speed to lead",
        "B2B enterprise",
        "High-volume B2C",
        "Regulated consent",
        "Escalate neglect first",
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_policy_without_doubts(name: str) -> None:
    assert [str(each) for each in policy_warnings(RECIPES[name], name)] == []


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_the_reasons_that_the_shipped_mappings_report_most(name: str) -> None:
    policy = parse_policy(RECIPES[name], name)
    assert [reason for reason in ("bad_timing", "invalid") if not policy.is_named(reason)] == []


def test_every_decision_and_every_stage_is_defined() -> None:
    assert set(get_args(Decision)) - {"UNKNOWN"} <= set(cells("Decisions", 0))
    assert set(get_args(Stage)) <= set(cells("Stages", 0))


def test_every_why_is_defined() -> None:
    whys = {why for each in WHYS.values() for why in each} | set(get_args(Cause))
    assert whys <= set(", ".join(cells("Why", 1)).split(", "))


def test_every_promise_dimension_disposition_and_cause_is_defined() -> None:
    assert {*CLOCKS, "max_attempts"} == set(cells("Promises", 0)) - {"promise"}
    assert {*WORDS, "amount", "pass"} == set(", ".join(cells("Rules", 0)).split(", ")) - {"key"}
    reasons = section("Reasons")
    assert [each for each in (*get_args(Disposition), *get_args(StallCause)) if f"`{each}`" not in reasons] == []


def test_the_limits_on_the_page_are_those_of_the_default_policy() -> None:
    defaults = dict(zip(cells("Limits", 0), cells("Limits", 2), strict=True))
    limits = Policy().limits
    assert defaults["max_recycles"] == str(limits.max_recycles)
    assert defaults["holdout"] == str(limits.holdout_percent)
