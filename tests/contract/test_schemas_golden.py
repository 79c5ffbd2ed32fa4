"""Bytes that were once written stay readable, and the newest version still writes them so.

`golden/RECORD.vN.json`: cases of a record's fields and the bytes that version N makes of them. Files are added with a
release and never changed.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from schemas.catalogue import RECORDS, Catalogue, Release, releases, releases_of
from schemas.codec import Codec

GOLDEN = Path(__file__).parent / "golden"
CODEC = Codec(Catalogue.bundled())
TYPES = {record.__name__: record for record in RECORDS}


def _cases(release: Release) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((GOLDEN / f"{release.record}.v{release.version}.json").read_text("utf-8"))
    assert cases
    return cases


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.path)
def test_records_of_every_release_can_be_decoded(release: Release) -> None:
    record = TYPES[release.record]
    for case in _cases(release):
        assert CODEC.decode(bytes.fromhex(case["hex"]), record) == convert(case["fields"], record)


@pytest.mark.parametrize("record", RECORDS)
def test_records_are_encoded_as_in_the_newest_release(record: Any) -> None:
    *_, newest = releases_of(record)
    for case in _cases(newest):
        assert CODEC.encode(convert(case["fields"], record)).hex() == case["hex"]
