"""A difference between two policies, and the words that all sentences about differences use."""

from typing import NamedTuple

from streams.domain.policy import Span
from streams.runtime.documents import DocumentPath
from workers.explaining.words import sized


class Difference(NamedTuple):
    """One difference, as a sentence; `place` is its path in the second file."""

    place: DocumentPath
    text: str


def is_same(one: Span | None, other: Span | None) -> bool:
    """Whether both are written the same; what has changed in their calendar is a difference of its own."""
    return (one and sized(one)) == (other and sized(other))


def under(subject: str, text: str) -> str:
    """A sentence about a part of the policy: `For the rule "x": a follow-up …`; without a subject, about all of it."""
    return f"{subject}: {text[0].lower()}{text[1:]}" if subject else text
