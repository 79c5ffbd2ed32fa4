"""Import: CPU of the whole process per row of a CSV file, alone or beside the import of another checkout.

By itself: `python -m tests.bench.imports [ROWS [CHECKOUT [ROUNDS]]]`. CHECKOUT is the directory of another version,
such as one of `git worktree add DIRECTORY COMMIT`. Both import the same file into topics of their own, in turns whose
order changes from round to round, because the first of two is a little slower. Ids and times are of the plainest form,
so that what an import costs is not lost in what some formats cost.
"""

import csv
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from tests.bench.measure import a_kafka, a_world

ROWS, ROUNDS = 400_000, 8
HERE = Path(__file__).parents[2]
MAPPING = """\
source: bench
tables:
  log:
    files: "*.csv"
    facts:
      - kind: lead-created
        when: {what: created}
        lead_id: lead
        occurred_at: when
        owner_id: owner
      - kind: lead-contacted
        when: {what: {is_not: [created]}}
        lead_id: lead
        occurred_at: when
        owner_id: owner
        by: {constant: sales}
        activity: {column: what, values: {phone: call, mail: email}}
"""


def write_rows(path: Path, rows: int) -> None:
    """Write a log of touches: one row in six creates a lead, the others are about one of the newest."""
    chance, at, leads = random.Random(7), datetime(2024, 1, 2, 8, tzinfo=UTC), 0  # the same file each time
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("lead", "when", "owner", "what"))
        for row in range(rows):
            at += timedelta(seconds=chance.randrange(1, 240))
            is_new = row % 6 == 0
            leads += is_new
            lead = leads if is_new else max(1, leads - int(chance.expovariate(1 / 2_000)))
            what = "created" if is_new else chance.choice(("phone", "phone", "mail"))
            out.writerow((f"L-{lead:06}", at.strftime("%Y-%m-%dT%H:%M:%SZ"), f"rep-{lead % 37}", what))


def cpu_of(checkout: Path, arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> float:
    """Run `leadloop` of a checkout to its end, and return the CPU seconds that it used."""
    command = [sys.executable, "-m", "workers", *arguments]
    with (folder / "import.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **env, "PYTHONPATH": str(checkout)}, stdout=log, stderr=log
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "import.log").read_text(encoding="utf-8"))
    return used.ru_utime + used.ru_stime


def main(rows: int = ROWS, checkout: str = "", rounds: int = ROUNDS) -> None:
    """Print the CPU per row, and the ratio to another checkout if there is one."""
    with a_kafka() as (bootstrap, directory):
        folder = Path(directory)
        write_rows(folder / "log.csv", rows)
        (folder / "mapping.yml").write_text(MAPPING, encoding="utf-8")
        trees = {"here": HERE} | ({"there": Path(checkout).resolve()} if checkout else {})
        seen: dict[str, list[float]] = {name: [] for name in trees}
        for turn in range(rounds):
            with a_world(bootstrap, folder) as world:
                for name in sorted(trees, reverse=bool(turn % 2)):
                    arguments = ("import", "log.csv", "--mapping", "mapping.yml", "--strict")
                    seen[name].append(cpu_of(trees[name], arguments, folder, world.env()) / rows * 1e6)
    for name, each in seen.items():
        print(f"import, {name}: {median(each):.1f} µs of CPU per row ({', '.join(f'{one:.1f}' for one in each)})")
    if checkout:
        ratios = [there / here for here, there in zip(seen["here"], seen["there"], strict=True)]
        told = ", ".join(f"{one:.3f}" for one in ratios)
        print(f"import: throughput of {median(ratios):.3f} of that of {checkout} ({told})")


if __name__ == "__main__":
    given = [*sys.argv[1:], "", "", ""]
    main(int(given[0] or ROWS), given[1], int(given[2] or ROUNDS))
