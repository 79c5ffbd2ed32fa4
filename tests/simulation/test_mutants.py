"""Every planted error is found: a simulation that finds none of them would prove nothing."""

import logging
from collections.abc import Callable, Iterator

import pytest

from .mutants import MUTANTS, Mutant

SEEDS = 200


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_a_planted_error_is_found(mutant: Mutant, record_property: Callable[[str, object], None]) -> None:
    found = next(filter(mutant.is_found, range(mutant.first, mutant.first + SEEDS)), None)
    assert found is not None
    record_property("seed", found)
