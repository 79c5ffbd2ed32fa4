"""What this process told and will read back: known by its bytes, so that it is not decoded again."""

from streams.domain.facts import Fact

LIMIT = 50_000  # records that may be under way; beyond it they are decoded like any other

TopicKey = tuple[str, bytes | None]  # topic and key


class LoopbackCache:
    """Facts that were told, by the value of their record, until they come back."""

    def __init__(self) -> None:
        self._told: dict[bytes | None, tuple[TopicKey, Fact]] = {}

    def expect(self, place: TopicKey, value: bytes, fact: Fact) -> None:
        """Remember what is about to be told."""
        if len(self._told) >= LIMIT:
            self._told.clear()
        self._told[value] = place, fact

    def pop(self, place: TopicKey, value: bytes | None) -> Fact | None:
        """The fact, if this record is one that was told; each is heard once."""
        told = self._told.pop(value, None)
        return told[1] if told is not None and told[0] == place else None
