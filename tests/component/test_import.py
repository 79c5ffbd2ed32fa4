"""The import, on a broker."""

import json
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.events import DealClosed, Heartbeat, LeadCreated
from schemas.topics import INPUTS, MAX_RECORD_BYTES, TOPICS, partition_of
from tests.builders_imports import CLOSED, CREATED, NOW, STALLED, a_mapping
from tests.kafka import Broker
from tests.kafka_records import Record, read_all
from workers.demo.broker import EmbeddedBroker
from workers.demo.generated_history import history_mapping, write_history
from workers.imports.errors import BrokerFailure, ImportFailure
from workers.imports.mapping import Mapping, load_mapping
from workers.imports.report import ImportProgress, ImportSummary
from workers.imports.request import ImportRequest
from workers.imports.run import run_import

REPOSITORY = Path(__file__).parents[2]
OLIST = Path(os.environ.get("LEADLOOP_OLIST", REPOSITORY / "../shared/data/olist"))
CODEC = Codec(Catalogue.bundled())
PARTITIONS = 3
DAY = 86_400_000


class World:
    """The topics of one test, what is imported into them, and what is in them then."""

    def __init__(self, kafka: Broker) -> None:
        self.prefix = f"{uuid4().hex[:8]}."
        self.broker = kafka.make_topics({self.prefix + name: PARTITIONS for name in INPUTS})

    def take_in(self, *files: Path, mappings: list[Mapping], **options: Any) -> ImportSummary:
        request = ImportRequest(files=files, mappings=mappings, **options)
        conf = {"bootstrap.servers": self.broker.bootstrap}
        return run_import(request, conf, CODEC.encode, prefix=self.prefix, now_ms=lambda: NOW)

    def records(self, topic: str) -> list[Record]:
        return read_all(self.broker.bootstrap, self.prefix + topic)

    def values(self, topic: str) -> list[Any]:
        record: type[Any] | None = TOPICS[topic].record
        assert record is not None
        values: list[Any] = [CODEC.decode(found.value, record) for found in self.records(topic)]
        return values

    def beats(self) -> dict[int, list[int]]:
        """The times of the heartbeats, by partition."""
        found: dict[int, list[int]] = {}
        for record in self.records("stream-heartbeats"):
            found.setdefault(record.partition, []).append(CODEC.decode(record.value, Heartbeat).occurred_at)
        return found


@pytest.fixture
def world(kafka: Broker) -> World:
    return World(kafka)


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: str, name: str = "leads.csv", header: str = "id,at") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


FileOf = Callable[..., Path]
LEADS = [a_mapping(CREATED)]


def test_rows_become_records_on_the_partition_of_their_lead(world: World, file_of: FileOf) -> None:
    world.take_in(file_of(*(f"L{n},2024-05-0{n}" for n in range(1, 9))), mappings=LEADS)
    records = world.records("lead-created")
    assert sorted(record.key or b"" for record in records) == [f"L{n}".encode() for n in range(1, 9)]
    for record in records:
        assert record.partition == partition_of(record.key or b"", PARTITIONS)
        assert dict(record.headers)["ce_type"] == b"leadloop.v1.LeadCreated"
        assert dict(record.headers)["ce_subject"] == record.key


def test_facts_of_all_files_are_published_in_event_time_order(world: World, file_of: FileOf) -> None:
    mapping = a_mapping({**CREATED, "lead_id": {"constant": "L1"}})
    one = file_of("a,2024-05-03", "a,2024-05-01", name="one.csv")
    two = file_of("a,2024-05-04", "a,2024-05-02", name="two.csv")
    world.take_in(one, two, mappings=[mapping])
    times = [fact.occurred_at for fact in world.values("lead-created")]
    assert times == sorted(times)
    assert len(times) == 4


def test_at_the_end_every_partition_gets_a_heartbeat(world: World, file_of: FileOf) -> None:
    summary = world.take_in(file_of("L1,2024-05-01", "L2,2024-05-02"), mappings=LEADS)
    assert summary.last_at is not None
    assert world.beats() == {number: [summary.last_at + 1] for number in range(PARTITIONS)}
    assert summary.complete_until == summary.last_at + 1


def test_heartbeats_during_an_import_cover_only_facts_published_before(world: World, file_of: FileOf) -> None:
    rows = [f"L{n},{1_700_000_000 + n // 3}" for n in range(2_000)]
    mapping = a_mapping(CREATED, formats="epoch_s")
    summary = world.take_in(file_of(*rows), mappings=[mapping], beat_facts=500, beat_seconds=60.0)
    beats = world.beats()
    assert summary.heartbeats == sum(map(len, beats.values()))
    for times in beats.values():
        assert len(times) >= 3
        assert times == sorted(set(times))
    assert len({tuple(times) for times in beats.values()}) == 1


