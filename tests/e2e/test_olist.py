"""A real history, loaded in every possible way, gives the same decisions.

8,000 leads and 842 wins (LEADLOOP_OLIST names the folder; the files are not part of the project). With a policy whose
only clock is 30 days to the first contact: 7,453 leads stall, 295 of them are won after all. The expected figures were
reckoned by the reference model; here whole processes repeat them, as a user starts them.
"""

import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kafka import Broker
from tests.waiting import TIMEOUT
from tests.world import Streams, World, topics_of
from workers.demo.broker import EmbeddedBroker

ROOT = Path(__file__).parents[2]
OLIST = Path(os.environ.get("LEADLOOP_OLIST", ROOT.parent / "shared/data/olist"))
LEADS = OLIST / "olist_marketing_qualified_leads_dataset.csv"
DEALS = OLIST / "olist_closed_deals_dataset.csv"
MAPPING = ROOT / "deploy/config/mappings/olist.yml"
UNTIL = "2018-11-15"
EXPECTED = {30: (7453, 7453, 295), 90: (7309, 7309, 151)}
KILLS = 5

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(
        not LEADS.exists() and not os.environ.get("CI"),
        reason=f"needs the Olist files: set LEADLOOP_OLIST, not {OLIST}",
    ),
]


@dataclass(frozen=True)
class Case:
    """One way to load the history, and one way to run streams. `is_named`: a static member, for which nobody waits."""

    way: str
    partitions: int = 4
    chunk: int = 2000
    store: str = "memory"
    days: int = 30
    is_named: bool = False

    def __str__(self) -> str:
        name = f"{self.way}-{self.partitions}p-{self.chunk}r-{self.store}-{self.days}d"
        return f"{name}-named" if self.is_named else name


@dataclass
class Loading:
    """One run of a way of loading."""

    world: World
    case: Case
    policy: Path
    loading: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self) -> Streams:
        return self.world.streams(
            LEADLOOP_STORE=self.case.store,
            LEADLOOP_CHUNK_RECORDS=str(self.case.chunk),
            LEADLOOP_POLICY_FILE=str(self.policy),
            **({"LEADLOOP_INSTANCE_ID": "one"} if self.case.is_named else {}),
        )

    def load(self, *arguments: str | Path, wait: bool = True) -> "subprocess.Popen[bytes]":
        """`leadloop import`, as a user types it."""
        command = [sys.executable, "-m", "workers.cli", "import", *map(str, arguments), "--mapping", str(MAPPING)]
        env = {**os.environ, **self.world.env()}
        process = subprocess.Popen(command, env=env, cwd=self.world.folder, stdout=subprocess.DEVNULL)
        self.loading.append(process)
        if wait:
            assert process.wait(TIMEOUT) == 0
        return process


def _after(run: Loading) -> None:
    run.load(LEADS, DEALS)
    run.start()


def _before(run: Loading) -> None:
    worker = run.start()
    worker.wait_ready()
    run.load(LEADS, DEALS)


def _during(run: Loading) -> None:
    loading = run.load(LEADS, DEALS, wait=False)
    run.start()
    assert loading.wait(TIMEOUT) == 0


def _deals_first(run: Loading) -> None:
    run.start()
    run.load(DEALS, "--part")
    run.load(LEADS, "--part")
    run.load("--until", UNTIL)


def _twice(run: Loading) -> None:
    run.load(LEADS, DEALS, LEADS)
    run.start()
    run.world.settle()
    run.load(LEADS, DEALS)


def _killed(run: Loading) -> None:
    """SIGKILL, at moments that differ from run to run, while there is work left."""
    loading = run.load(LEADS, DEALS, wait=False)
    dice = random.Random(str(run.case))
    interrupted = 0
    for _ in range(KILLS):
        worker = run.start()
        worker.wait_ready()
        time.sleep(dice.uniform(0.0, 0.4))
        worker.kill()
        interrupted += run.world.lag() > 0
    assert loading.wait(TIMEOUT) == 0
    assert interrupted >= (KILLS if run.case.chunk <= 20 else 1), "too many were done before they were killed"
    run.start()


WAYS: dict[str, Callable[[Loading], None]] = {
    "after": _after,
    "before": _before,
    "during": _during,
    "deals-first": _deals_first,
    "twice": _twice,
    "killed": _killed,
}

EACH_WAY_ONCE = [
    Case("after", days=90),
    Case("after", chunk=1),
    Case("before", partitions=12, store="rocks"),
    Case("during", store="rocks"),
    Case("deals-first", partitions=12),
    Case("twice", partitions=1, store="rocks"),
    Case("killed", store="rocks", chunk=20, is_named=True),
]
ALL = [Case(*values) for values in itertools.product(WAYS, (1, 4, 12), (1, 2000), ("memory", "rocks"), (30,))]
EMBEDDED = [Case("after"), Case("killed", partitions=12, chunk=20)]


@pytest.mark.parametrize("case", EACH_WAY_ONCE, ids=str)
def test_each_way_of_loading_gives_the_same_decisions_on_a_real_kafka(
    real_kafka: Broker, tmp_path: Path, case: Case
) -> None:
    _holds(World.on_real(real_kafka.bootstrap, tmp_path, case.partitions), case)


@pytest.mark.parametrize("case", EMBEDDED, ids=str)
def test_each_way_of_loading_gives_the_same_decisions_on_the_embedded_broker(tmp_path: Path, case: Case) -> None:
    with EmbeddedBroker(topics_of(case.partitions)) as broker:
        _holds(World.on_embedded(broker, tmp_path, case.partitions), case)


@pytest.mark.soak
@pytest.mark.parametrize("case", ALL, ids=str)
def test_each_way_of_loading_gives_the_same_decisions_with_every_setting(
    real_kafka: Broker, tmp_path: Path, case: Case
) -> None:
    _holds(World.on_real(real_kafka.bootstrap, tmp_path, case.partitions), case)


def _holds(world: World, case: Case) -> None:
    run = Loading(world, case, policy(world.folder, case.days))
    with _closing(run):
        WAYS[case.way](run)
        world.settle(600)
        published = world.published()
        assert published.counts() == EXPECTED[case.days]
        assert published.stages == {"nurture": 7158, "won": 842}
        assert published.conflicts == []
        assert world.workers[-1].term() == 0


@contextmanager
def _closing(run: Loading) -> Iterator[None]:
    try:
        yield
    finally:
        run.world.close()
        for process in run.loading:
            process.kill()
            process.wait()


def policy(folder: Path, days: int) -> Path:
    path = folder / "policy.yml"
    path.write_text(
        f"""version: "only {days} days"
promises: {{never_contacted: {days} days, no_follow_up: off, no_progress: off, grace: off, max_attempts: off}}
""",
        encoding="utf-8",
    )
    return path
