"""`leadloop project` with one crash point armed: `python -m tests.component.projection POINT:NTH [OPTION]…`."""

import sys

from tests.component.projection.crash import install
from workers.cli import cli

if __name__ == "__main__":
    install(sys.argv[1])
    from workers.projection import store, worker

    worker.SWEEP_SECONDS = 0.2  # so that sweeping is reached, and what is read no longer goes at once
    store.RETIRED_SECONDS = 0
    cli(["project", *sys.argv[2:]])
