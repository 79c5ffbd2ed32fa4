"""Ids as systems and spreadsheets write them: what cannot be an id, and forms in which the same id is written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from unicodedata import decimal

from schemas.texts import NO_IDS, has_format_characters

_LONGEST = 256  # some patterns below take quadratic time
_NONE = "|".join((*sorted(NO_IDS), r"0(?:\.0+)?|#n/[ad]|#nv|0{8}(?:-?0{4}){3}-?0{12}"))
_NO_NONE_AT_END = "".join(rf"(?<![/:](?i:{word}))" for word in ("null", "none", "nan", "undefined"))
_CHARACTERS = "A-Za-z0-9_/:@#-"
is_harmless = re.compile(
    # Most ids end in a digit, and nothing that stands for none ends in one from 1 to 9.
    rf"[{_CHARACTERS}]*[1-9]|(?!(?i:{_NONE})\Z)[_/:@#-]*[A-Za-z0-9][{_CHARACTERS}]*{_NO_NONE_AT_END}"
).fullmatch
"""Matches ids in which nothing can be wrong."""
_ROUNDED = re.compile(r"[+-]?\d(?:(?:[.,]\d+)?[eE]\+\d{1,3}|[.,]\d+[eE]\d{1,3})")
_GROUPED = re.compile(
    r"(?!0)\d{1,3}([^\w/:@#+-])\d{3}(\1\d{3})*|(?!0)\d{1,2}(,\d{2})+,\d{3}|(?!0)\d{1,2}([\s\u00a0\u202f])\d{2}(\4\d{2})*"
    r"|(?!0)\d{4,}['’]\d{3}"  # of the locale en_CH
)
_BETWEEN = re.compile(r"[,;\r\n]")
_is_mail = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]+").fullmatch
_MAIL = re.compile(r"[^\s@]+@[^\s@]+")
_is_none = re.compile(
    rf"{_NONE}|.+[/:](?:null|none|nan|undefined)|\\n|[(<\[](?:null|none|na)[)>\]]|\[object object\]|\{{0[0-]+\}}",
    re.IGNORECASE,
).fullmatch
is_spreadsheet_error = re.compile(r"#(?:n/[ad]|nv|div/0!|¡?[^\W\d_]+[!?])", re.IGNORECASE).fullmatch
"""Matches what a spreadsheet shows in place of a result: #N/A, #REF!, in any language."""
_UNFILLED = re.compile(r"\{\{.*\}\}|[$#]\{.*\}|<%.*%>|\*\|.*\|\*|%%.*%%|\[\[.*\]\]|^\{[a-z_. ]+\}$|^=", re.IGNORECASE)
_SALESFORCE_LENGTH, _SALESFORCE_CHUNK = 15, 5
_SALESFORCE_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True, slots=True)
class IdFault:
    """Why a text cannot be an id, and what to do."""

    reason: str
    advice: str


_INVISIBLE = IdFault("invisible_character", "the id contains a character that nobody sees (such as U+200B): remove it")
_ROUNDED_ID = IdFault(
    "rounded_id", "a spreadsheet rounded this id, so that several become one: export the column as text"
)
_NO_ID = IdFault(
    "no_id",
    "programs write this where there is no id: correct the export; "
    "to pass over such rows, add it to `empty_values:` and write `empty: skip`",
)
_UNFILLED_ID = IdFault("no_id", "this is a formula or a template that nobody filled in: export or send its value")
_SEVERAL_IDS = IdFault("several_ids", 'several ids in one cell: write `split: ";"` for one fact each')


def id_text(text: str) -> str:
    """Return an id without the apostrophe of a spreadsheet, and with the digits of ASCII if it is a number."""
    text = text.removeprefix("'").lstrip()
    return text if text.isascii() or not text.isdecimal() else "".join(str(decimal(digit)) for digit in text)


def is_grouped(text: str) -> bool:
    """Whether this looks like a number whose thousands a spreadsheet grouped: 4.711 for 4711."""
    return not text.isalnum() and _GROUPED.fullmatch(text) is not None


def fault_of_id(text: str) -> IdFault | None:
    """Return why this text is not one id; None if it may be, or is too long for an id."""
    if is_harmless(text) or _is_mail(text) or len(text) > _LONGEST:
        return None
    return next((fault for applies, fault in _FAULTS if applies(text)), None)


def _stands_for_none(text: str) -> bool:
    return bool(text) and bool(_is_none(text) or is_spreadsheet_error(text) or not any(map(str.isalnum, text)))


def is_rounded(text: str) -> bool:
    """Whether this is a number in scientific notation, as spreadsheets write long numbers."""
    return _ROUNDED.fullmatch(text) is not None


def _are_several(text: str) -> bool:
    if ";" in text or len(_MAIL.findall(text)) > 1:
        return True
    parts = [part.strip() for part in _BETWEEN.split(text)]
    return len(parts) > 1 and all(any(c.isdigit() for c in part) and " " not in part for part in parts)


_FAULTS: tuple[tuple[Callable[[str], object], IdFault], ...] = (
    (has_format_characters, _INVISIBLE),
    (_stands_for_none, _NO_ID),
    (is_rounded, _ROUNDED_ID),
    (_UNFILLED.search, _UNFILLED_ID),
    (_are_several, _SEVERAL_IDS),
)


def salesforce_id(text: str) -> str:
    """Return the form of 18 characters of a Salesforce id of 15, which differs from other ids only by case.

    Each of the three characters that are added says which of five characters are upper case.

    Raises:
        ValueError: it has neither 15 nor 18 letters and digits.
    """
    if not (text.isascii() and text.isalnum()) or len(text) not in (_SALESFORCE_LENGTH, _SALESFORCE_LENGTH + 3):
        raise ValueError(text)
    return text if len(text) > _SALESFORCE_LENGTH else text + _checksum(text)


def _checksum(text: str) -> str:
    chunks = [text[start : start + _SALESFORCE_CHUNK] for start in range(0, _SALESFORCE_LENGTH, _SALESFORCE_CHUNK)]
    return "".join(
        _SALESFORCE_DIGITS[sum(character.isupper() << place for place, character in enumerate(chunk))]
        for chunk in chunks
    )


def id_forms(*, fold: bool, pad: int | None, salesforce: bool) -> Callable[[str], str] | None:
    """Make a function that returns one form of each id; None if all stay as they are.

    Args:
        fold: Lower case: the ids do not differ by case.
        pad: Digits are filled to this length with leading zeros.
        salesforce: Ids of 15 characters become those of 18. The function raises ValueError for other texts.
    """
    forms: list[Callable[[str], str]] = []
    if salesforce:
        forms.append(salesforce_id)
    if pad:
        forms.append(lambda text: text.zfill(pad) if text.isdigit() else text)
    if fold:
        forms.append(str.lower)
    return _chained(forms) if forms else None


def _chained(forms: list[Callable[[str], str]]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        for form in forms:
            text = form(text)
        return text

    return convert
