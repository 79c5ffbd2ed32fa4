"""Run the simulation by hand: `python -m tests.simulation SEED` repeats one run, `--seeds N` plays many."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from contextlib import nullcontext

from .mutants import MUTANTS
from .summary import Summary
from .world import Result, run

PROGRESS = 10.0  # seconds between two lines


def main() -> int:
    """Exit code 1 if a run found a difference from the reference."""
    options = _options()
    if options.trace:
        logging.basicConfig(level=logging.INFO, format="  %(name)s: %(message)s", stream=sys.stdout)
    else:
        logging.disable(logging.CRITICAL)
    mutant = next((one for one in MUTANTS if one.name == options.mutant), None)
    if options.mutant and mutant is None:
        print("mutants:", *(one.name for one in MUTANTS), sep="\n  ")
        return 2
    if options.mutants:
        return _find_mutants(options.seeds or 500)
    with mutant.planted() if mutant else nullcontext():
        return _many(options.seed or 0, options.seeds) if options.seeds else _one(options.seed or 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, help="the seed, or with --seeds the first one")
    parser.add_argument("--seeds", type=int, help="how many seeds to play, in order")
    parser.add_argument("--mutant", help="plant this error first; an unknown name lists them")
    parser.add_argument(
        "--mutants", action="store_true", help="plant one error after the other; show which seed finds it"
    )
    parser.add_argument("--trace", action="store_true", help="show what the workers log")
    return parser.parse_args()


def _one(seed: int) -> int:
    result = run(seed)
    print(f"seed {seed}: {result.seconds:.0f} s of simulated time, {result.steps} steps, digest {result.digest}")
    for name, count in sorted(result.happened.items()):
        print(f"  {count:6} {name}")
    print(result.violation or "no difference from the reference")
    return 1 if result.violation else 0


def _many(first: int, count: int) -> int:
    summary, shown = Summary(), time.monotonic()
    for seed in range(first, first + count):
        summary.add(result := run(seed))
        if result.violation:
            print(_failed(result), flush=True)
        if time.monotonic() - shown > PROGRESS:
            shown = time.monotonic()
            print(summary.progress(count), flush=True)
    print(summary)
    return 1 if summary.failed else 0


def _find_mutants(count: int) -> int:
    missed = 0
    for mutant in MUTANTS:
        found = next(filter(mutant.is_found, range(count)), None)
        missed += found is None
        print(
            f"{mutant.name}: {f'not found by {count} seeds' if found is None else f'found by seed {found}'}", flush=True
        )
    return 1 if missed else 0


def _failed(result: Result) -> str:
    return f"seed {result.seed}: {result.violation}\n  repeat it with: python -m tests.simulation {result.seed}"


if __name__ == "__main__":
    sys.exit(main())
