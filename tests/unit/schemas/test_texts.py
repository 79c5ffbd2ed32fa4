"""Texts that are equal on the screen are equal."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.texts import cleaned, comparable, has_format_characters, visible


@pytest.mark.parametrize(
    "text",
    [
        "4711",
        " 4711\t",
        "4711\u200b",
        "\ufeff4711",
        "4711\u00ad",
        "\u200f4711\u200e",
        "\u00a04711\u3000",
        '="4711"',
        '= "4711"'.replace(" ", ""),
        "'4711",
        '\ufeff="4711"',
    ],
)
def test_what_nobody_sees_around_a_text_is_removed(text: str) -> None:
    assert cleaned(text) == "4711"


@pytest.mark.parametrize("text", ["'s-Hertogenbosch", "a = b", "=A1+B1", "'", "O'Neill", "x\u200dy", "L'A"])
def test_what_belongs_to_a_text_stays(text: str) -> None:
    assert cleaned(text) == text


@pytest.mark.parametrize(("text", "expected"), [('=""', ""), ('="a""b"', 'a"b'), ("'=1+1", "=1+1"), ("'-5", "-5")])
def test_guards_of_spreadsheets_are_taken_off(text: str, expected: str) -> None:
    assert cleaned(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Created\u200b on", "Created on"),
        ("Closed\u00a0on", "closed on"),
        (normalize("NFD", "Zu teuer für Müller"), "zu teuer für müller"),
        ("STRASSE", "straße"),
        ("\ufeffid", "ID"),
    ],
)
def test_words_are_compared_as_they_appear(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)
    assert comparable(visible(one)) == comparable(one)


@given(st.text())
def test_cleaning_a_text_again_changes_nothing_more(text: str) -> None:
    once = visible(text)
    assert visible(once) == once or once[:1] in "='"
    assert not has_format_characters(once)


@given(st.text())
def test_both_forms_of_a_text_become_the_same(text: str) -> None:
    assert cleaned(normalize("NFD", text)) == cleaned(normalize("NFC", text))
    assert comparable(normalize("NFD", text)) == comparable(normalize("NFC", text))
