"""One recycle event on its way to one endpoint, with the record that it came in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .verdicts import Pending

if TYPE_CHECKING:
    from .route import Route

Finish = Callable[[], None]


@dataclass(slots=True)
class Receipt:
    """A consumed record. It is finished when all that came of it is; `finish` is then called, once."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    finish: Finish
    left: int = 0

    @property
    def place(self) -> str:
        return f"topic {self.topic}, partition {self.partition}, offset {self.offset}"

    def one_less(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.finish()


@dataclass(slots=True, eq=False)
class Item:
    """`queued_at`: since when it waits in its lane, on the clock of the lane."""

    pending: Pending
    receipt: Receipt
    route: "Route"
    queued_at: float = field(default=0.0)

    @property
    def endpoint(self) -> str:
        return self.pending.note.endpoint

    @property
    def chain(self) -> tuple[str, str]:
        """What must not be under way twice."""
        return self.pending.note.endpoint, self.pending.event.recycle_id
