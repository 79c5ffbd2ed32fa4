"""What frameworks cost on a small job, which leaves little besides them: Leadloop's engine, plain Faust, Quix Streams.

Avro in and out, state in RocksDB with a changelog, at least once. Plain Faust runs twice: as its user guide says, with
fastavro; and helped by Leadloop's codec and its setting of the garbage collector, as Quix Streams is.

By itself, with a number of touches and of rounds: `python -m tests.bench.small 300000 3`
"""

import sys
from collections.abc import Iterator
from dataclasses import replace

from tests.bench.peers import Comparison, Subject, compare, peers
from tests.bench.small_job import GUIDE, TOPIC, touches

OURS = "Leadloop's engine"
TOUCHES = 300_000
ROUNDS = 3
LIMIT = 60.0  # seconds of one run: plain Faust is measured by what it has done until then


def main(count: int = TOUCHES, rounds: int = ROUNDS) -> None:
    """Print what a touch costs in each, round by round, and the medians with their ratios."""
    print(f"small job: {count:,} touches wait for one worker; CPU is of its process, all threads, start-up left out.")
    compare(Comparison([*_subjects()], touches(count), (TOPIC,), LIMIT), rounds, [OURS])


def _subjects() -> Iterator[Subject]:
    helped, *quix = peers("small")
    yield Subject("plain Faust", helped.module, arguments=GUIDE)
    yield replace(helped, name="plain Faust, helped")
    yield from (Subject(OURS, "tests.bench.small_engine"), *quix)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
