"""What became of recycles, by track: counts of a lead's recycle events.

They come from a topic with limited retention: after a rebuild, recycles whose events have expired have no track.
"""

from collections.abc import Iterable

from schemas.events import LeadSnapshot
from streams.domain.lead import WON

from .index import TRACK_BY, ListedEntries, RowCount, states_of
from .pass_figures import MONEY_AFTER, PassFigures


def track_counts(
    lead: LeadSnapshot, entries: ListedEntries, figures: Iterable[PassFigures]
) -> tuple[tuple[RowCount, int], ...]:
    """By track: recycles in each state, those after which the lead was won, and the money."""
    if not entries.recycles:
        return ()
    tracks = {one.recycle_id: one.track for one in entries.recycles if one.action != "REVOKE"}
    won = [(one.closed_at, one.won) for one in figures if one.steps.reached & WON]
    counts: list[tuple[RowCount, int]] = []
    for recycle_id, (state, at) in states_of(lead, entries.recycles).items():
        track = tracks.get(recycle_id, "")
        counts.append((RowCount(TRACK_BY, track, state), 1))
        after = [money for closed_at, money in won if closed_at is not None and closed_at >= at]
        if after:
            counts.append((RowCount(TRACK_BY, track, "won_after"), 1))
        counts += [(RowCount(TRACK_BY, track, f"{MONEY_AFTER}:{one.currency}"), one.minor) for one in after if one]
    return tuple(counts)
