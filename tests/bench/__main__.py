"""The published figures, all of them or those that are named: `python -m tests.bench [codec] [loop] …`."""

import sys
from collections.abc import Callable, Mapping

from tests.bench import codec, end_to_end, loop, recovery

PARTS: Mapping[str, Callable[[], None]] = {
    "codec": codec.main,
    "loop": loop.main,
    "end-to-end": end_to_end.main,
    "recovery": recovery.main,
}


def main(names: list[str]) -> None:
    """Print the parts one after the other: they would take the CPU from each other."""
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for name in names or PARTS:
        PARTS[name]()
        print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
