"""Doubts about what follows a stall, and about the limits."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

from streams.domain.policy.promises import CLOCKS
from streams.domain.policy.reasons import DEFAULT_REASONS
from streams.domain.policy.spans import PlainTime

from .doubts import Doubt, about_ms, all_actions, all_promises
from .policy_document import PolicyReading
from .syntax import UNITS_MS

Accepts = Callable[[str, str], bool]
"""Whether any endpoint takes a RECYCLE of this reason ('': any) and track."""

ATTEMPTS = "attempts_exhausted"
PROMISES = (*CLOCKS, ATTEMPTS)
LONGEST_CONSENT_DAYS = 730
"""Implied consent after a purchase: Canada's anti-spam law (CASL), the longest that is in use."""
LARGE_HOLDOUT, EVERYBODY = 50, 100
SIMILAR = 0.85
MOST_UNNAMED = 50


def reason_doubts(reading: PolicyReading, accepts: Accepts | None) -> Iterator[Doubt]:
    """Doubts about reasons and their actions. `accepts`: what endpoints take; None: not checked."""
    yield from _names(reading)
    yield from _tracks(reading)
    for place, action in all_actions(reading.policy):
        reason = str(place[-1]) if place[0] == "reasons" else ""
        if about_ms(action.delay) > LONGEST_CONSENT_DAYS * UNITS_MS["day"]:
            problem = "the delay is longer than two years, and no implied consent lasts longer"
            yield Doubt((*place, "delay"), problem, "write less, or 'never'")
        if action.escalate is not None and reason and reason not in PROMISES:
            problem = f"sales reports {reason!r} itself: there is no broken promise to escalate"
            yield Doubt((*place, "escalate"), problem, f"leave it out; promises are {', '.join(PROMISES)}")
        if action.disposition == "triggered" and reason in PROMISES:
            problem = "the detector names no date, so such a lead waits until sales reports one"
            yield Doubt((*place, "disposition"), problem, "leave it out, and write a 'delay'")
        if accepts is not None and not accepts(reason, action.track):
            problem = f"no endpoint takes the track {action.track!r}"
            yield Doubt((*place, "track"), problem, "add it to an endpoint, or write a track that one takes")


def limit_doubts(reading: PolicyReading) -> Iterator[Doubt]:
    """Doubts about limits, and about policies that hand no lead back."""
    limits, place = reading.policy.limits, ("limits",)
    if limits.max_recycles == 0 or limits.holdout_percent == EVERYBODY:
        key = ("max_recycles",) if limits.max_recycles == 0 else ("holdout", "percent")
        yield Doubt((*place, *key), "no lead is ever handed back", "write another number")
    elif limits.holdout_percent >= LARGE_HOLDOUT:
        problem = f"{limits.holdout_percent} % of all leads are not handed back"
        yield Doubt((*place, "holdout", "percent"), problem, "write 5 to 20 to measure the effect")
    if limits.max_recycles is None and limits.cooldown == PlainTime(0):
        problem = "a lead may be handed back at any time and without end"
        yield Doubt((*place, "cooldown"), problem, "write a cooldown, or a number at 'max_recycles'")
    if not list(all_actions(reading.policy)):
        yield Doubt(("otherwise",), "all reasons are 'never': no lead is ever handed back", "write a track for some")


def unnamed_doubts(reading: PolicyReading, reported: Mapping[str, int]) -> Iterator[Doubt]:
    """Doubts about reasons that a history has and the policy does not name. `reported`: how often it has each."""
    policy = reading.policy
    found = sorted((-count, reason) for reason, count in reported.items() if not policy.is_named(reason))
    for count, reason in found[:MOST_UNNAMED]:
        problem = f"the policy does not name the reason {reason!r} ({-count:,} in the history): 'otherwise' applies"
        close = get_close_matches(_plain(reason), policy.reasons, n=1, cutoff=SIMILAR)
        name_it = f"name it here: '{reason}: {{ track: … }}'"
        yield Doubt(("reasons",), problem, f"map it to {close[0]!r}, or {name_it}" if close else name_it)
    if more := found[MOST_UNNAMED:]:
        problem = (
            f"{len(more):,} more reasons of the history are not named ({-sum(count for count, _ in more):,} in all)"
        )
        yield Doubt(("reasons",), problem, "check whether the mapping takes the right column for the reason")


def _names(reading: PolicyReading) -> Iterator[Doubt]:
    """Reasons that are probably misspelt, and promises whose reason is not named."""
    policy, known = reading.policy, {*PROMISES, *DEFAULT_REASONS}
    for reason in policy.reasons:
        close = get_close_matches(_plain(reason), known - set(policy.reasons), n=1, cutoff=SIMILAR)
        if reason not in known and close:
            fix = f"write {close[0]!r}, if it is that one"
            yield Doubt(
                ("reasons", reason), f"{reason!r} is similar to {close[0]!r}, which the policy does not name", fix
            )
    for name in PROMISES:
        field = "max_attempts" if name == ATTEMPTS else name
        is_on = any(getattr(promises, field) is not None for _, promises in all_promises(policy))
        if is_on and not policy.is_named(name):
            problem = f"the promise {name} is on, and no reason has its name: 'otherwise' applies"
            yield Doubt(("reasons",), problem, f"write '{name}: {{ track: … }}'")


def _plain(reason: str) -> str:
    return reason.casefold().replace("-", "_").replace(" ", "_")


def _tracks(reading: PolicyReading) -> Iterator[Doubt]:
    """Tracks that differ in upper and lower case, dashes or blanks alone."""
    seen: dict[str, str] = {}
    for place, action in all_actions(reading.policy):
        plain = "".join(letter for letter in action.track.casefold() if letter.isalnum())
        if (other := seen.setdefault(plain, action.track)) != action.track:
            problem = f"the tracks {action.track!r} and {other!r} are two to marketing tools"
            yield Doubt((*place, "track"), problem, f"write {other!r} for both, if they are one")
