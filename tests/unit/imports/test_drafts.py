"""`leadloop mapping new` on ten shapes of exports: the draft imports without rejects, or says what it could not know.

Rows are made up. The columns are those of the vendors' documentation: HubSpot's default contact and activity properties
(knowledge.hubspot.com), Salesforce's object reference of Lead and Task, Pipedrive's exports of deals and activities
(support.pipedrive.com, "Exporting data"), Zoho CRM's standard fields of leads (help.zoho.com).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from tests.builders_imports import NOW
from workers.demo.generated_history import history_mapping, write_history
from workers.imports.drafting.draft import draft_mapping, write_new
from workers.imports.errors import ImportFailure
from workers.imports.mapping import Mapping, parse_mapping
from workers.imports.preview import check_import
from workers.imports.report import ImportSummary
from workers.imports.request import ImportRequest


def _csv(name: str, text: str, encoding: str = "utf-8") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def _excel(folder: Path) -> Path:
    """A salesperson's own list."""
    made = openpyxl.Workbook(write_only=True)
    notes = made.create_sheet("Notizen")
    notes.append(["nur für mich"])
    leads = made.create_sheet("Leads")
    leads.append(["Meine Leads 2024"])
    leads.append([])
    leads.append(["Nr.", "Firma", "Erstkontakt", "Kanal", "Letzter Anruf", "Ergebnis", "Auftragswert"])
    for number in range(1, 6):
        first, last = datetime(2024, 1, number, 9), datetime(2024, 2, number, 15, 30)  # noqa: DTZ001  # a workbook knows no zones
        leads.append([number, f"Firma {number}", first, "Messe", last if number < 4 else None, "erreicht", 1250.5])
    leads.append(["Summe", None, None, None, None, None, 6252.5])
    made.save(folder / "Leads Müller.xlsx")
    return folder / "Leads Müller.xlsx"


def _log(folder: Path) -> Path:
    rows: list[dict[str, Any]] = [
        {"type": "lead-created", "event_id": f"e{n}", "lead_id": f"L{n}", "occurred_at": f"2024-01-0{n}T09:00:00Z"}
        for n in range(1, 5)
    ]
    rows.append({"type": "lead-contacted", "event_id": "e9", "lead_id": "L1", "occurred_at": "2024-01-09T09:00:00Z"})
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@dataclass(frozen=True)
class Shape:
    """A file, the facts that its draft makes, and doubts that the draft must name."""

    write: Callable[[Path], Path]
    published: dict[str, int]
    doubts: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()


HUBSPOT_CONTACTS = """\
"Record ID","First Name","Last Name","Email","Contact owner","Original Traffic Source","Lead Status","Create Date"
"501","Ada","Example","ada@example.com","Ann Rep","Paid Search","New","2024-01-02 09:14"
"502","Bob","Example","bob@example.com","","Direct Traffic","Open","2024-01-03 16:00"
"""
HUBSPOT_CALLS = """\
Record ID,Call Title,Activity date,Call direction,Call outcome,Activity assigned to,Associated Contact IDs
9001,Intro,2024-01-03 10:00,Outbound,Connected,Ann Rep,501
9002,Again,2024-01-04 10:00,Outbound,No answer,Ann Rep,502;503
9003,Third,2024-01-05 10:00,Outbound,Left live message,Ann Rep,502
"""
SALESFORCE_LEADS = """\
Id,LastName,Company,LeadSource,Status,OwnerId,HasOptedOutOfEmail,CreatedDate,IsConverted
00Q5e000009AbCdEAK,Example,Acme,Web,Open,0055e000001AAAAAA4,false,2024-01-02T09:14:05.000Z,false
00Q5e000009AbCeEAK,Sample,Initech,Trade Show,Working,0055e000001AAAAAA4,true,2024-01-03T09:14:05.000Z,false
"""
SALESFORCE_TASKS = """\
Id,WhoId,Subject,ActivityDate,Status,TaskSubtype,CallDisposition,CreatedDate
00T5e000001AAAAEA4,00Q5e000009AbCdEAK,Call,2024-01-04,Completed,Call,No Answer,2024-01-03T10:00:00.000Z
00T5e000001AAABEA4,00Q5e000009AbCdEAK,Mail,2024-01-05,Completed,Email,,2024-01-04T10:00:00.000Z
"""
PIPEDRIVE_DEALS = """\
Deal - ID,Deal - Title,Deal - Owner,Deal - Value,Deal - Currency of Value,Deal - Stage,Deal - Status,\
Deal - Deal created,Deal - Won time,Deal - Lost time,Deal - Lost reason
1,Acme,Ann,"1,250.00",EUR,Proposal,Open,2024-01-02 09:14:05,,,
2,Initech,Ann,900.50,EUR,Won,Won,2024-01-03 09:14:05,2024-02-01 12:00:00,,
3,Globex,Bob,10,USD,Qualified,Lost,2024-01-04 09:14:05,,2024-02-03 12:00:00,Too expensive
"""
PIPEDRIVE_ACTIVITIES = """\
Activity - ID,Activity - Subject,Activity - Type,Activity - Due date,Activity - Marked as done time,\
Activity - Assigned to user,Person - ID
11,First call,Call,2024-01-03,2024-01-03 10:00:00,Ann,77
12,Lunch with Ada,Lunch,2024-01-05,2024-01-05 13:00:00,Ann,77
"""
ZOHO = """\
Record Id,Lead Owner,Company,Last Name,Email,Lead Source,Lead Status,Email Opt Out,Created Time,Annual Revenue
zcrm_4150868000000225013,Ann Rep,Acme,Example,ada@example.com,Trade Show,Contacted,false,2024-01-02 09:14:05,$ 0.00
zcrm_4150868000000225014,Ann Rep,Initech,Sample,bob@example.com,,Not Contacted,true,2024-01-03 09:14:05,$ 0.00
"""
GERMAN = """\
sep=;
Number;Angelegt am;Quelle;Letzter Kontakt;Ergebnis;Stand;Abgeschlossen am;Verlustgrund;Wert
4711;02.01.2024 09:14;Google Ads;03.01.2024 11:00;erreicht;Gewonnen;20.02.2024 16:00;;1.250,00
4712;02.01.2024 10:40;Messe;;;offen;;;
4713;13.01.2024 08:05;;19.01.2024 15:30;nicht erreicht;Verloren;01.03.2024 12:00;zu teuer;99,50
"""
TABS = "Lead ID\tDate Created\tSource\tRep\r\nA-1\t1/31/2024 9:05 AM\tWeb\tZoë\r\nA-2\t2/1/2024 4:30 PM\tFair\t\r\n"
AMBIGUOUS = "Email,Added on\nada@example.com,03/04/2024\nbob@example.com,05/06/2024\n"

