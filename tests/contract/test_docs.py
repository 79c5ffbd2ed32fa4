"""What the documents say exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\b(?:LEADLOOP|KAFKA|SCHEMA_REGISTRY)_[A-Z_]+[A-Z]\b")
FOR_TESTS = {"LEADLOOP_REQUIRE_KAFKA", "LEADLOOP_OLIST", "LEADLOOP_REFERENCE", "KAFKA_SASL_PASSWORD_FILE"}


def _read_by_settings() -> set[str]:
    text = (ROOT / "streams/config/settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', text))


def test_every_test_that_the_readme_names_is_there() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", README))
    assert named
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_every_path_that_the_readme_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", README)) | set(re.findall(r"\]\(([\w/.-]+)\)", README))
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_readme_lists_the_settings_that_are_read_and_no_others() -> None:
    assert set(VARIABLE.findall(README)) - FOR_TESTS == _read_by_settings()


def test_every_module_has_its_place_in_the_architecture() -> None:
    for package in ("schemas", "streams/config", "streams/domain", "streams/engine", "streams/agents", "workers"):
        modules = {path.name for path in (ROOT / package).glob("*.py")} - {"__init__.py"}
        assert {name for name in modules if f"`{name}`" not in ARCHITECTURE} == set(), package
