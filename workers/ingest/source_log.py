"""What sources send, in the log: when events of a source begin to be rejected, and when they are accepted again."""

import logging
from collections.abc import Sequence

from streams.runtime.logs import Episode

from .rejections import InvalidEvent

_LOG = logging.getLogger("leadloop.ingest")


class SourceLog:
    """One line for each source and minute at most. Values of events are never logged, only names of fields."""

    def __init__(self) -> None:
        self._rejected: dict[str, Episode] = {}

    def checked(self, source: str, invalid: Sequence[InvalidEvent], of: int) -> None:
        """A request of a source had `of` events, of which these were invalid."""
        if not invalid:
            if episode := self._rejected.get(source):
                episode.worked()
            return
        if source not in self._rejected:
            messages = "events are rejected", "events are still rejected", "no event is rejected any more"
            self._rejected[source] = Episode(_LOG, *messages, source=source)
        first = invalid[0].rejections[0]
        self._rejected[source].failed(reason=first.reason, at=first.error.path, invalid=len(invalid), of=of)
