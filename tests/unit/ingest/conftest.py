"""The application of ingest with a fake sender: with keys alone, and with the webhooks of all dialects."""

from pathlib import Path

import pytest

from tests.unit.ingest.lives import shipped_posting
from tests.unit.ingest.posting import Posting
from tests.unit.ingest.webhooks import KEYS, SECRET, STANDARD, SYSTEMS


@pytest.fixture
def posting(tmp_path: Path) -> Posting:
    return Posting(tmp_path)


@pytest.fixture
def webhooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Posting:
    for name, value in (("A_SECRET", SECRET), ("OTHER", "the old one"), ("STANDARD", STANDARD)):
        monkeypatch.setenv(name, value)
    return Posting(tmp_path, keys=KEYS, systems=SYSTEMS)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Posting:
    return shipped_posting(tmp_path, monkeypatch)