def test_until_moves_the_last_heartbeat_but_never_before_the_newest_fact(world: World, file_of: FileOf) -> None:
    leads = file_of("L1,2024-05-01")
    newest = 1_714_521_600_000
    assert world.take_in(leads, mappings=LEADS, until=newest + DAY).complete_until == newest + DAY
    assert world.take_in(leads, mappings=LEADS, until=newest - DAY).complete_until == newest + 1


def test_a_part_sends_no_heartbeat_and_a_call_without_files_sends_the_last(world: World, file_of: FileOf) -> None:
    world.take_in(file_of("L1,2024-05-01"), mappings=LEADS, part=True, beat_seconds=0.0)
    assert world.beats() == {}
    world.take_in(mappings=[], until=NOW)
    assert world.beats() == {number: [NOW] for number in range(PARTITIONS)}


def test_a_repeated_import_publishes_the_same_ids(world: World, file_of: FileOf) -> None:
    leads = file_of("L1,2024-05-01", "L2,2024-05-02")
    world.take_in(leads, mappings=LEADS)
    world.take_in(leads, mappings=LEADS)
    ids = Counter(fact.event_id for fact in world.values("lead-created"))
    assert sorted(ids.values()) == [2, 2]


def test_facts_that_files_contain_twice_are_published_once(world: World, file_of: FileOf) -> None:
    one = file_of("L1,2024-05-01", "L1,2024-05-01", name="one.csv")
    two = file_of("L1,2024-05-01", name="two.csv")
    summary = world.take_in(one, two, one, mappings=LEADS)
    assert (summary.files, summary.rows, summary.facts, summary.repeated) == (2, 3, 1, 2)
    assert len(world.values("lead-created")) == 1


def test_one_row_can_become_several_facts(world: World, file_of: FileOf) -> None:
    won = {**CLOSED, "occurred_at": {"column": "won", "empty": "skip"}, "amount": "worth"}
    rows = ("L1,2024-05-01,2024-05-09,99.50", "L2,2024-05-02,,")
    summary = world.take_in(file_of(*rows, header="id,at,won,worth"), mappings=[a_mapping(CREATED, won)])
    assert summary.published == {"lead-created": 2, "deal-closed": 1}
    (closed,) = world.values("deal-closed")
    assert isinstance(closed, DealClosed)
    assert (closed.lead_id, closed.outcome, closed.amount) == ("L1", "won", 9_950)


def test_rejected_rows_are_written_with_line_column_and_reason(world: World, file_of: FileOf, tmp_path: Path) -> None:
    leads = file_of("L1,2024-05-01", ",2024-05-01", "L3,soon", "L4,2099-01-01", "L5,a,b,c", "L6,2024-05-02")
    rejects = tmp_path / "rejects.jsonl"
    summary = world.take_in(leads, mappings=LEADS, rejects=rejects)
    found = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(row["line"], row["column"], row["reason"]) for row in found] == [
        (3, "id", "empty"),
        (4, "at", "not_a_time"),
        (5, "at", "in_the_future"),
        (6, "", "broken_row"),
    ]
    assert found[1]["row"] == {"id": "L3", "at": "soon"}
    assert all(row["advice"] and row["file"] == str(leads) for row in found)
    assert (summary.rejected, summary.facts, summary.exit_code(strict=True)) == (4, 2, 1)
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600


def test_without_rejected_rows_there_is_no_rejects_file(world: World, file_of: FileOf, tmp_path: Path) -> None:
    world.take_in(file_of("L1,2024-05-01"), mappings=LEADS, rejects=tmp_path / "rejects.jsonl")
    assert not (tmp_path / "rejects.jsonl").exists()


def test_a_fact_that_is_too_large_or_not_text_is_rejected(world: World, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    long, last = b"L1,2024-05-01,price," + b"x" * MAX_RECORD_BYTES, b"L3,2024-05-01,ok,"
    path.write_bytes(b"\n".join([b"id,at,why,note", long, b"L2,2024-05-01,M\xfcller,", last]))
    summary = world.take_in(path, mappings=[a_mapping({**STALLED, "note": "note"})])
    assert summary.reasons == {"too_large": 1, "wrong_encoding": 1}
    assert [(row.line, row.column) for row in summary.examples] == [(2, ""), (3, "why")]
    assert summary.facts == 1


def test_an_invalid_file_prevents_publishing_of_all_files(world: World, file_of: FileOf) -> None:
    good = file_of("L1,2024-05-01", name="good.csv")
    bad = file_of("L1", name="bad.csv", header="idd")
    with pytest.raises(ImportFailure, match=r"no column 'id'\. Do you mean 'idd'"):
        world.take_in(good, bad, mappings=LEADS)
    assert world.records("lead-created") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "name at least one file"),
        ({"until": NOW, "part": True}, "at least one file"),
        ({"until": NOW + DAY}, "is in the future"),
    ],
)
def test_an_invalid_import_request_is_an_import_failure(world: World, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImportFailure, match=message):
        world.take_in(mappings=LEADS, **options)


