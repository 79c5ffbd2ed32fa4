"""Texts as people and spreadsheets write them, in one form: equal on the screen is equal here.

Removed at the ends: blanks, format characters (byte order mark, zero-width space, soft hyphen, direction marks), and
what spreadsheets write around a number to keep it a text (`="4711"`, `'4711`). Characters are composed (NFC).
"""

import re
from unicodedata import category, normalize

GUARDS = frozenset("=' \t\r\n")
"""What an ASCII text begins with if there may be more to remove than blanks at its end."""
NO_IDS = frozenset(("null", "none", "nan", "nat", "undefined", "true", "false", "n/a"))
"""What programs write where there is no id, in lower case."""
_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_APOSTROPHE = re.compile(r"'[\d=+\-@]")  # other words may begin with one: 's-Hertogenbosch
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f", " "))


def cleaned(text: str) -> str:
    """Return the text without what nobody sees at its ends, composed (NFC)."""
    text = text.strip()
    if not text.isascii():
        text = _trimmed(normalize("NFC", text))
    return _unguarded(text) if text[:1] in GUARDS else text


def visible(text: str) -> str:
    """Return the text as it appears: without any format characters, all blanks alike. For names of columns."""
    text = cleaned(text)
    if text.isascii():
        return text
    shown = "".join(character for character in text if category(character) != "Cf")
    return normalize("NFC", shown.translate(_BLANKS)).strip()


def comparable(text: str) -> str:
    """Return the form in which words are compared: as they appear, without case."""
    return visible(text).casefold()


def has_format_characters(text: str) -> bool:
    """Whether the text contains characters that nobody sees."""
    return not text.isascii() and any(category(character) == "Cf" for character in text)


def _trimmed(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_unseen(text[start]):
        start += 1
    while end > start and _is_unseen(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_unseen(character: str) -> bool:
    return character.isspace() or category(character) == "Cf"


def _unguarded(text: str) -> str:
    if formula := _FORMULA.fullmatch(text):
        return cleaned(formula[1].replace('""', '"'))
    return text[1:].strip() if _APOSTROPHE.match(text) else text
