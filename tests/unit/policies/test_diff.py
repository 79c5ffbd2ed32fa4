"""`leadloop policy diff`: the differences between two policies, in sentences."""

import random
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from streams.domain.policy import Absence, Action, Intake, Policy, PolicyLimits, Promises, Rule, days
from streams.domain.policy.counts import Counting
from streams.domain.policy.rules import Interval
from streams.policy_file.policy_document import read_policy
from tests.unit.explaining.lives import a_random_policy
from workers.cli import cli
from workers.policies.diff.policy_differences import policy_differences, term_differences

TODAY = date(2026, 3, 2)
OFFICE = 'calendars: { office: { timezone: Europe/Berlin, hours: { mon-fri: "09:00-17:30" }, holidays: [2026-12-25] } }'
PAGE = (Path(__file__).parents[3] / "docs/policy.md").read_text(encoding="utf-8")
RECIPES = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if text.startswith("version")]


def differences(before: str, after: str) -> list[str]:
    """The sentences, each with its line."""
    old, new = (read_policy(f'version: "7"\n{text}', "policy") for text in (before, after))
    return [f"{line}: {text}" for line, text in policy_differences(old, new, TODAY)]


def cases() -> Iterator[Any]:
    """The cases of differences.txt: a policy, another, and what differs. Both begin with a line for the version."""
    text = Path(__file__).with_name("differences.txt").read_text(encoding="utf-8")
    for case in text.split("=== ")[1:]:
        title, rest = case.split("\n", 1)
        before, after = rest.split("--- in its place\n")
        yield pytest.param(before, *after.split("--- differences\n"), id=title)


@pytest.mark.parametrize(("before", "after", "found"), list(cases()))
def test_every_difference_is_a_sentence_with_the_line_of_the_second_file(before: str, after: str, found: str) -> None:
    assert differences(before, after) == found.strip().splitlines()


def test_what_has_no_effect_is_no_difference() -> None:
    before = "promises: { never_contacted: 2 days, max_attempts: 6 }"
    assert differences(before, "# another order, and the defaults\npromises: { max_attempts: 6 }\nlimits: {}") == []


def test_many_holidays_are_counted_and_the_next_ones_are_named() -> None:
    public = OFFICE.replace("[2026-12-25]", "{ country: DE }")
    (found,) = differences(OFFICE, public)
    assert re.fullmatch(
        r'2: The calendar "office" has \d+ more holidays: 2026-04-03, 2026-04-06, 2026-05-01, 2026-05-14, 2026-05-25 '
        r"and \d+ later ones\.",
        found,
    )


@pytest.mark.parametrize(("before", "after"), list(permutations(RECIPES, 2)))
def test_the_recipes_differ_in_whole_sentences(before: str, after: str) -> None:
    old, new = read_policy(before, "before"), read_policy(after, "after")
    found = policy_differences(old, new, TODAY)
    assert len(found) > 5
    assert found == sorted(found, key=lambda each: each.line)
    for line, text in found:
        assert 1 <= line <= after.count("\n")
        assert re.fullmatch(r"[A-Z][^{}]*\.", text), text
        assert not re.search(r"None|  | [.,;]|\.\.", text), text


# -- nothing is forgotten ------------------------------------------------------------------------------

OTHER: dict[str, Any] = {
    "never_contacted": days(9),
    "no_follow_up": days(9),
    "no_progress": days(9),
    "grace": days(9),
    "max_attempts": 9,
    "never_assigned": days(9),
    "no_next_step": days(9),
    "contact_from": "assigned",
    "warn": {"never_contacted": days(1)},
    "track": "other",
    "delay": days(9),
    "cooldown": days(9),
    "escalate": days(9),
    "disposition": "triggered",
    "max_recycles": 9,
    "max_age": days(9),
    "holdout_percent": 9,
    "holdout_salt": "other",
    "by": frozenset({"sales"}),
    "activities": frozenset({"call"}),
    "ignored": frozenset({"bounced"}),
    "progress": frozenset({"replied"}),
    "name": "other",
    "when": {"origin": ("other",)},
    "amount": Interval(9),
    "passes": Interval(9),
    "promises": Promises(),
    "counts": Counting(frozenset()),
    "version": "other",
    "rules": (),
    "reasons": {},
    "otherwise": None,
    "limits": PolicyLimits(9),
    "causes": {"price": "other"},
    "intake": Intake("other"),
    "owner": "other",
    "away": frozenset({Absence("other")}),
    "timezone": ZoneInfo("Europe/Berlin"),
    "first": date(2026, 3, 4),
    "last": date(2026, 3, 5),
}
RULE = Rule("rule", Promises(days(1)), {"origin": ("web",)})
AWAY = Absence("ana")
INTAKE = Intake("desk", frozenset({AWAY}))
POLICY = replace(Policy(), rules=(RULE,), reasons={"price": Action("offer")}, intake=INTAKE)


