"""The published figures, all of them or those that are named: `python -m tests.bench [codec] [loop] …`.

All but codec, loop and metrics need a real Kafka, and Linux, where the CPU time of another process can be read. The
first small-job or end-to-end fetches Quix Streams into an environment of its own, in the cache of the user; where that
cannot be had, it is left out.
"""

import sys
from collections.abc import Callable, Mapping

from tests.bench import (
    audit,
    campaigns,
    codec,
    counting,
    delivery,
    detection,
    end_to_end,
    fairness,
    imports,
    ingest,
    loop,
    open_pages,
    page,
    paging,
    projection,
    recovery,
    small,
    traces,
    where,
)
from tests.bench.where import NoSampler
from tests.kafka import NoKafka

PARTS: Mapping[str, Callable[[], None]] = {
    "codec": codec.main,
    "loop": loop.main,
    "end-to-end": end_to_end.main,
    "small-job": small.main,
    "where": where.main,
    "metrics": counting.main,
    "recovery": recovery.main,
    "detection": detection.main,
    "ingest": ingest.main,
    "import": imports.main,
    "projection": projection.main,
    "campaigns": campaigns.main,
    "page": page.main,
    "paging": paging.main,
    "open-pages": open_pages.main,
    "delivery": delivery.main,
    "fairness": fairness.main,
    "audit": audit.main,
    "traces": traces.main,
}


def main(names: list[str]) -> None:
    """Print the parts one after the other: they would take the CPU from each other."""
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for name in names or PARTS:
        try:
            PARTS[name]()
        except (NoKafka, NoSampler) as fault:
            print(f"{name}: left out: {fault}")
        print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
