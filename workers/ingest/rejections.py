"""Why an event is invalid: the path, the error, how to fix it, and a reason to count by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workers.http.problems import FieldError

RejectionReason = Literal[
    "not_an_object",
    "not_a_cloudevent",
    "unknown_kind",
    "unknown_field",
    "missing",
    "wrong_type",
    "unknown_word",
    "too_long",
    "unprintable",
    "not_an_id",
    "not_a_time",
    "out_of_range",
    "future",
    "not_allowed",
    "too_large",
]


@dataclass(frozen=True, slots=True)
class Rejection:
    """One error of an event."""

    reason: RejectionReason
    error: FieldError

    @classmethod
    def at(cls, path: str, reason: RejectionReason, detail: str, fix: str) -> "Rejection":
        return cls(reason, FieldError(path, detail, fix))


class InvalidEvent(ValueError):
    """The event is invalid. `rejections` holds every error; the client must fix them before sending it again."""

    def __init__(self, rejections: Sequence[Rejection]) -> None:
        super().__init__("; ".join(f"{one.error.path}: {one.error.detail}" for one in rejections))
        self.rejections = tuple(rejections)


class InvalidValue(ValueError):
    """A value does not fit its field. The caller, which knows the path, turns it into a Rejection."""

    def __init__(self, reason: RejectionReason, detail: str, fix: str) -> None:
        super().__init__(detail)
        self.reason: RejectionReason = reason
        self.detail = detail
        self.fix = fix
