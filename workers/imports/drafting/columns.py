"""What columns mean, by their names as CRMs and people write them (English and German)."""

import re
from collections.abc import Iterable, Mapping

_ROLES: Mapping[str, str] = {
    "event_id": r"activity id|call id|task id|event id|event no",
    "lead_id": (
        r"lead id|lead number|lead no|lead|who id|associated contact ids?|record id|record id contact"
        r"|contact id|person id"
        r"|prospect id|contact ids?|id|nr|no|number|nummer|lead nr|kundennummer"
        r"|kunden nr|deal id|contact person|contact|person"
    ),
    "mail": r"e ?mail( address)?|mail",
    "created_at": (
        r"created( date| time| on| at)?|create (date|time)|add time|deal created|lead created"
        r"|creation date|date created|date added|added( on)?|angelegt( am)?|erstellt( am)?|erstkontakt"
        r"|eingang|anfrage( am)?|datum"
    ),
    "activity_at": (
        r"marked as done time|activity date time|completed date time|call (start )?time|activity date"
        r"|done time|call date|due date|start time|date time|date|time|timestamp|occurred at|when"
        r"|created( date| time)?|add time|datum"
    ),
    "contacted_at": (
        r"first call|last call|last contacted|last contact|first contacted|letzter anruf|letzter kontakt"
        r"|angerufen( am)?"
    ),
    "parked_at": r"parked( on| at)?|disqualified( on| date)?|unqualified( on| date)|stalled( on| at)?|geparkt( am)?",
    "resume_at": r"resume( on| at)?|come back( on)?|recycle date",
    "consent_expires_at": r"consent (until|valid until|expires|expires on|expires at)|einwilligung bis",
    "by": r"by|actor|who|initiated by",
    "note": r"notes?|comments?|notiz|bemerkung",
    "result": (
        r"call result|call outcome|call disposition|result|outcome|disposition|(kontakt|gesprächs|anruf)?ergebnis"
    ),
    "activity": r"activity type|task subtype|type|call type|activity|art",
    "direction": r"call direction|direction",
    "status": r"deal status|status|lead status|stage|deal stage|stage name|opportunity stage|state|stand|is won",
    "won_at": r"won time|won on|won date",
    "lost_at": r"lost time|lost on|lost date",
    "closed_at": (
        r"closed on|deal closed on|closed date|close date|closed( at)?|closing date|abschluss(datum)?"
        r"|abgeschlossen( am)?"
    ),
    "reason": r"lost reason|loss reason|closed lost reason|reason for loss|why lost|verlustgrund|grund|reason",
    "amount": (
        r"amount|value|deal value|expected revenue|expected value|deal amount|worth|auftragswert|wert"
        r"|betrag|umsatz"
    ),
    "currency": r"currency|currency of value|currency iso code|deal currency|währung",
    "origin": (
        r"lead source|source|original (traffic )?source|origin|channel|source name|source channel"
        r"|utm source|kanal|quelle|herkunft"
    ),
    "campaign_id": r"campaign|campaign (id|name)|utm campaign|kampagne",
    "segment": r"segment|rating|industry|branche",
    "owner_id": (
        r"owner|lead owner|contact owner|deal owner|owner id|assigned to( user)?|rep|sales rep|betreuer"
        r"|verkäufer|zuständig(er?)?|verantwortlich(er?)?|bearbeiter"
    ),
    "account_id": (
        r"account id|account|company id|company|company name|organization|organisation|account name"
        r"|primary associated company id|firma|unternehmen"
    ),
    "opt_out": (
        r"email opt out|has opted out of email|do not call|do not contact|do not email"
        r"|unsubscribed from all email|opt out|opted out"
    ),
    "next_step_at": r"next (step|activity|activity date|call|contact)|next step date|follow up( date)?|wiedervorlage",
}
"""A pattern for the names of the columns of each role; earlier alternatives are preferred."""
_OBJECT = re.compile(r"^(deal|lead|activity|person|organization|contact|call|task) - (.+)$", re.IGNORECASE)
_ENDS_OF_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[\s_\-./:#*]+")
_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")


def roles_of(names: Iterable[str]) -> dict[str, str]:
    """Return the column of each role that one of these names has; a column has one role."""
    plain = {name: plain_name(name) for name in names}
    found: dict[str, str] = {}
    for role, pattern in _ROLES.items():
        taken = set(found.values())
        for alternative in _alternatives(pattern):
            name = next((n for n, text in plain.items() if n not in taken and re.fullmatch(alternative, text)), None)
            if name is not None:
                found[role] = name
                break
    return found


def is_of_activities(names: Iterable[str], roles: Mapping[str, str]) -> bool:
    """Whether rows are calls, mails and meetings rather than leads or deals."""
    objects = {match[1].lower() for name in names if (match := _OBJECT.match(name))}
    if objects & {"activity", "call", "task"}:
        return True
    plain = set(map(plain_name, names))
    signs = {
        "who id",
        "activity date",
        "call outcome",
        "call result",
        "call duration",
        "call direction",
        "activity type",
    }
    is_log = bool({"result", "activity", "direction"} & roles.keys()) and "activity_at" in roles
    return bool(plain & signs) or (is_log and not {"origin", "status", "closed_at", "contacted_at"} & roles.keys())


def plain_name(name: str) -> str:
    """Return a name in lower case, with blanks between words, without the object before it and units behind it."""
    text = _BRACKETS.sub("", name)
    if match := _OBJECT.match(text):
        text = f"{match[1]} {match[2]}" if match[2].strip().casefold() in ("id", "type") else match[2]
    return _SEPARATORS.sub(" ", _ENDS_OF_WORDS.sub(" ", text)).strip().casefold()


def _alternatives(pattern: str) -> list[str]:
    """Split at the bars that are not inside of brackets."""
    return re.findall(r"(?:[^|()]|\([^)]*\))+", pattern)
