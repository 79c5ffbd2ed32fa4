"""What can be wrong with a fact.

Poison      the fact cannot be folded, now or later: dead-letter it and go on
"""

from typing import Literal

PoisonReason = Literal[
    "no_event_id",
    "no_lead_id",
    "lead_id_too_long",
    "unclean_lead_id",
    "text_too_long",
    "no_time",
    "time_out_of_range",
    "future",
    "unknown_outcome",
    "unknown_action",
    "no_reason",
    "no_idle_since",
    "no_recycle_id",
    "no_stall_id",
]


class Poison(Exception):
    """A record that can never be folded. `reason` is a metric label, `detail` is for people."""

    def __init__(self, reason: PoisonReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: PoisonReason = reason
        self.detail = detail
