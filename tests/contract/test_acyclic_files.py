"""The check for import cycles finds every one, and nothing else."""

from tests.contract.acyclic_files import cycles_of


def test_imports_in_one_direction_are_no_cycle() -> None:
    assert list(cycles_of({"a": {"b", "c"}, "b": {"c"}, "c": set()})) == []


def test_two_files_that_import_each_other_are_a_cycle() -> None:
    assert list(cycles_of({"a": {"b"}, "b": {"a"}, "c": {"a"}})) == [("a", "b")]


def test_an_indirect_cycle_is_reported_completely() -> None:
    assert list(cycles_of({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "e"}, "e": {"d"}})) == [
        ("a", "b", "c"),
        ("d", "e"),
    ]


def test_a_package_and_its_own_module_can_form_a_cycle() -> None:
    assert list(cycles_of({"p": {"p.m"}, "p.m": {"p"}})) == [("p", "p.m")]
