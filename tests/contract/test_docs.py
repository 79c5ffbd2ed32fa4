"""What the documents say exists."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tests.observability import BOARDS, panels
from workers.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FAILURES = (ROOT / "docs/what-happens-when.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
RUNBOOKS = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS = (
    "schemas",
    "streams",
    "streams/runtime",
    "streams/domain",
    "streams/engine",
    "streams/agents",
    "workers",
    "tests",
)
VARIABLE = re.compile(r"\b(?:LEADLOOP|KAFKA|SCHEMA_REGISTRY|REDIS)_[A-Z_]+[A-Z]\b")
PRIVATE_WORDS = re.compile(r"\b(told|anew|mend(?:s|ed|ing)?|whoever|parcels?|deaf)\b", re.IGNORECASE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
PATH = re.compile(r"(?<![\w/.-])(?:schemas|streams|workers|deploy|docs|tests)/[\w*/.-]*[\w*/]")
COMMENT = re.compile(r"#.*")
OF_THE_USER = {
    "deploy/config/keys.yml",
    "deploy/secrets",
    "deploy/secrets/grafana-admin-password",
}  # not in the repository
TEXTS = [
    *PAGES,
    *sorted(path for pattern in ("*.yml", "*.yaml", "*.json", "*.txt") for path in (ROOT / "deploy").rglob(pattern)),
    ROOT / "docker-compose.yml",
]
FOR_TESTS = {"LEADLOOP_REQUIRE_KAFKA", "LEADLOOP_OLIST", "LEADLOOP_REFERENCE", "KAFKA_SASL_PASSWORD_FILE"}


def _read_by_settings() -> set[str]:
    files = ("settings.py", "page_settings.py", "registry_settings.py")
    text = "\n".join((ROOT / "streams/runtime" / file).read_text(encoding="utf-8") for file in files)
    return set(re.findall(r'(?:env\.|\b_)\w+\(\s*"([A-Z_]+)"', text))


def test_every_test_that_the_documents_name_exists() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", README + FAILURES))
    assert named
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_every_path_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", README + FAILURES)) | set(re.findall(r"\]\(([\w/.-]+)\)", README))
    assert {path for path in named if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_points_to_an_existing_file_and_heading(page: Path) -> None:
    lost = []
    for name, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([\w-]+))?\)", page.read_text(encoding="utf-8")):
        linked = page.parent / name if name else page
        if not linked.exists() or (anchor and anchor not in _anchors(linked)):
            lost.append(f"{name}#{anchor}")
    assert lost == []


def _anchors(page: Path) -> set[str]:
    """As the pages' hosts make them of headings."""
    headings = [one for one in page.read_text(encoding="utf-8").splitlines() if one.startswith("#")]
    return {re.sub(r"[^\w -]", "", one.lstrip("# ").lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_texts_for_users_use_standard_terms(page: Path) -> None:
    """Code and test names are exempt: they are in backticks."""
    prose = CODE.sub("", page.read_text(encoding="utf-8"))
    assert sorted({word.lower() for word in PRIVATE_WORDS.findall(prose)}) == []


def test_help_texts_use_standard_terms() -> None:
    texts = list(_help_texts(get_command(cli)))
    assert len(texts) > len(cli.registered_commands)
    assert sorted({word.lower() for text in texts for word in PRIVATE_WORDS.findall(text)}) == []


def test_every_command_and_option_has_a_help_text() -> None:
    assert all(text.strip() for text in _help_texts(get_command(cli)))


def _help_texts(command: Any) -> Iterator[str]:
    yield command.help or ""
    yield from (parameter.help or "" for parameter in command.params)
    for one in getattr(command, "commands", {}).values():
        yield from _help_texts(one)


def test_every_variable_of_the_operations_page_is_read_by_a_process() -> None:
    assert set(VARIABLE.findall(OPERATIONS)) - FOR_TESTS - {"REDIS_URL_FILE"} <= _read_by_settings()


def test_the_readme_lists_exactly_the_settings_that_are_read() -> None:
    assert set(VARIABLE.findall(README)) - FOR_TESTS == _read_by_settings()


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_is_in_the_architecture(room: str) -> None:
    modules = {path.name for path in (ROOT / room).glob("*.py")} - {"__init__.py", "conftest.py"}
    named = re.findall(r"`([\w*.]+\.py)`", ARCHITECTURE)
    assert {name for name in modules if not any(fnmatchcase(name, pattern) for pattern in named)} == set()


def test_every_module_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`([a-z_]+/)?(\w+\.py)`", ARCHITECTURE))
    files = {
        path.name
        for tree in ("schemas", "streams", "workers", "deploy", "tests")
        for path in (ROOT / tree).rglob("*.py")
    }
    assert {name for _, name in named if name not in files} == set()


@pytest.mark.parametrize("house", ["streams", "workers", "deploy", "tests"])
def test_every_package_is_in_the_architecture(house: str) -> None:
    rooms = {path.name for path in (ROOT / house).iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {name for name in rooms if not re.search(rf"\b{name}\b", ARCHITECTURE)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_the_documents_name_exists(page: Path) -> None:
    """In code, with its options: `leadloop deliveries replay --dry-run`."""
    typed = re.findall(r"(?:^ *|[`(])leadloop ([a-z][^`\n|&#>]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [one for one in typed if not _is_command(one.split())] == []


def _is_command(words: list[str]) -> bool:
    command: Any = get_command(cli)
    left = iter(words)
    while commands := getattr(command, "commands", None):
        if (name := next(left, None)) is None:  # a group of commands, named as such
            return True
        if (command := commands.get(name)) is None:
            return False
    options = {option for parameter in command.params for option in parameter.opts}
    return {word.partition("=")[0] for word in left if word.startswith("--")} <= options


def test_every_row_panel_and_query_that_the_runbooks_name_exists() -> None:
    titles = {one for board in BOARDS for one in re.findall(r'"title": "([^"]+)"', board.read_text(encoding="utf-8"))}
    lines = {target["legendFormat"] for panel in panels() for target in panel.json["targets"]}
    named = set(re.findall(r"“([^”]+)”", RUNBOOKS)) - {"redis"}  # that one is the value of a label
    assert named - titles - lines == set()


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_text_names_exists(page: Path) -> None:
    """In code in a page, in comments elsewhere: `tests/waiting.py`, `deploy/grafana/*.py`."""
    text = page.read_text(encoding="utf-8")
    code = "\n".join(CODE.findall(text)) if page.suffix == ".md" else "\n".join(COMMENT.findall(text))
    assert {path for path in PATH.findall(code) if path not in OF_THE_USER and not any(ROOT.glob(path))} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_and_module_that_a_page_names_exists(page: Path) -> None:
    code = "\n".join(CODE.findall(page.read_text(encoding="utf-8")))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", code)) <= targets
    modules = re.findall(r"python -m ((?:schemas|streams|workers|tests|deploy)[\w.]*)", code)
    assert [name for name in modules if find_spec(name) is None] == []
