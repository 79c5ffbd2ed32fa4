"""Why an event stays out: where, what is wrong, what would be right, and a word to count by."""

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
    "not_a_time",
    "out_of_range",
    "future",
    "not_allowed",
    "too_large",
]


@dataclass(frozen=True, slots=True)
class Rejection:
    """One thing that is wrong with an event."""

    reason: RejectionReason
    error: FieldError

    @classmethod
    def at(cls, path: str, reason: RejectionReason, detail: str, fix: str) -> "Rejection":
        return cls(reason, FieldError(path, detail, fix))


class InvalidEvent(ValueError):
    """The event stays out, for all of these reasons."""

    def __init__(self, rejections: Sequence[Rejection]) -> None:
        super().__init__("; ".join(f"{one.error.path}: {one.error.detail}" for one in rejections))
        self.rejections = tuple(rejections)


class InvalidValue(ValueError):
    """A value does not fit its field; whoever knows the field's place makes a rejection of it."""

    def __init__(self, reason: RejectionReason, detail: str, fix: str) -> None:
        super().__init__(detail)
        self.reason: RejectionReason = reason
        self.detail = detail
        self.fix = fix
