"""What one chunk did, counted in plain numbers: told to Prometheus once, when the chunk is done."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts by label; times in seconds."""

    facts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    stalls: Counter[str] = field(default_factory=Counter)
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    repeats: int = 0
    late: int = 0
    rerouted: int = 0
    first_contacts: list[tuple[str, float]] = field(default_factory=list)
    detection_delays: list[float] = field(default_factory=list)
    freshness: float | None = None
