"""What became of escalations: panels of The Loop."""

from .panels import GREEN, RED, YELLOW, bars, graph, number
from .queries import changed, greatest

LOST = float("-inf")
ESCALATIONS = "leadloop_report_escalations"


def _answered(by: str = "") -> str:
    """The share of escalations answered in time, of those that ended in the selected range. All instances say the same."""
    answered, ended = (
        changed(ESCALATIONS, matcher, by=by) for matcher in ('state="answered"', 'state=~"answered|missed"')
    )
    return f"{answered} / {ended}"


def escalations() -> tuple[object, ...]:
    """How many escalations sales answered in time, by owner, and how many are open."""
    limits = ((LOST, RED), (0.5, YELLOW), (0.8, GREEN))
    return (
        number(
            "Escalations answered in time",
            "Of the escalations that ended in the selected time range, the share after which sales or the lead acted before sales' time was over, or marketing passed the lead to sales again.",
            "percentunit",
            _answered(),
            limits=limits,
            span=6,
        ),
        bars(
            "Escalations answered in time, by owner",
            "The same for each owner to whom they were addressed. Owners have names only if LEADLOOP_REPORT_OWNERS is set.",
            "percentunit",
            (_answered(by="owner"), "{{owner}}"),
            limits=limits,
            span=9,
        ),
        graph(
            "Open escalations by owner",
            "Escalations that sales can still answer, by the owner to whom they were addressed.",
            "short",
            (greatest(ESCALATIONS, 'state="open"', by="owner"), "{{owner}}"),
            is_stacked=True,
            span=9,
        ),
    )
