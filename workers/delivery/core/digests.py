"""A mapping of 16-byte digests to one byte each, for millions of them: 17 bytes an entry, more for the newest."""

from collections.abc import Iterator

DIGEST_BYTES = 16
_WIDTH = DIGEST_BYTES + 1
_FRESH = 16_384  # so many at least are kept in a dict before they are packed


class DigestMap:
    """Newest value wins. Older entries stand in one sorted run of bytes, newer ones in a dict, packed now and then."""

    __slots__ = ("_fresh", "_packed")

    def __init__(self) -> None:
        self._fresh: dict[bytes, int] = {}
        self._packed = b""

    def __setitem__(self, digest: bytes, value: int) -> None:
        self._fresh[digest] = value
        if len(self._fresh) > max(_FRESH, len(self._packed) // _WIDTH // 4):
            self._pack()

    def get(self, digest: bytes) -> int | None:
        """The value, None where there is none."""
        found = self._fresh.get(digest)
        return self._search(digest) if found is None else found

    def __len__(self) -> int:
        """At least as many as there are: what is in both parts counts twice until it is packed."""
        return len(self._fresh) + len(self._packed) // _WIDTH

    def _search(self, digest: bytes) -> int | None:
        packed = self._packed
        low, high = 0, len(packed) // _WIDTH
        while low < high:
            middle = (low + high) // 2
            at = middle * _WIDTH
            here = packed[at : at + DIGEST_BYTES]
            if here == digest:
                return packed[at + DIGEST_BYTES]
            low, high = (middle + 1, high) if here < digest else (low, middle)
        return None

    def _pack(self) -> None:
        fresh = sorted(self._fresh.items())
        self._packed = b"".join(_merged(self._packed, fresh))
        self._fresh.clear()


def _merged(packed: bytes, fresh: list[tuple[bytes, int]]) -> Iterator[bytes]:
    """Both runs in order. What lies between two fresh entries is copied in one piece."""
    at = 0
    for digest, value in fresh:
        until = _position(packed, digest, at)
        yield packed[at:until]
        yield digest + bytes((value,))
        at = until + _WIDTH if packed[until : until + DIGEST_BYTES] == digest else until
    yield packed[at:]


def _position(packed: bytes, digest: bytes, start: int) -> int:
    """Where the first entry that is not before this one begins."""
    low, high = start // _WIDTH, len(packed) // _WIDTH
    while low < high:
        middle = (low + high) // 2
        if packed[middle * _WIDTH : middle * _WIDTH + DIGEST_BYTES] < digest:
            low = middle + 1
        else:
            high = middle
    return low * _WIDTH
