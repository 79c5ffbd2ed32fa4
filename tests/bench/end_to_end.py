"""What a fact costs from Kafka to Kafka, in a worker as it is run, beside plain Faust and Quix Streams on the same job.

By itself, with a number of leads and of rounds: `python -m tests.bench.end_to_end 30000 3`
"""

import sys
from collections.abc import Iterator

from tests.bench.loop import history
from tests.bench.measure import PARTITIONS
from tests.bench.peers import Comparison, Subject, compare, peers

OURS = ("Leadloop, memory", "Leadloop")
LEADS = 30_000
ROUNDS = 3


def main(leads: int = LEADS, rounds: int = ROUNDS) -> None:
    """Print what a fact costs in each, round by round, and the medians with their ratios."""
    facts = history(leads)
    print(
        f"end to end: {len(facts):,} facts of {leads:,} leads wait in {PARTITIONS} partitions for one worker.\n"
        "  Measured from its first commit to its last, start-up left out; all read back what they told, and have\n"
        "  their state in RocksDB with a changelog, unless it says memory. CPU is of the worker's process, all\n"
        "  threads. The machine is shared: only the ratios of one run count."
    )
    compare(Comparison([*_subjects()], facts), rounds, OURS)


def _subjects() -> Iterator[Subject]:
    """In the order they run."""
    memory, rocks = OURS
    plain, *quix = peers()
    yield from (Subject(memory, "streams", "memory"), plain, Subject(rocks, "streams"), *quix)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
