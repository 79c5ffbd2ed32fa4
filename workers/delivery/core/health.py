"""How an endpoint does: its failed attempts in a row, and of which of them operators are notified. Pure.

A success ends the failures in a row. An attempt that says nothing about the endpoint (throttled, 410) changes nothing;
nor does a failed one that a person asked for, which says what that person knows already.
"""

from dataclasses import dataclass

from ..attempts import DeliveryRequest, Gone, Outcome, Retry

LEVELS = (50, 70, 90, 100)
"""At these percentages of the limit operators are notified."""
KINDS = ("first", "retry", "manual")


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """After `in_a_row` failed attempts in a row an endpoint counts as dead; `disables`: it is disabled then."""

    in_a_row: int = 100
    disables: bool = False

    def level(self, failures: int) -> int:
        """The highest of LEVELS that so many failures reach; 0: none."""
        return max((level for level in LEVELS if failures * 100 >= level * self.in_a_row), default=0)


@dataclass(slots=True)
class Tally:
    """What one worker has seen of an endpoint since it reported last.

    `failures`: failed attempts since then, or since it worked. `streak`: failed attempts in a row as this worker knows
    them, which began at `since` (epoch ms). `given_up`: deliveries whose attempts were used up.
    """

    has_worked: bool = False
    failures: int = 0
    streak: int = 0
    since: int = 0
    given_up: int = 0

    def failed(self, now: int) -> None:
        self.failures += 1
        self.streak += 1
        self.since = self.since or now

    def worked(self) -> None:
        self.has_worked = True
        self.forget()

    def forget(self) -> None:
        """What has failed counts no more: it works, or an operator has resumed it."""
        self.failures = self.streak = self.since = 0

    def taken(self) -> "Tally":
        """What is to be reported now; it is not reported again."""
        taken = Tally(self.has_worked, self.failures, self.streak, self.since, self.given_up)
        self.has_worked, self.failures, self.given_up = False, 0, 0
        return taken

    def give_back(self, taken: "Tally") -> None:
        """It could not be reported: with what has happened since."""
        if not self.has_worked:
            self.failures += taken.failures
            self.has_worked = taken.has_worked
        self.given_up += taken.given_up

    @property
    def has_news(self) -> bool:
        return self.has_worked or self.failures > 0 or self.given_up > 0


def works(outcome: Outcome) -> bool | None:
    """Whether an attempt shows that the endpoint works; None: it says nothing about that."""
    match outcome:
        case Gone() | Retry(throttled=True):
            return None
        case Retry():
            return False
        case _:
            return True


def kind_of(request: DeliveryRequest) -> str:
    """One of KINDS."""
    if request.is_manual:
        return "manual"
    return "first" if request.attempt == 1 else "retry"
