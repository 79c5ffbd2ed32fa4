"""Which offset of a partition may be committed, when records finish in another order than they were consumed."""


class OffsetTracker:
    """Offsets come in rising order, with gaps; all before `position` is finished."""

    __slots__ = ("_next", "_open")

    def __init__(self, position: int) -> None:
        self._next = position
        self._open: dict[int, None] = {}  # in the order of coming, which is that of the offsets

    def begin(self, offset: int) -> None:
        """Register a consumed record.

        Raises:
            ValueError: it, or a later one, was registered before.
        """
        if offset < self._next:
            raise ValueError(f"offset {offset} was consumed after {self._next - 1}")
        self._open[offset] = None
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """Its effects are acked."""
        del self._open[offset]

    @property
    def position(self) -> int:
        """What may be committed: the first offset that is to be read again after a crash."""
        return next(iter(self._open), self._next)

    @property
    def outstanding(self) -> int:
        """Consumed records that are not finished."""
        return len(self._open)