def test_a_constant_that_is_invalid_for_its_field_is_an_import_failure(world: World, file_of: FileOf) -> None:
    mapping = a_mapping({**CREATED, "occurred_at": {"constant": "01.05.2024"}})
    with pytest.raises(ImportFailure, match=r"test/table: the constant '01.05.2024' for occurred_at of lead-created"):
        world.take_in(file_of("L1,2024-05-01"), mappings=[mapping])
    assert world.records("lead-created") == []


def test_the_rejects_file_cannot_overwrite_an_imported_file(world: World, file_of: FileOf) -> None:
    leads = file_of("L1,2024-05-01")
    with pytest.raises(ImportFailure, match="another file"):
        world.take_in(leads, mappings=LEADS, rejects=leads)


def test_missing_topics_are_named(world: World, file_of: FileOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.imports.publish.SETTLE_SECONDS", 0.0)
    world.prefix = "nowhere."
    with pytest.raises(ImportFailure, match=r"nowhere\.lead-created.*leadloop topics create"):
        world.take_in(file_of("L1,2024-05-01"), mappings=LEADS)


def test_progress_is_reported_to_the_end(world: World, file_of: FileOf) -> None:
    reported: list[ImportProgress] = []
    leads = file_of(*(f"L{n},2024-05-01" for n in range(5_000)))
    run_import(
        ImportRequest(files=[leads], mappings=LEADS),
        {"bootstrap.servers": world.broker.bootstrap},
        CODEC.encode,
        prefix=world.prefix,
        on_progress=lambda progress: reported.append(replace(progress)),
    )
    assert reported[-1].acked == reported[-1].facts == reported[-1].rows == 5_000
    assert reported[-1].bytes_read == reported[-1].bytes_total == leads.stat().st_size
    assert [progress.acked for progress in reported] == sorted(progress.acked for progress in reported)


@pytest.fixture
def own_broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(dict.fromkeys(INPUTS, 1)) as broker:
        yield broker


def test_a_broker_that_fails_is_reported_with_the_progress_of_the_import(
    own_broker: EmbeddedBroker, file_of: FileOf
) -> None:
    conf = {"bootstrap.servers": own_broker.bootstrap, "message.timeout.ms": 1_500}
    leads = file_of(*(f"L{n},2024-05-01" for n in range(3_000)))

    def lose_it(progress: ImportProgress) -> None:
        if progress.phase == "publishing":
            own_broker.kill()

    with pytest.raises(BrokerFailure, match=r"of 3,000 facts are published; run the same import again"):
        run_import(ImportRequest(files=[leads], mappings=LEADS), conf, CODEC.encode, on_progress=lose_it)


def test_an_unreachable_broker_is_reported(file_of: FileOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.imports.publish.CONNECT_SECONDS", 0.5)
    request = ImportRequest(files=[file_of("L1,2024-05-01")], mappings=LEADS)
    with pytest.raises(BrokerFailure, match="cannot reach the brokers"):
        run_import(request, {"bootstrap.servers": "127.0.0.1:1"}, CODEC.encode)


def test_the_generated_history_is_imported_completely(world: World, tmp_path: Path) -> None:
    history = write_history(tmp_path, leads=150)
    summary = world.take_in(tmp_path, mappings=[history_mapping()])
    assert (summary.rows, summary.rejected, summary.facts) == (history.rows, 0, history.rows)


@pytest.mark.skipif(not OLIST.is_dir() and not os.environ.get("CI"), reason=f"{OLIST} is not there: set LEADLOOP_OLIST")
def test_the_olist_data_set_is_imported_completely(world: World) -> None:
    mapping = load_mapping(REPOSITORY / "deploy/config/mappings/olist.yml")
    summary = world.take_in(OLIST, mappings=[mapping])
    assert summary.published == {"lead-created": 8_000, "deal-closed": 842}
    assert (summary.rejected, summary.repeated) == (0, 0)
    origins = Counter(fact.origin for fact in world.values("lead-created") if isinstance(fact, LeadCreated))
    assert origins["unknown"] >= 60
    assert "" not in origins