def changes() -> dict[str, Policy]:
    """The policy, with each term of it changed, one at a time."""
    changed = {name: replace(POLICY, **{name: OTHER[name]}) for name in _names(POLICY)}
    promises = {f"promises.{n}": replace(POLICY.promises, **{n: OTHER[n]}) for n in _names(POLICY.promises)}
    changed |= {name: replace(POLICY, promises=value) for name, value in promises.items()}
    limits = {f"limits.{n}": replace(POLICY.limits, **{n: OTHER[n]}) for n in _names(POLICY.limits)}
    changed |= {name: replace(POLICY, limits=value) for name, value in limits.items()}
    counts = {f"counts.{n}": replace(POLICY.counts, **{n: OTHER[n]}) for n in _names(POLICY.counts)}
    changed |= {name: replace(POLICY, counts=value) for name, value in counts.items()}
    rules = {f"rules.{n}": replace(RULE, **{n: OTHER[n]}) for n in _names(RULE)}
    changed |= {name: replace(POLICY, rules=(value,)) for name, value in rules.items()}
    intakes = {f"intake.{n}": replace(INTAKE, **{n: OTHER[n]}) for n in _names(INTAKE)}
    absences = {f"intake.away.{n}": replace(AWAY, **{n: OTHER[n]}) for n in _names(AWAY)}
    intakes |= {name: replace(INTAKE, away=frozenset({value})) for name, value in absences.items()}
    changed |= {name: replace(POLICY, intake=value) for name, value in intakes.items()}
    actions = {f"reasons.{n}": replace(Action("offer"), **{n: OTHER[n]}) for n in _names(Action("offer"))}
    return changed | {name: replace(POLICY, reasons={"price": value}) for name, value in actions.items()}


def _names(value: Any) -> list[str]:
    return [field.name for field in fields(value) if field.name in OTHER]


def test_every_term_has_another_value_here() -> None:
    types: tuple[Any, ...] = (Policy, Promises, PolicyLimits, Counting, Rule, Action, Intake, Absence)
    terms = {field.name for each in types for field in fields(each)}
    assert terms - OTHER.keys() == {"digest"}


@pytest.mark.parametrize("term", list(changes()))
def test_no_change_of_a_term_goes_unnoticed(term: str) -> None:
    assert list(term_differences(POLICY, changes()[term])), term


def test_random_policies_differ_exactly_if_they_are_not_equal() -> None:
    policies = [a_random_policy(random.Random(seed)) for seed in range(40)]
    for one, other in permutations(policies, 2):
        assert bool(list(term_differences(one, other))) == (one != other)
    assert not [one for one in policies if list(term_differences(one, replace(one)))]


# -- the command ---------------------------------------------------------------------------------------


def diff(folder: Path, before: str, after: str) -> Result:
    for name, text in (("a.yml", before), ("b.yml", after)):
        (folder / name).write_text(text, encoding="utf-8")
    return CliRunner().invoke(cli, ["policy", "diff", str(folder / "a.yml"), str(folder / "b.yml")])


def test_the_exit_code_says_whether_the_policies_differ(tmp_path: Path) -> None:
    same = diff(tmp_path, 'version: "7"', '# the same\nversion: "7"')
    assert (same.exit_code, same.stdout.endswith("mean the same\n")) == (0, True)
    differing = diff(tmp_path, 'version: "7"', 'version: "8"\npromises: { max_attempts: 3 }')
    assert differing.exit_code == 1
    assert differing.stdout.splitlines() == [
        f'{tmp_path / "b.yml"}:1: The version is "8" instead of "7".',
        f"{tmp_path / 'b.yml'}:2: At most 3 contacts without an answer or a meeting instead of 6.",
    ]
    assert differing.stderr == ""
    wrong = diff(tmp_path, 'version: "7"', "promises: 1")
    assert (wrong.exit_code, "b.yml:1" in wrong.stderr) == (2, True)


def test_another_policy_of_the_same_version_is_pointed_out(tmp_path: Path) -> None:
    result = diff(tmp_path, 'version: "7"', 'version: "7"\npromises: { max_attempts: 3 }')
    assert result.stderr == f"both have the version '7': give {tmp_path / 'b.yml'} another one\n"
