"""What the values of columns mean: results, kinds of contact, states of deals and money, as people write them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "no_answer": ("no answer", "not reached", "unreached", "no response", "nicht erreicht", "keine antwort", "n/a"),
    "busy": ("busy", "besetzt"),
    "voicemail": ("voicemail", "left voicemail", "left message", "mailbox"),
    "wrong_number": ("wrong number", "falsche nummer"),
    "sent": ("sent", "email sent", "gesendet"),
    "bounced": ("bounced", "bounce"),
    "connected": ("connected", "reached", "answered", "spoke", "talked", "erreicht", "gesprochen"),
    "replied": ("replied", "reply", "antwort"),
    "meeting_set": ("meeting set", "meeting scheduled", "demo scheduled", "appointment set", "termin vereinbart"),
    "meeting_held": ("meeting held", "held", "demo held", "termin gehalten"),
    "no_show": ("no show", "no-show", "nicht erschienen"),
    "cancelled": ("cancelled", "canceled", "abgesagt"),
}
_ACTIVITIES: Mapping[str, tuple[str, ...]] = {
    "call": ("call", "phone", "phone call", "outbound call", "inbound call", "anruf", "telefonat", "telefon"),
    "email": ("email", "e-mail", "mail"),
    "message": ("message", "sms", "whatsapp", "linkedin", "chat"),
    "meeting": ("meeting", "demo", "event", "lunch", "termin"),
    "visit": ("visit", "besuch"),
    "form": ("form", "formular"),
    "other": ("other", "task", "to do", "todo", "deadline", "aufgabe"),
}
_DIRECTIONS: Mapping[str, tuple[str, ...]] = {
    "outbound": ("outbound", "outgoing", "out", "ausgehend"),
    "inbound": ("inbound", "incoming", "in", "eingehend"),
}
_BY: Mapping[str, tuple[str, ...]] = {
    "sales": ("sales", "rep", "vertrieb"),
    "lead": ("lead", "customer", "prospect", "kunde"),
    "marketing": ("marketing",),
    "agent": ("agent", "bot", "assistant"),
    "automation": ("automation", "sequence", "system"),
}
_DEALS: Mapping[str, tuple[str, ...]] = {
    "won": ("won", "closed won", "closed - won", "closedwon", "gewonnen", "auftrag"),
    "lost": ("lost", "closed lost", "closed - lost", "closedlost", "verloren", "absage"),
}
TABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "outcome": _OUTCOMES,
    "activity": _ACTIVITIES,
    "direction": _DIRECTIONS,
    "by": _BY,
    "deal": _DEALS,
}
_SYMBOLS: Mapping[str, str] = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY", "₹": "INR"}
_CURRENCY_IN_NAME = re.compile(r"\b(EUR|USD|GBP|CHF|JPY|INR|SEK|NOK|DKK|PLN|CZK|AUD|CAD)\b")


@dataclass(frozen=True, slots=True)
class MoneyColumn:
    """How a column of amounts is read; `decimal` is empty if its values are no amounts."""

    decimal: str = ""
    currency: str = ""
    doubt: str = ""


def meanings(texts: Iterable[str], table: str) -> tuple[dict[str, str], list[str]]:
    """Return what each text means by one of TABLES, and the texts of which it is not known."""
    by_word = {word: value for value, words in TABLES[table].items() for word in words}
    known, unknown = {}, []
    for text in dict.fromkeys(text for text in texts if text):
        if (value := by_word.get(text.casefold().strip())) is not None:
            known[text] = value
        else:
            unknown.append(text)
    return known, unknown


def money_column(name: str, values: Iterable[str]) -> MoneyColumn:
    """Find how the values of a column are read as amounts."""
    texts = [value for value in values if value]
    currency = next((code for sign, code in _SYMBOLS.items() for text in texts if sign in text), "")
    if match := _CURRENCY_IN_NAME.search(name):
        currency = match[1]
    bare = [re.sub(r"[^\d.,]", "", text) for text in texts]
    if not all(map(re.compile(r"\d").search, bare)) or not texts:
        return MoneyColumn()
    commas = sum(bool(re.search(r",\d{1,2}$|\.\d{3},", text)) for text in bare)
    points = sum(bool(re.search(r"\.\d{1,2}$|,\d{3}\.", text)) for text in bare)
    unsure = next((text for text in bare if re.fullmatch(r"\d{1,3}[.,]\d{3}", text)), "")
    decimal = "," if commas > points else "."
    if commas and points:
        return MoneyColumn(decimal, currency, "some values have a decimal comma and some a decimal point")
    if not commas and not points and unsure:
        return MoneyColumn("," if "." in unsure else ".", currency, f"{unsure!r} is read as thousands")
    return MoneyColumn(decimal, currency)
