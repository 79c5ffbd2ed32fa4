"""The published figures, all of them or those that are named: `python -m tests.bench [codec] [loop] …`.

Three parts need a real Kafka, and Linux, where the CPU time of another process can be read.
"""

import sys
from collections.abc import Callable, Mapping

from tests.bench import codec, detection, end_to_end, loop, recovery
from tests.kafka import NoKafka

PARTS: Mapping[str, Callable[[], None]] = {
    "codec": codec.main,
    "loop": loop.main,
    "end-to-end": end_to_end.main,
    "recovery": recovery.main,
    "detection": detection.main,
}


def main(names: list[str]) -> None:
    """Print the parts one after the other: they would take the CPU from each other."""
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for name in names or PARTS:
        try:
            PARTS[name]()
        except NoKafka as fault:
            print(f"{name}: left out, there is {fault}")
        print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
