"""Reads and validates the YAML file of a policy; every violation names its line."""

from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

from pydantic import Field, ValidationError

from streams.domain.policy.calendars import Calendar
from streams.domain.policy.intake import NO_INTAKE
from streams.domain.policy.terms import Policy
from streams.runtime.documents import DocumentError, YamlDocument

from .coverage import unreachable
from .field_types import NonEmptyText, Section
from .intake_section import IntakeFile
from .sections import (
    ActionFile,
    CalendarFile,
    CountsFile,
    LimitsFile,
    OneReason,
    OtherReasons,
    PromisesFile,
    RuleFile,
)

DIGEST_BYTES = 8


class PolicyError(DocumentError):
    """All violations in a policy file; each line of the message has file, line, problem and what to write instead."""


class PolicyFile(Section):
    """The whole file."""

    version: NonEmptyText
    calendars: dict[str, CalendarFile] = Field(default_factory=dict)
    promises: PromisesFile = PromisesFile()
    counts: CountsFile = CountsFile()
    rules: list[RuleFile] = Field(default_factory=list)
    reasons: dict[str, OneReason] = Field(default_factory=dict)
    otherwise: OtherReasons = ActionFile(track="nurture")
    limits: LimitsFile = LimitsFile()
    intake: IntakeFile | None = None

    def policy(self, digest: str) -> Policy:
        """The policy that the file describes."""
        calendars = {name: file.calendar(name) for name, file in self.calendars.items()}
        default = Policy()
        promises = self.promises.over(default.promises, calendars)
        counts = replace(default.counts, **self.counts.given(calendars))
        rules = (rule.rule(n, promises, counts, calendars) for n, rule in enumerate(self.rules, start=1))
        policy = replace(
            default,
            version=self.version,
            digest=digest,
            promises=promises,
            counts=counts,
            rules=tuple(rules),
            limits=self.limits.limits(calendars),
            otherwise=self.otherwise.action(calendars),
            intake=NO_INTAKE if self.intake is None else self.intake.intake(),
        )
        return self._with_reasons(policy, calendars) if "reasons" in self.model_fields_set else policy

    def _with_reasons(self, policy: Policy, calendars: dict[str, Calendar]) -> Policy:
        causes = {reason: file.cause for reason, file in self.reasons.items() if file.cause is not None}
        return replace(
            policy,
            reasons={reason: file.action(calendars) for reason, file in self.reasons.items()},
            causes={**policy.causes, **causes},
        )


class PolicyReading(NamedTuple):
    """A valid policy file: its lines, its sections, and the policy that it describes."""

    document: YamlDocument
    file: PolicyFile
    policy: Policy


def parse_policy(text: str, name: str) -> Policy:
    """Parse a policy file. The digest of the policy is the BLAKE2b of its text: 8 bytes, in hex.

    Args:
        text: Its content.
        name: The file name in messages.

    Raises:
        PolicyError: It is not a valid policy.
    """
    return read_policy(text, name).policy


def read_policy(text: str, name: str) -> PolicyReading:
    """Parse a policy file, as `parse_policy` does, for checks that need its lines.

    Raises:
        PolicyError: It is not a valid policy.
    """
    try:
        document = YamlDocument(text, name)
    except DocumentError as unread:
        raise PolicyError(name, unread.faults) from None
    file, faults = document.check(PolicyFile, context=_calendars(document.data))
    faults += unreachable(document)
    if file is None or faults:
        raise PolicyError(name, faults)
    policy = file.policy(blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest())
    return PolicyReading(document, file, policy)


def _calendars(data: object) -> dict[str, Calendar | None]:
    """The calendars by name; None for an invalid one, whose violations are reported elsewhere."""
    named = data.get("calendars") if isinstance(data, dict) else None
    return (
        {str(name): _calendar(str(name), content) for name, content in named.items()} if isinstance(named, dict) else {}
    )


def _calendar(name: str, content: object) -> Calendar | None:
    try:
        return CalendarFile.model_validate(content).calendar(name)
    except ValidationError:
        return None
