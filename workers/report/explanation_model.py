"""The response models of an explanation, and how they are made."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from schemas.events import Decision, Stage
from streams.domain.decisions import AtRisk
from streams.domain.explanation import (
    ExplainedGate,
    ExplainedPromise,
    ForecastStep,
    GateName,
    PromiseName,
    PromiseState,
)
from streams.domain.facts import Stalled
from streams.domain.policy.spans import calendar_of
from workers.explaining.explanation_sentences import About
from workers.explaining.known_decision import KnownDecision, foreseen
from workers.explaining.lead_explanation import LeadExplanation
from workers.explaining.words import span_words

from .api_models import ApiInstant, ApiModel, AsOf, instant, optional_instant


class SentenceModel(ApiModel):
    """A sentence, and the part of the explanation that it belongs to."""

    about: About
    text: str = Field(
        examples=["Nobody has contacted this lead since it was created on Monday, 3 March 2026, 09:00 (Europe/Berlin)."]
    )


class PromiseModel(ApiModel):
    """A promise about the lead. `since` and `due` are of its clock, if it runs or was broken."""

    name: PromiseName
    state: PromiseState = Field(
        description="running; waiting: its clock starts later; kept; broken: the lead is cold because of it; stopped: "
        "the lead is cold for another reason, or its deal is closed; off: not promised."
    )
    within: str | None = Field(examples=["4 business hours"])
    calendar: str | None = Field(description="Of business time; null: day and night.", examples=["office"])
    at_most: int | None = Field(description="Of attempts_exhausted: contacts without an answer or a meeting.")
    since: ApiInstant | None
    due: ApiInstant | None
    next_step_at: ApiInstant | None = Field(
        description="The agreed next step on which `due` depends; null: it does not."
    )


class GateModel(ApiModel):
    """A condition that forbids handing the lead back while it is closed."""

    name: GateName
    is_open: bool
    until: ApiInstant | None = Field(description="The end of the consent or of the cooldown; null: none is known.")
    needed_at: ApiInstant | None = Field(
        description="Of the consent: when marketing could start to write, with which its end is compared."
    )


class DecisionModel(ApiModel):
    """A decision about a stall of the lead. Fields that a decision of its kind has not are null or empty."""

    at: ApiInstant
    decision: Decision
    why: str = Field(examples=["cooldown"])
    reason: str = Field(description="Why the lead went cold.", examples=["never_contacted"])
    until: ApiInstant | None = Field(description="Of HOLD and ESCALATE: when the stall is evaluated again.")
    track: str = Field(description="Of RECYCLE.", examples=["introduce-again"])
    not_before: ApiInstant | None = Field(description="Of RECYCLE: when marketing may start to write.")
    expires_at: ApiInstant | None = Field(description="Of RECYCLE: when the consent ends.")
    policy_version: str = Field(description="The policy that decided; empty: not known, or not decided yet.")
    policy_digest: str


class StepModel(ApiModel):
    """What happens as soon as time is past `at`, if nothing is reported.

    `warning`: sales is warned that the promise will break; `stall`: the promise breaks; `decision`.
    """

    at: ApiInstant
    kind: Literal["warning", "stall", "decision"]
    reason: str = Field(description="The promise that breaks, or why the lead is cold.")
    decision: DecisionModel | None


class ExplanationModel(ApiModel):
    """Why the lead is where it is, and what happens next. Without a policy: no rule, no promises, no steps."""

    lead_id: str = Field(examples=["lead-42"])
    at: ApiInstant = Field(description="The instant of the explanation.")
    stage: Stage
    policy_version: str | None = Field(description="The policy that explains; null: it is not known to this process.")
    policy_digest: str | None
    rule: str | None = Field(description="The rule that applies; null: the promises about every lead apply.")
    promises: list[PromiseModel]
    gates: list[GateModel]
    decisions: list[DecisionModel] = Field(description="What was decided, oldest first.")
    following: list[StepModel] = Field(description="What happens next if nothing is reported, in order.")
    is_foreseen: bool = Field(
        description="Whether `following` is known. If not, `next_at` is when the lead is evaluated next."
    )
    next_at: ApiInstant | None = Field(description="The next date that streams has published; null: nothing is due.")
    next_reason: str = Field(description="The promise that breaks then; held: a stall is evaluated again.")
    is_whole: bool = Field(description="Whether all events of the lead are known; if not, counts may be too small.")
    timezone: str = Field(description="Of the sentences.", examples=["Europe/Berlin"])
    sentences: list[SentenceModel]
    as_of: AsOf


def explanation_model(found: LeadExplanation, as_of: AsOf) -> ExplanationModel:
    """The explanation as the API shows it."""
    explained, policy, next_date = found.explained, found.explained.policy, found.next_date
    return ExplanationModel(
        lead_id=explained.lead_id,
        at=instant(explained.at),
        stage=explained.stage,
        policy_version=policy.version if policy else None,
        policy_digest=policy.digest if policy else None,
        rule=explained.rule.name if explained.rule else None,
        promises=[_promise(one) for one in explained.promises],
        gates=[_gate(one) for one in explained.gates],
        decisions=[_decision(one) for one in found.decisions],
        following=list(_steps(explained.following)),
        is_foreseen=found.is_foreseen,
        next_at=instant(next_date.at) if next_date else None,
        next_reason=next_date.reason if next_date else "",
        is_whole=found.is_whole,
        timezone=found.zone.key,
        sentences=[SentenceModel(about=one.about, text=one.text) for one in found.sentences],
        as_of=as_of,
    )


def _promise(one: ExplainedPromise) -> PromiseModel:
    calendar = calendar_of(one.within)
    return PromiseModel(
        name=one.name,
        state=one.state,
        within=span_words(one.within) if one.within else None,
        calendar=calendar.name if calendar else None,
        at_most=one.at_most,
        since=optional_instant(one.since),
        due=optional_instant(one.due),
        next_step_at=optional_instant(one.next_step_at),
    )


def _gate(one: ExplainedGate) -> GateModel:
    return GateModel(
        name=one.name,
        is_open=one.is_open,
        until=optional_instant(one.until),
        needed_at=optional_instant(one.needed_at),
    )


def _decision(one: KnownDecision) -> DecisionModel:
    return DecisionModel(
        at=instant(one.at),
        decision=one.decision,
        why=one.why,
        reason=one.reason,
        until=optional_instant(one.until),
        track=one.track,
        not_before=optional_instant(one.not_before),
        expires_at=optional_instant(one.expires_at),
        policy_version=one.policy_version,
        policy_digest=one.policy_digest,
    )


def _steps(following: tuple[ForecastStep, ...]) -> Iterator[StepModel]:
    for step in following:
        if isinstance(step.what, Stalled | AtRisk):
            kind: Literal["warning", "stall"] = "stall" if isinstance(step.what, Stalled) else "warning"
            yield StepModel(at=instant(step.at), kind=kind, reason=step.what.reason, decision=None)
        else:
            known = foreseen(step.what, step.at)
            yield StepModel(at=instant(step.at), kind="decision", reason=known.reason, decision=_decision(known))
