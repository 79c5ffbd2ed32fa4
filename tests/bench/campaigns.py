"""What campaigns cost the read model: bytes of Redis per lead, with a campaign for each lead, or one for all."""

import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from schemas.events import LeadSnapshot
from streams.domain.lead import CREATED, TOUCHED
from tests.builders import DAY, T0
from tests.projected import MemoryLog, Records, a_worker, append, work
from tests.redis import RealRedis
from workers.read_model.generation import PartitionId

LEADS = 20_000
SNAPSHOTS = PartitionId("lead-snapshots", 0)


def main(leads: int = LEADS) -> None:
    """Print both, and how long the largest campaigns take to be read."""
    with TemporaryDirectory() as folder:
        own, seconds = _measured(Path(folder) / "own", leads, is_shared=False)
        shared, _ = _measured(Path(folder) / "shared", leads, is_shared=True)
    print(
        f"campaigns: {leads:,} leads in Redis, {own:,.0f} bytes each with a campaign of its own, {shared:,.0f} with one"
        f" for all: a campaign costs {own - shared:,.0f} bytes.\n  The 40 largest of {leads:,} are read in"
        f" {1000 * seconds:.1f} ms."
    )


def _measured(folder: Path, leads: int, *, is_shared: bool) -> tuple[float, float]:
    redis = RealRedis(folder)
    redis.start()
    try:
        client: Any = redis.client()
        before, log = client.info("memory")["used_memory"], Records()
        for number in range(leads):
            campaign = "spring" if is_shared else f"spring?click={number:08d}"
            append(log, SNAPSHOTS, f"lead-{number}", _snapshot(number, campaign))
        memory = MemoryLog(log, random.Random(1), most=1_000)
        work(a_worker(memory, client, "campaigns"), memory)
        size, begun = (client.info("memory")["used_memory"] - before) / leads, time.perf_counter()
        prefix = "leadloop:campaigns:g1:"
        largest = client.zrevrangebyscore(f"{prefix}list:top:campaign", "+inf", 1, start=0, num=40)
        with client.pipeline(transaction=False) as pipe:
            for value in largest:
                pipe.hgetall(f"{prefix}count:campaign:{value.decode()}")
            pipe.execute()
        return size, time.perf_counter() - begun
    finally:
        redis.kill()


def _snapshot(number: int, campaign: str) -> LeadSnapshot:
    at = T0 + number * DAY // 200
    return LeadSnapshot(
        lead_id=f"lead-{number}",
        occurred_at=at + DAY,
        stage="working",
        pass_no=1,
        created_at=at,
        origin="web",
        campaign_id=campaign,
        owner_id=f"owner-{number % 20}",
        first_touch_at=at + DAY,
        touches=1,
        reached=CREATED | TOUCHED,
        expected_amount=100_000,
        expected_currency="EUR",
    )


if __name__ == "__main__":
    main()