SHAPES: dict[str, Shape] = {
    "HubSpot contacts": Shape(
        _csv("hubspot-crm-exports-all-contacts-2024-02-01.csv", HUBSPOT_CONTACTS),
        {"lead-created": 2},
        ("times without an offset",),
        ("lead_id: Record ID", "origin: Original Traffic Source", "owner_id: Contact owner"),
    ),
    "HubSpot calls": Shape(
        _csv("calls.csv", HUBSPOT_CALLS),
        {"lead-contacted": 4},
        ("what does 'Left live message' mean?",),
        (
            'lead_id: {column: Associated Contact IDs, split: ";"}',
            'event_id: {column: Record ID, prefix: "activities/"}',
        ),
    ),
    "Salesforce leads": Shape(
        _csv("lead.csv", SALESFORCE_LEADS),
        {"lead-created": 2},
        (),
        ("lead_id: {column: Id, salesforce: true}", "do_not_contact: HasOptedOutOfEmail", "occurred_at: CreatedDate"),
    ),
    "Salesforce tasks": Shape(
        _csv("task.csv", SALESFORCE_TASKS),
        {"lead-contacted": 2},
        ("has dates without a time of day",),
        ("lead_id: {column: WhoId, salesforce: true}", "occurred_at: ActivityDate", "activity: {column: TaskSubtype"),
    ),
    "Pipedrive deals": Shape(
        _csv("deals-4711-20240201.csv", PIPEDRIVE_DEALS),
        {"lead-created": 3, "deal-closed": 2},
        ("identifies a deal",),
        ('currency: "Deal - Currency of Value"', 'reason: "Deal - Lost reason"'),
    ),
    "Pipedrive activities": Shape(
        _csv("activities-4711.csv", PIPEDRIVE_ACTIVITIES),
        {"lead-contacted": 2},
        (),
        ('lead_id: "Person - ID"', 'occurred_at: "Activity - Marked as done time"', "Lunch: meeting"),
    ),
    "Zoho leads": Shape(
        _csv("Leads_001.csv", ZOHO),
        {"lead-created": 2},
        ("times without an offset",),
        ("lead_id: Record Id", "do_not_contact: Email Opt Out", "origin: Lead Source"),
    ),
    "a salesperson's workbook": Shape(
        _excel,
        {"lead-created": 5, "lead-contacted": 3},
        ("is 'Leads' the right one?", "holds only the last contact"),
        ("sheet: Leads", "header: 3", "values: {erreicht: connected}"),
    ),
    "semicolons in German": Shape(
        _csv("leads.csv", GERMAN, "cp1252"),
        {"lead-created": 3, "lead-contacted": 2, "deal-closed": 2},
        ("which currency?",),
        ('decimal: ","', 'formats: ["%d.%m.%Y %H:%M"]', "values: {Gewonnen: won, Verloren: lost}"),
    ),
    "Unicode text of Excel": Shape(
        _csv("leads.txt", TABS, "utf-16"),
        {"lead-created": 2},
        ("times without an offset",),
        ('formats: ["%m/%d/%Y %I:%M %p"]', "lead_id: Lead ID"),
    ),
    "bytes that are not UTF-8": Shape(
        _csv("list.csv", "Lead ID;Created;Owner\nL1;2024-01-02;Müller\nL2;2024-01-03;Meier\n", "cp1252"),
        {"lead-created": 2},
        ("cp1252 is a guess",),
        ("encoding: cp1252",),
    ),
    "days that may be months": Shape(
        _csv("list.csv", AMBIGUOUS),
        {"lead-created": 2},
        ("may begin with the day or the month", "holds mail addresses"),
    ),
    "a log": Shape(
        _log, {"lead-created": 4, "lead-contacted": 1}, (), ("- kind: {column: type, values: {", "event_id: event_id")
    ),
}


