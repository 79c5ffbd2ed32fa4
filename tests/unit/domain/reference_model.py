"""The reference model, found beside the checkout, and the translation of our facts and policies to its own."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from streams.domain.decisions import AtRisk, Escalate, Hold, Holdout, Recycle, Retire, Revoke, Suppress
from streams.domain.facts import Closed, Contacted, Created, Decided, Fact, Revoked, Stalled, Updated, Warned
from streams.domain.lead_fold import Emission
from streams.domain.policy import Action, PlainTime, Policy, Span

PLACE = Path(os.environ.get("LEADLOOP_REFERENCE", Path(__file__).parents[4] / "shared" / "reference"))
NEVER_MS = 10**18
SAID_BY_BOTH = (
    "pass_no",
    "created_at",
    "origin",
    "consent_expires_at",
    "do_not_contact",
    "first_touch_at",
    "last_touch_at",
    "last_progress_at",
    "attempts",
    "next_step_at",
    "closed",
    "recycled_at",
    "recycles",
    "won_ever",
    "newest_at",
    "updated_at",
)


def reference_model() -> ModuleType:
    """Load the model, or skip the tests that need it; never skipped in CI."""
    if not (PLACE / "model2.py").exists():
        reason = f"no reference model in {PLACE}: set LEADLOOP_REFERENCE to the folder of model2.py"
        if os.environ.get("CI"):
            raise FileNotFoundError(reason)
        pytest.skip(reason, allow_module_level=True)
    spec = importlib.util.spec_from_file_location("reference_model_of_leadloop", PLACE / "model2.py")
    if spec is None or spec.loader is None:
        raise ImportError(PLACE)
    model = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = model  # dataclasses look their module up
    spec.loader.exec_module(model)
    return model


MODEL = reference_model()


def to_model(fact: Fact) -> Any:
    """Our fact as a fact of the model."""
    kind, data = _kind_and_data(fact)
    return MODEL.Fact(kind, fact.event_id, fact.at, data)


def _kind_and_data(fact: Fact) -> tuple[str, dict[str, Any]]:  # noqa: PLR0911  one return for each kind of fact
    match fact:
        case Created():
            return "created", _values(fact, "origin", "consent_expires_at", "do_not_contact")
        case Contacted():
            data: dict[str, Any] = {} if fact.next_step_at is None else {"next_step_at": fact.next_step_at}
            return "contacted", {**data, "by": "marketing" if fact.is_no_touch else "sales", **_happened(fact)}
        case Updated():
            return "updated", _changes(fact)
        case Closed():
            return "closed", {"outcome": "won" if fact.is_won else "lost", "reason": fact.reason}
        case Stalled():
            return "stalled", _values(fact, "declared_by", "reason", "resume_at", "idle_since")
        case Warned():
            raise TypeError("the model knows no warnings")
        case Decided():
            not_before = {} if fact.not_before is None else {"not_before": fact.not_before}
            return fact.decided, {"stall_id": fact.stall_id, **not_before}
        case Revoked():
            return "revoke", _values(fact, "recycle_id", "stall_id", "cause")


def _happened(fact: Contacted) -> dict[str, str]:
    """The outcome, and the direction: a no-show that an inbound message reports is progress without a next step."""
    if not fact.is_progress:
        return {"outcome": "no_show" if fact.loses_step else "voicemail"}
    return {"outcome": "no_show", "direction": "inbound"} if fact.loses_step else {"outcome": "connected"}


def _changes(fact: Updated) -> dict[str, Any]:
    data: dict[str, Any] = {} if fact.do_not_contact is None else {"do_not_contact": fact.do_not_contact}
    if fact.has_consent:
        data["consent_expires_at"] = fact.consent_expires_at
    return {**data, "retracts": fact.retracts} if fact.retracts else data


def _values(fact: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in names}


def policy_to_model(policy: Policy) -> Any:
    """A policy of plain time as a policy of the model."""
    promises, limits = policy.promises, policy.limits
    return MODEL.Policy(
        first_contact=_ms(promises.never_contacted),
        follow_up=_ms(promises.no_follow_up),
        progress=_ms(promises.no_progress),
        grace=_ms(promises.grace),
        max_attempts=NEVER_MS if promises.max_attempts is None else promises.max_attempts,
        max_recycles=NEVER_MS if limits.max_recycles is None else limits.max_recycles,
        cooldown=_ms(limits.cooldown),
        never=frozenset(reason for reason, action in policy.reasons.items() if action is None),
        max_age=_ms(limits.max_age),
        holdout_percent=limits.holdout_percent,
        holdout_salt=limits.holdout_salt,
        escalate={reason: _ms(each.escalate) for reason, each in _actions(policy) if each.escalate},
        delay={reason: _ms(each.delay) for reason, each in _actions(policy)},
    )


def _actions(policy: Policy) -> list[tuple[str, Action]]:
    return [(reason, action) for reason, action in policy.reasons.items() if action is not None]


def _ms(span: Span | None) -> int:
    if span is None:
        return NEVER_MS
    if isinstance(span, PlainTime):
        return span.ms
    raise TypeError("the model knows no business time")


def emission_as_of_the_model(emission: Emission) -> tuple[str, str, int, str | None, int | None]:
    """The kind, id, time, reason (or cause) and date of an emission."""
    what = emission.what
    match what:
        case AtRisk():
            raise TypeError("the model knows no warnings")
        case Stalled():
            return "stalled", what.event_id, what.at, None, None
        case Recycle():
            return "recycle", what.recycle_id, what.at, what.why, what.not_before
        case Revoke():
            return "revoke", what.event_id, what.at, what.cause, None
        case Hold() | Escalate():
            return type(what).__name__.lower(), what.event_id, what.at, what.why, what.until
        case Holdout() | Suppress() | Retire():
            return type(what).__name__.lower(), what.event_id, what.at, what.why, None


def emitted_by_the_model(fact: Any) -> tuple[str, str, int, str | None, int | None]:
    """The same of a fact that the model emitted."""
    data = fact.data
    why, date = data.get("why", data.get("cause")), data.get("until", data.get("not_before"))
    return fact.kind, fact.event_id, fact.at, why, date


def lead_as_the_model_says(lead: Any) -> dict[str, Any]:
    """What both leads, ours and the model's, say about themselves."""
    says = _values(lead, *SAID_BY_BOTH)
    stall = lead.stall
    says["stall"] = stall and tuple(
        getattr(stall, name)
        for name in ("stall_id", "at", "reason", "declared_by", "resume_at", "decided", "escalated_at")
    )
    says["recycle"] = lead.recycle and _firsts(lead.recycle, 4)
    says["to_revoke"] = [_firsts(each, 3) for each in lead.to_revoke]
    says["revoked"] = sorted(_firsts(each, 3) for each in lead.revoked)
    return says


def _firsts(values: Any, count: int) -> tuple[Any, ...]:
    """The first fields of a struct of ours, or of a tuple of the model's."""
    return (values if isinstance(values, tuple) else msgspec.structs.astuple(values))[:count]
