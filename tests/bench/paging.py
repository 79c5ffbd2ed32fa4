"""Paging while leads move: every lead that stays is listed once, whatever the others do meanwhile; and what pages take.

Pages of 500 are read to the end, by name and in two orders; between two of them some leads become others (stage, owner,
times), as `leadloop project` writes it. `python -m tests.bench.paging [leads] [leads that move between two pages]`.
"""

import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.bench.page import APP_ID, PLACE, a_report, events_of, fill, lives
from tests.bench.projection import a_redis
from tests.builders import DAY, T0
from tests.projected import CODEC
from tests.redis import RealRedis
from workers.projection.fold import DocumentFold
from workers.projection.store import ModelStore, Positions
from workers.read_model.redis_keys import Keys

LEADS, MOST_RECORDS, MOVING, PAGE = 100_000, 6, 50, 500
LISTS = ("limit=500", "limit=500&stage=nurture", "limit=500&sort=-touched", "limit=500&origin=web&sort=created")


class Mover:
    """Makes leads others, as a batch of `leadloop project` does; remembers which."""

    def __init__(self, redis: RealRedis, leads: int) -> None:
        client: Any = redis.client()
        self._store, self._fold = ModelStore(redis.client(), APP_ID), DocumentFold(CODEC)
        self._generation = self._store.keys.generation(int(client.get(Keys(APP_ID).current)))
        self._position = int(client.get(self._generation.position(*PLACE)))
        self._dice, self._leads = random.Random(self._position), leads
        self._templates = [life for life in lives(random.Random(2)) if len(life) <= MOST_RECORDS]
        self._shift = int(time.time() * 1000) - T0 - 10 * DAY
        self.moved: set[str] = set()

    def move(self, count: int) -> None:
        numbers = self._dice.sample(range(self._leads), count)
        events = [one for n in numbers for one in events_of(self._dice.choice(self._templates), n, self._shift)]
        names = [f"lead-{n:07}" for n in numbers]
        positions = Positions({PLACE: self._position}, {PLACE: self._position + 1})
        self._store.write(self._generation, names, positions, lambda stored: self._fold(events, stored))
        self._position += 1
        self.moved.update(names)


def _walk(client: httpx.Client, asked: str, mover: Mover | None, moving: int) -> tuple[list[str], list[float]]:
    """All lead ids of a list, page after page, and the ms of each page."""
    seen: list[str] = []
    took: list[float] = []
    cursor: str | None = ""
    while cursor is not None:
        begun = time.perf_counter()
        answer = client.get(f"/v1/leads?{asked}{cursor and f'&cursor={cursor}'}").raise_for_status().json()
        took.append(1000 * (time.perf_counter() - begun))
        seen += [one["lead_id"] for one in answer["leads"]]
        cursor = answer["next"]
        if mover is not None:
            mover.move(moving)
    return seen, took


def main(leads: int = LEADS, moving: int = MOVING) -> None:
    """Print what each list showed, beside what it has."""
    with TemporaryDirectory() as data, a_redis(Path(data) / "redis") as redis:
        fill(redis, leads, MOST_RECORDS)
        with a_report(redis, Path(data)) as (_, address, key):
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=address, timeout=60, headers=headers) as client:
                print(f"paging: {leads:,} leads, {moving} of them move between two pages of {PAGE}")
                for asked in LISTS:
                    _print(client, asked, redis, leads, moving)


def _print(client: httpx.Client, asked: str, redis: RealRedis, leads: int, moving: int) -> None:
    before, _ = _walk(client, asked, None, 0)
    mover = Mover(redis, leads)
    seen, took = _walk(client, asked, mover, moving)
    stayed = set(before) - mover.moved
    missing, twice = stayed - set(seen), len(stayed & set(seen)) - sum(one in stayed for one in seen)
    took.sort()
    print(
        f"  {asked:40}{len(took):5} pages, p50 {took[len(took) // 2]:4.0f} ms, longest {took[-1]:4.0f} ms; "
        f"{len(mover.moved):6,} moved; of {len(stayed):7,} that stayed {len(missing)} missing, {-twice} listed twice"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