def checked(path: Path, text: str) -> tuple[Mapping, ImportSummary]:
    mapping = parse_mapping(text, "draft.yml")
    request = ImportRequest(files=[path], mappings=[mapping])
    return mapping, check_import(request, Codec(Catalogue.bundled()).encode, lambda: NOW * 2).summary


@pytest.mark.parametrize("name", SHAPES)
def test_the_draft_of_an_export_imports_without_rejects_and_names_its_doubts(tmp_path: Path, name: str) -> None:
    shape = SHAPES[name]
    path = shape.write(tmp_path)
    text = draft_mapping([path], source="crm", zone="")
    mapping, summary = checked(path, text)
    assert mapping.ids == "stable"
    assert summary.published == shape.published, text
    assert (summary.rejected, summary.conflicts) == (0, 0), text
    doubts = " ".join(line for line in text.splitlines() if "# ?" in line)
    assert [doubt for doubt in shape.doubts if doubt not in doubts] == [], text
    assert [line for line in shape.contains if line not in text] == [], text


def test_a_zone_that_is_given_is_no_doubt(tmp_path: Path) -> None:
    path = SHAPES["Zoho leads"].write(tmp_path)
    text = draft_mapping([path], source="zoho", zone="Asia/Kolkata")
    assert 'zone: "Asia/Kolkata"' in text
    assert "times without an offset" not in text


def test_a_column_that_cannot_be_read_is_named_with_the_rows_that_would_be_rejected(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Lead ID,Created on\nL1,in spring\nL2,2024-01-02\n")
    text = draft_mapping([path], source="crm", zone="")
    assert "the format of 'in spring' is unknown" in text
    assert "# ? 1 of 2 rows would be rejected" in text


def test_a_file_without_ids_and_times_gets_a_draft_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Name,Town\nAda,Ulm\nBob,Bonn\n")
    text = draft_mapping([path], source="crm", zone="")
    assert "no column of times was found" in text
    assert checked(path, text)[1].facts == 2


def test_files_of_one_pattern_become_one_table_and_others_their_own(tmp_path: Path) -> None:
    for name in ("leads-1.csv", "leads-2.csv", "calls.csv"):
        (tmp_path / name).write_text("Lead ID,Created\nL1,2024-01-02\n")
    text = draft_mapping(sorted(tmp_path.iterdir()), source="crm", zone="")
    assert [*parse_mapping(text, "draft").tables] == ["calls", "leads"]


def test_the_draft_of_a_generated_history_is_as_complete_as_its_mapping(tmp_path: Path) -> None:
    history = write_history(tmp_path, leads=60)
    files = sorted(tmp_path.iterdir())
    text = draft_mapping(files, source="demo", zone="Europe/Berlin")
    request = ImportRequest(files=files, mappings=[parse_mapping(text, "draft")])
    summary = check_import(request, Codec(Catalogue.bundled()).encode, lambda: NOW).summary
    written = check_import(
        replace(request, mappings=[history_mapping()]), Codec(Catalogue.bundled()).encode, lambda: NOW
    )
    assert summary.published == written.summary.published, text
    assert (summary.rejected, summary.facts) == (0, history.rows)


def test_columns_that_are_not_mapped_are_listed(tmp_path: Path) -> None:
    text = draft_mapping([SHAPES["Zoho leads"].write(tmp_path)], source="crm", zone="")
    assert "# not mapped: Last Name, Email, Lead Status" in text


def test_a_draft_does_not_overwrite_a_file(tmp_path: Path) -> None:
    path = tmp_path / "crm.yml"
    write_new(path, "a")
    with pytest.raises(ImportFailure, match="exists"):
        write_new(path, "b")
    assert path.read_text() == "a"


def test_a_file_without_rows_has_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id,at\n")
    with pytest.raises(ImportFailure, match="has no rows"):
        draft_mapping([path], source="crm", zone="")
