"""Which rule applies to a lead, and what is promised about it, in sentences."""

from collections.abc import Iterator

from streams.domain.explanation import ExplainedPromise, Explanation
from streams.domain.lead import Lead
from streams.domain.policy import Rule
from streams.domain.policy.rules import WORDS

from .words import TimeWords, counted, joined, ordinal, quoted, sized

UNKNOWN_POLICY = "The policy is not known here: rules, promises and what happens next cannot be explained."


def rule_sentences(explained: Explanation) -> Iterator[str]:
    """Which rule applies, and why."""
    policy, rule = explained.policy, explained.rule
    if policy is None:
        yield UNKNOWN_POLICY
    elif rule is not None:
        matched = list(_matched(rule, explained.lead))
        because = f", because {joined(matched)}" if matched else ""
        yield f"The rule {quoted(rule.name)} of policy {policy.version} applies{because}."
    elif policy.rules:
        yield f"No rule of policy {policy.version} is for this lead, so the promises about every lead apply."
    else:
        yield f"The promises about every lead apply (policy {policy.version})."


def _matched(rule: Rule, lead: Lead) -> Iterator[str]:
    """Why the rule is for this lead, as clauses."""
    for name in rule.when:
        yield f"its {name} is {quoted(getattr(lead, WORDS[name]))}"
    if rule.amount is not None:
        yield "its expected amount is in the range of the rule"
    if rule.passes is not None:
        yield f"this is its {ordinal(lead.pass_no)} pass"


def promise_sentences(explained: Explanation, times: TimeWords) -> Iterator[str]:
    """The promises whose clocks run, and the one that was broken."""
    if explained.policy is None:
        return
    if all(one.state == "off" for one in explained.promises):
        yield "Nothing is promised about this lead, so no clock runs."
    subject = "The promise"
    for one in explained.promises:
        if one.state == "running":
            yield from _running(one, subject, explained, times)
            subject = "Another promise"
        elif one.state == "broken":
            yield from _broken(one, explained.lead, times)
        elif one.name == "attempts_exhausted" and one.state == "waiting" and explained.lead.attempts:
            yield _attempts(one, explained)


def _running(one: ExplainedPromise, subject: str, explained: Explanation, times: TimeWords) -> Iterator[str]:
    if one.within is None or one.due is None:
        attempts = counted(explained.lead.attempts, "contact")
        yield f"Sales has made {attempts} without an answer or a meeting; the promise was at most {one.at_most}."
        return
    yield f"{subject} is {_promised(one)}, {_since(one, explained.lead, times)}{_until(one, times)}."
    if one.due < times.now:
        yield f"That was {times.away(one.due)}."


def _promised(one: ExplainedPromise) -> str:
    size = sized(one.within) if one.within else ""
    match one.name:
        case "never_assigned":
            return f"an owner within {size}"
        case "never_contacted":
            return f"a first contact within {size}"
        case "no_next_step":
            return f"an agreed next step within {size}"
        case "no_follow_up" if one.next_step_at is not None:
            return "a follow-up at the agreed next step"
        case "no_follow_up":
            return f"a follow-up within {size} of the last contact"
        case _:
            return f"an answer or a meeting within {size}"


def _since(one: ExplainedPromise, lead: Lead, times: TimeWords) -> str:
    """The start of a clock that does not start with what the reader knows already."""
    if one.name != "never_contacted" or one.since is None or one.since == lead.created_at:
        return ""
    return f"from {times.on(one.since)} (when it got an owner), "


def _until(one: ExplainedPromise, times: TimeWords) -> str:
    due = times.on(one.due or 0)
    if one.next_step_at is None:
        return f"by {due}"
    if one.name == "no_follow_up":
        return f"at the latest {sized(one.grace) if one.grace else 'some time'} after it, by {due}"
    return f"extended by the agreed next step to {due}"


def _broken(one: ExplainedPromise, lead: Lead, times: TimeWords) -> Iterator[str]:
    if one.name == "attempts_exhausted":
        if one.at_most is not None:
            yield f"The promise was at most {counted(one.at_most, 'contact')} without an answer or a meeting."
    elif one.within is not None and one.due is not None:
        yield f"The promise was {_promised(one)}, {_since(one, lead, times)}{_until(one, times)}."


def _attempts(one: ExplainedPromise, explained: Explanation) -> str:
    made = explained.lead.attempts
    return f"Sales has made {made} of at most {counted(one.at_most or 0, 'contact')} without an answer or a meeting."
