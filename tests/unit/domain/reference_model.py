"""The reference model, found beside the checkout, and the translation of our facts and policies to its own."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from streams.domain.decisions import Holdout, Recycle, Retire, Revoke, Suppress
from streams.domain.facts import Closed, Contacted, Created, Decided, Fact, Revoked, Stalled
from streams.domain.lead_fold import Emission
from streams.domain.policy import PlainTime, Policy, Span

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
)


def reference_model() -> ModuleType:
    """Load the model, or skip the tests that need it; never skipped in CI."""
    if not (PLACE / "model.py").exists():
        reason = f"no reference model in {PLACE}: set LEADLOOP_REFERENCE to the folder of model.py"
        if os.environ.get("CI"):
            raise FileNotFoundError(reason)
        pytest.skip(reason, allow_module_level=True)
    spec = importlib.util.spec_from_file_location("reference_model_of_leadloop", PLACE / "model.py")
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


def _kind_and_data(fact: Fact) -> tuple[str, dict[str, Any]]:
    match fact:
        case Created():
            return "created", _values(fact, "origin", "consent_expires_at", "do_not_contact")
        case Contacted():
            data: dict[str, Any] = {} if fact.next_step_at is None else {"next_step_at": fact.next_step_at}
            by = "marketing" if fact.by_marketing else "sales"
            return "contacted", {**data, "by": by, "outcome": "connected" if fact.is_progress else "voicemail"}
        case Closed():
            return "closed", {"outcome": "won" if fact.is_won else "lost", "reason": fact.reason}
        case Stalled():
            return "stalled", _values(fact, "declared_by", "reason", "resume_at", "idle_since")
        case Decided():
            return fact.decided, {"stall_id": fact.stall_id}
        case Revoked():
            return "revoke", {"recycle_id": fact.recycle_id, "stall_id": fact.stall_id}


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
    )


def _ms(span: Span | None) -> int:
    if span is None:
        return NEVER_MS
    if isinstance(span, PlainTime):
        return span.ms
    raise TypeError("the model knows no business time")


def emission_as_of_the_model(emission: Emission) -> tuple[str, str, int, str | None]:
    """The kind, id, time and reason of an emission."""
    what = emission.what
    match what:
        case Stalled():
            return "stalled", what.event_id, what.at, None
        case Recycle():
            return "recycle", what.recycle_id, what.at, what.why
        case Revoke():
            return "revoke", what.event_id, what.at, None
        case Holdout() | Suppress() | Retire():
            return type(what).__name__.lower(), what.event_id, what.at, what.why


def emitted_by_the_model(fact: Any) -> tuple[str, str, int, str | None]:
    """The same of a fact that the model emitted."""
    return fact.kind, fact.event_id, fact.at, fact.data.get("why")


def lead_as_the_model_says(lead: Any) -> dict[str, Any]:
    """What both leads, ours and the model's, say about themselves."""
    says = _values(lead, *SAID_BY_BOTH)
    stall = lead.stall
    says["stall"] = stall and tuple(
        getattr(stall, name) for name in ("stall_id", "at", "reason", "declared_by", "resume_at", "decided")
    )
    says["recycle"] = lead.recycle and _pair(lead.recycle)
    says["to_revoke"] = [_pair(each) for each in lead.to_revoke]
    says["revoked"] = sorted(_pair(each) for each in lead.revoked)
    return says


def _pair(recycle: Any) -> tuple[str, str]:
    return recycle if isinstance(recycle, tuple) else (recycle.recycle_id, recycle.stall_id)
