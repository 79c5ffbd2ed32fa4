"""The costs file: what is read, which line is wrong and how to fix it, and that a change is noticed."""

import os
from pathlib import Path

import pytest

from schemas.errors import UserError
from tests.projected import LogOf
from tests.unit.report.api_client import Client
from workers.http.auth import KeyRing
from workers.report.costs import Costs

GOOD = """month,origin,amount,currency
2026-03,web,1250.50,EUR
2026-04,web,49.50,EUR
2026-04,web,100,JPY
2026-03,fair,9,EUR
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "costs.csv"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_lines_of_one_source_add_up_within_a_currency(file: Path) -> None:
    assert Costs(file).of("origin") == {"web": {"EUR": 130_000, "JPY": 100}, "fair": {"EUR": 900}}
    assert Costs(file).of("campaign") == {}
    assert Costs().of("origin") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("month,amount,currency\n", "line 1.*write month,origin"),
        ("month,origin,amount,currency,note\n", "line 1.*no column 'note'"),
        ("month,origin,amount,currency\n2026-3,web,1,EUR\n", "line 2.*2026-03"),
        ("month,origin,amount,currency\n2026-03,web,1,EUR\n2026-03,web,1.000.00,EUR\n", "line 3.*1250.50"),
        ("month,origin,amount,currency\n2026-03,web,-5,EUR\n", "line 2.*negative|line 2.*1250.50"),
        ("month,origin,amount,currency\n2026-03,web,1,Euro\n", "line 2.*three letters"),
        ("month,origin,campaign,amount,currency\n2026-03,web,spring,1,EUR\n", "line 2.*not both"),
        ("month,origin,amount,currency\n2026-03,,1,EUR\n", "line 2.*origin or a campaign"),
        ("month,origin,amount,currency\n2026-03,web,1,250,EUR\n", "line 2.*quotes"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_the_fix(file: Path, text: str, message: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        Costs(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="LEADLOOP_COSTS_FILE"):
        Costs(tmp_path / "none.csv")


def test_a_change_is_read_again_and_an_invalid_one_changes_nothing(file: Path) -> None:
    costs = Costs(file)
    _replace(file, "month,origin,amount,currency\n2026-03,web,7,EUR\n")
    assert costs.of("origin") == {"web": {"EUR": 700}}
    _replace(file, "month,origin,amount,currency\n2026-03,web,seven,EUR\n")
    assert costs.of("origin") == {"web": {"EUR": 700}}
    assert "line 2" in costs.fault
    _replace(file, GOOD)
    assert costs.of("origin")["fair"] == {"EUR": 900}
    assert costs.fault == ""


def _replace(file: Path, text: str) -> None:
    at = file.stat().st_mtime_ns + 10**9
    file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(at, at))


def test_the_funnel_has_what_each_source_cost(
    redis_url: str, app_id: str, keys: KeyRing, log: LogOf, file: Path
) -> None:
    assert log.leads
    client = Client(redis_url, app_id, keys, costs=Costs(file))
    rows = {row["value"]: row["spent"] for row in client.get("/v1/funnel?by=origin").json()["rows"]}
    assert rows == {"web": {"EUR": 130_000, "JPY": 100}, "fair": {"EUR": 900}, "webinar": {}}
    assert client.get("/v1/funnel?by=origin").json()["total"]["spent"] == {"EUR": 130_900, "JPY": 100}
    found = client.get("/v1/funnel?by=origin&order=leads&limit=1").json()
    assert found["rows"][0]["spent"] == rows[found["rows"][0]["value"]]
    assert client.get("/v1/funnel?by=owner").json()["total"]["spent"] == {}
    client.close()
