"""Ids: what cannot be one, and the forms of one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.values.identifiers import fault_of_id, id_forms, salesforce_id

# What programs write where there is no id (JavaScript, Python, SQL, Excel, Dynamics), and templates left as they are.
NO_IDS = (
    "null", "NULL", "None", "NaN", "nat", "undefined", "true", "False", "N/A", "#N/A", "#NV", "#REF!", "(null)", "<NA>",
    "[object Object]", "\\N", "-", "?", "########", "00000000-0000-0000-0000-000000000000", "{00000000-0000}",
    "crm/null", "hubspot:undefined", "{{contact.id}}", "crm-{{ id }}", "${id}", "#{id}", "%%ID%%", "*|EMAIL|*",
    "0", "0.0", "<%= id %>", "{lead_id}", '=HYPERLINK("https://crm.example.com/4711","4711")',
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "4711",
        "crm/4711",
        "00Q5e000009AbCdEAK",
        "ada.lovelace+test@example.com",
        "12e45",
        "1234e56",
        "5e8",
        "9b2e-11ee",
        "{3F2504E0-4F89}",
        "Müller",
        "Smith, John",
        "L 4711",
        "v1.2.3",
        "4711.0",
        "10",
        "00",
        "crm/0",
        "nullable",
        "Annan",
        "None of us",
        "{ABCDEF01-4F89}",
        "crm/ada.null",
        "ada@example.com (old)",
    ],
)
def test_ids_of_all_systems_are_accepted(text: str) -> None:
    assert fault_of_id(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.23457E+12", "rounded_id"),
        ("1,23457E+12", "rounded_id"),
        ("4.892E+092", "rounded_id"),
        ("1E+12", "rounded_id"),
        ("9.91214E15", "rounded_id"),
        ("1.2345678901234568e+23", "rounded_id"),
        ("501;777", "several_ids"),
        ("501, 777", "several_ids"),
        ("501\n777", "several_ids"),
        ("4,711", "several_ids"),
        ("ada;bob", "several_ids"),
        ("47\u00ad11", "invisible_character"),
        ("47\u200b11", "invisible_character"),
        ("a\u202eb.c", "invisible_character"),
        ("ada@example.com, bob@example.com", "several_ids"),
        ("ada@example.com bob@example.com", "several_ids"),
        *((text, "no_id") for text in NO_IDS),
    ],
)
def test_a_text_that_is_not_one_id_is_refused_with_its_reason(text: str, reason: str) -> None:
    fault = fault_of_id(text)
    assert fault is not None
    assert (fault.reason, bool(fault.advice)) == (reason, True)


@pytest.mark.parametrize(
    ("short", "full"),
    # forcedotcom/SalesforceMobileSDK-Android#1418, simple-salesforce/simple-salesforce#42
    [("00Q5e000009AbCd", "00Q5e000009AbCdEAK"), ("000000000000000", "000000000000000AAA")],
)
def test_a_salesforce_id_of_15_characters_is_that_of_18(short: str, full: str) -> None:
    assert salesforce_id(short) == salesforce_id(full) == full


@given(st.from_regex(r"[A-Za-z0-9]{15}", fullmatch=True), st.from_regex(r"[A-Za-z0-9]{15}", fullmatch=True))
def test_salesforce_ids_that_differ_only_by_case_differ_without_case_when_they_are_full(one: str, other: str) -> None:
    assert (salesforce_id(one).lower() == salesforce_id(other).lower()) == (one == other)
    swapped = one.swapcase()
    assert (salesforce_id(one).lower() == salesforce_id(swapped).lower()) == (one == swapped)


@pytest.mark.parametrize("text", ["00Q5e000009AbC", "00Q5e000009AbCdEAKx", "00Q5e-00009AbCd", "4711"])
def test_other_texts_are_no_salesforce_ids(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        salesforce_id(text)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("Ada@Example.com", {"fold": True}, "ada@example.com"),
        ("4711", {"pad": 8}, "00004711"),
        ("A4711", {"pad": 8}, "A4711"),
        ("123456789", {"pad": 8}, "123456789"),
        ("00Q5e000009AbCd", {"salesforce": True, "fold": True}, "00q5e000009abcdeak"),
    ],
)
def test_ids_get_one_form(text: str, options: dict[str, int], expected: str) -> None:
    form = id_forms(fold=bool(options.get("fold")), pad=options.get("pad"), salesforce=bool(options.get("salesforce")))
    assert form is not None
    assert form(text) == expected
