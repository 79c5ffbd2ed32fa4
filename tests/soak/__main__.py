"""Fault injection: all processes of the product under load, and under faults that a seed decides.

`python -m tests.soak --minutes 12 --events 20000 --seed 7`; docs/reliability.md describes what happens, and what it
is judged by. Exit code 1 if anything was lost, done twice or swallowed, if the audit does not balance, or if a fault
of the plan never happened.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.soak.options import Options
from tests.soak.run import soak
from tests.soak.table import lines_of

MINUTES_A_ROUND = 4


def main() -> int:
    """Do one run."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    asked = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition("\n")[0])
    asked.add_argument("--minutes", type=float, default=12.0, help="how long events are posted and faults happen")
    asked.add_argument("--events", type=int, default=20_000, help="how many events are posted")
    asked.add_argument("--seed", type=int, help="decides events and faults; default: a random one, which is printed")
    asked.add_argument("--rounds", type=int, help="how often each fault happens; default: once in four minutes")
    asked.add_argument("--small", action="store_true", help="one deliver worker, and no report")
    asked.add_argument("--only", action="append", default=[], help="only this fault, such as 'SIGKILL streams'")
    asked.add_argument(
        "--former",
        type=Path,
        help="the tree of another version: each process begins with it, and changes at each restart",
    )
    asked.add_argument("--folder", type=Path, help="for logs and data, which are kept; default: a temporary one")
    given = asked.parse_args()
    seed = random.randrange(2**32) if given.seed is None else given.seed
    rounds = given.rounds or max(1, round(given.minutes / MINUTES_A_ROUND))
    options = Options(given.minutes, given.events, seed, rounds, given.small, tuple(given.only), given.former)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        report = soak(options, folder, lambda line: print(line, flush=True))
    print(*lines_of(report), sep="\n", flush=True)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
