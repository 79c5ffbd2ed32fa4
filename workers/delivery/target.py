"""What every kind of endpoint has in common: a filter, limits, a timeout. Each kind adds keys of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.events import LeadRecycled
from streams.policy_file.field_types import TimeZone
from streams.runtime.documents import violation

from .events import RECYCLES, DeliveredEvent, DeliveryAction

ANY_TRACK = "*"


class Model(BaseModel):
    """A part of endpoints.yml: unknown keys are faults, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Model):
    """How much an endpoint takes. In any window of T seconds at most `burst + per_second * T` deliveries begin.

    At most `per_day` begin on a calendar day of `timezone`; None: any number.
    """

    per_second: Annotated[float, Field(gt=0, le=100_000)]
    burst: Annotated[int, Field(ge=1, le=100_000)] = 1
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 8
    per_day: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    timezone: TimeZone = ZoneInfo("UTC")


class LimitsAsked(Model):
    """Limits as the document has them: what is left out is the preset of the kind."""

    per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    burst: Annotated[int, Field(ge=1, le=100_000)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    per_day: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    timezone: TimeZone | None = None

    @model_validator(mode="after")
    def _has_a_day(self) -> Self:
        if self.timezone is not None and self.per_day is None:
            raise violation("a timezone without per_day", "write 'per_day: 500', or leave the timezone out")
        return self


class Failures(Model):
    """After how many failed attempts in a row an endpoint counts as dead, and whether it is disabled then."""

    in_a_row: Annotated[int, Field(ge=4, le=1_000_000)] = 100
    disable: bool = False


class Only(Model):
    """Which events an endpoint gets: all, but where a list is given, those that it names.

    Without `actions` it gets those of its kind's DEFAULT_ACTIONS: no escalations, unless the kind is for them.
    """

    actions: tuple[DeliveryAction, ...] = ()
    origins: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    tracks: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


class Target(Model):
    """An endpoint in endpoints.yml. Kinds derive from it; each names its `kind` and its documented limits as PRESET."""

    PRESET: ClassVar[Limits]
    DEFAULT_ACTIONS: ClassVar[tuple[DeliveryAction, ...]] = RECYCLES

    only: Only = Only()
    limits: LimitsAsked = LimitsAsked()
    failures: Failures = Failures()
    timeout_seconds: Annotated[float, Field(ge=1, le=120)] = 20.0
    batch_milliseconds: Annotated[int, Field(ge=0, le=60_000)] = 200

    @property
    def max_calls(self) -> int:
        """How many requests one delivery makes at most, one after the other."""
        return 1

    @property
    def track_ids(self) -> Mapping[str, int] | None:
        """What stands for each track at the vendor, `*` for all others; None: every track is passed on by its name."""
        return None

    @property
    def effective_limits(self) -> Limits:
        """What the document says, and the preset of the kind where it says nothing."""
        return self.PRESET.model_copy(update=self.limits.model_dump(exclude_none=True))

    def unsendable(self, action: DeliveryAction) -> tuple[str, str] | None:
        """Why this section cannot send events with this action, and what to write instead; None: it can."""
        del action
        return None

    def held_until(self, event: DeliveredEvent, now: int) -> int:
        """Until when an event waits for others, to be sent together with them, epoch ms; 0: it does not wait."""
        del event, now
        return 0

    def wants(self, event: DeliveredEvent) -> bool:
        """Whether the filter lets this event through.

        A REVOKE carries neither reason nor track: those filters leave it to whether its RECYCLE was sent. An escalation
        has no track.
        """
        only = self.only
        track = event.track if isinstance(event, LeadRecycled) and event.action == "RECYCLE" else None
        return event.action in self.actions and all(
            not allowed or value is None or value in allowed
            for allowed, value in (
                (only.origins, event.origin),
                (only.segments, event.segment),
                (only.reasons, None if event.action == "REVOKE" else event.reason),
                (only.tracks, track),
            )
        )

    @property
    def actions(self) -> tuple[DeliveryAction, ...]:
        """The actions that this endpoint gets."""
        return self.only.actions or self.DEFAULT_ACTIONS

    def takes(self, action: DeliveryAction) -> bool:
        """Whether events of this kind go there at all."""
        return action in self.actions

    def may_take(self, reason: str, track: str) -> bool:
        """Whether a RECYCLE of this reason ('': any) and track goes there, if its origin and segment do."""
        ids, only = self.track_ids, self.only
        is_known = ids is None or track in ids or ANY_TRACK in ids
        is_wanted = (not only.tracks or track in only.tracks) and (
            not reason or not only.reasons or reason in only.reasons
        )
        return self.takes("RECYCLE") and is_known and is_wanted

    def leaves_out(self, event: DeliveredEvent) -> bool:
        """Whether the filter keeps this RECYCLE away, and lets its REVOKE through: it is then to be remembered."""
        return (
            isinstance(event, LeadRecycled)
            and event.action == "RECYCLE"
            and self.takes("RECYCLE")
            and not self.wants(event)
            and self.wants(replace(event, action="REVOKE"))
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint by its name. `target` is its section of the document, of the class that its kind has."""

    name: str
    target: Target

    @property
    def limits(self) -> Limits:
        return self.target.effective_limits
