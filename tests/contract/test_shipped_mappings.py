"""The shipped files fit together: every reason that a shipped mapping writes has a rule in the shipped policy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.domain.policy import Policy
from streams.policy_file import parse_policy
from workers.demo.generated_history import history_mapping
from workers.imports.mapping import ClosedPart, Mapping, StalledPart, load_mapping

CONFIG = Path(__file__).parents[2] / "deploy/config"
POLICY = parse_policy((CONFIG / "policy.yml").read_text(encoding="utf-8"), "policy.yml")
MAPPINGS = {path.name: load_mapping(path) for path in sorted((CONFIG / "mappings").glob("*.yml"))}
MAPPINGS["demo"] = history_mapping()
LEFT_OPEN = {"other", "unspecified"}
"""Reasons that name none: `otherwise` of the policy applies to them."""


def reasons_of(mapping: Mapping) -> Iterator[str]:
    """Every reason that a fact of this mapping may have."""
    for table in mapping.tables.values():
        for part in table.facts:
            if isinstance(part, StalledPart) or (isinstance(part, ClosedPart) and _may_be_lost(part)):
                yield from _reasons(part)


def _may_be_lost(part: ClosedPart) -> bool:
    return "lost" in part.outcome.written_values() or part.outcome.otherwise == "keep"


def _reasons(part: StalledPart | ClosedPart) -> Iterator[str]:
    source = part.reason
    if source is not None:
        assert source.is_constant() or (source.values and source.otherwise != "keep"), "any text could be a reason"
        yield from source.written_values()
    if isinstance(part, ClosedPart) and (source is None or source.empty is None):
        yield "lost"  # as facts of deals without a reason say


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("policy", [POLICY, Policy()], ids=["the file", "the default"])
def test_every_reason_of_a_shipped_mapping_is_one_of_the_policy(name: str, policy: Policy) -> None:
    assert {*reasons_of(MAPPINGS[name])} <= {*policy.reasons, *LEFT_OPEN}


def test_the_shipped_mappings_write_reasons() -> None:
    found = {reason for mapping in MAPPINGS.values() for reason in reasons_of(mapping)}
    assert {"unqualified", "bad_timing", "price", "lost", *LEFT_OPEN} <= found
