"""What was decided about a lead, and what will be: as parts of sentences."""

from typing import Literal

from schemas.events import Decision

from .known_decision import KnownDecision
from .words import TimeWords, quoted, reason_words

Tense = Literal["past", "present"]

_VERBS: dict[Decision, tuple[str, str]] = {
    "RECYCLE": ("handed it back to marketing", "hands it back to marketing"),
    "HOLDOUT": ("left it alone", "leaves it alone"),
    "SUPPRESS": ("did not hand it back", "does not hand it back"),
    "RETIRE": ("decided not to hand it back any more", "decides not to hand it back any more"),
    "HOLD": ("put it on hold", "puts it on hold"),
    "ESCALATE": ("asked sales to act", "asks sales to act"),
    "REVOKE": ("took it back from marketing", "takes it back from marketing"),
    "UNKNOWN": ("made a decision", "makes a decision"),
}
_BECAUSE = {
    "customer": "it is a customer",
    "do_not_contact": "it asked not to be contacted",
    "consent_expired": "its consent ends before marketing could start to write",
    "no_date": "sales has not reported a date to resume",
    "recycle_limit": "it has been handed back as often as the policy allows",
    "too_old": "it had gone cold too long ago when Leadloop learned of it",
    "cooldown": "it was handed back shortly before",
    "holdout": "it is in the control group, which shows what handing back is worth",
}
_CAUSES = {
    "moved": "it moved again",
    "won": "the deal was won",
    "void": "a late report showed that it had not gone cold",
    "restated": "sales reported something else",
    "requalified": "marketing passed it to sales again",
    "do_not_contact": "it asked not to be contacted",
    "consent_expired": "its consent ends before marketing could start to write",
}


def decision_words(known: KnownDecision, tense: Tense, times: TimeWords) -> str:
    """What Leadloop does, without a subject: `asks sales to act by 17:00`."""
    verb = _VERBS[known.decision][tense == "present"]
    match known.decision:
        case "RECYCLE":
            return f"{verb}{_track(known)}; {_start(known, tense, times)}"
        case "ESCALATE":
            return f"{verb}{_end('by', known, times)}"
        case "HOLD":
            return f"{verb}{_end('until', known, times)}, because {_because(known)}"
        case "UNKNOWN":
            return verb
        case _:
            return f"{verb}, because {_because(known)}"


def gate_words(why: str) -> str:
    """Why a lead is not handed back, as a clause: `it is a customer`."""
    return _BECAUSE.get(why, reason_words(why))


def _because(known: KnownDecision) -> str:
    if known.decision == "REVOKE":
        return _CAUSES.get(known.why, reason_words(known.why))
    if known.why == "never":
        return f"leads with the reason {reason_words(known.reason)} are never handed back"
    return gate_words(known.why)


def _track(known: KnownDecision) -> str:
    return f" for the track {quoted(known.track)}" if known.track else ""


def _start(known: KnownDecision, tense: Tense, times: TimeWords) -> str:
    may = "could start to write" if tense == "past" else "may start to write"
    start = known.not_before
    when = f"on {times.on(start)}" if start is not None and start > known.at else "at once"
    end = f", until its consent ends on {times.on(known.expires_at)}" if known.expires_at is not None else ""
    return f"marketing {may} {when}{end}"


def _end(word: str, known: KnownDecision, times: TimeWords) -> str:
    return "" if known.until is None else f" {word} {times.after(known.until, known.at)}"
