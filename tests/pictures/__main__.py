"""`python -m tests.pictures`: the dashboards, drawn from a real Prometheus that watched the real processes for minutes.

Needs what the tests need, and Chromium. Writes docs/pictures/*.png.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.builders import a_contact, a_created, a_loss, a_reply, a_win
from tests.kafka import found_broker
from tests.observability import BOARDS, ROOT
from tests.prometheus import Prometheus, running_prometheus
from tests.running_system import RunningSystem, copy_rules, running_system, scripted_day
from tests.waiting import wait_for

from .draw import WIDTH, Drawn

PICTURES = ROOT / "docs/pictures"
DAY = 86_400_000
ORIGINS = {
    "webinar": (0.9, 0.05, 0.3),
    "website": (0.7, 0.4, 0.15),
    "paid-search": (0.45, 1.5, 0.06),
    "partner": (0.85, 0.2, 0.35),
}
"""By origin: share that is contacted, days until half of them are, share of these that is won."""


def main() -> None:
    """Let it run, then draw."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--seconds", type=int, default=240, help="how long leads come in")
    given = asked.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("Chromium is not installed")
    with tempfile.TemporaryDirectory() as place, found_broker(Path(place) / "kafka") as broker:
        folder = Path(place) / "watched"
        folder.mkdir()
        copy_rules(folder)
        with (
            running_system(broker.bootstrap, folder) as system,
            running_prometheus(folder, system.scrapes()) as prometheus,
        ):
            began = time.time()
            _live(system, given.seconds)
            _draw(prometheus, began, time.time(), chromium)


def _live(system: RunningSystem, seconds: int) -> None:
    chance, number = random.Random(7), 0
    scripted_day(system)
    _history(system, chance)
    ends = time.monotonic() + seconds

    def is_over() -> bool:
        nonlocal number
        for _ in range(chance.randint(1, 6)):
            number += 1
            _a_lead(system, chance, number)
        if number % 40 == 0:
            system.world.send_raw("lead-contacted", "poison", b"no record")
        return time.monotonic() > ends

    wait_for(is_over, seconds + 60, every=0.5)


def _history(system: RunningSystem, chance: random.Random) -> None:
    """Leads of the last month; nothing is promised about them, so that they go cold only where they did."""
    now = time.time_ns() // 1_000_000
    for origin, (contacted, days, won) in ORIGINS.items():
        for n in range(chance.randint(80, 220)):
            name, at = f"{origin}-{n}", now - int(chance.uniform(8, 30) * DAY)
            facts: list[object] = [a_created(name, at, event_id=f"c-{name}", origin=origin, segment="history")]
            if chance.random() < contacted:
                touched = at + int(chance.expovariate(0.7 / days) * DAY)
                facts.append(a_contact(name, touched, event_id=f"t-{name}"))
                if chance.random() < 0.6:
                    facts.append(a_reply(name, touched + DAY // 2, event_id=f"r-{name}"))
                    close = a_win if chance.random() < won / 0.6 else a_loss
                    facts.append(close(name, touched + 2 * DAY, event_id=f"d-{name}"))
            system.world.send(*facts)  # type: ignore[arg-type]


def _a_lead(system: RunningSystem, chance: random.Random, n: int) -> None:
    """One that comes in now: contacted, or not and handed back; some of these come back."""
    now, name = time.time_ns() // 1_000_000, f"now-{n}"
    origin = chance.choice([*ORIGINS])
    system.post({"kind": "lead-created", "lead_id": name, "occurred_at": _iso(), "origin": origin})
    if chance.random() < ORIGINS[origin][0] * 0.7:
        system.world.send(a_contact(name, now + 200, event_id=f"t-{name}"))
    if n > 40 and chance.random() < 0.3:
        old = f"now-{n - 40}"
        if chance.random() < 0.4:
            system.world.send(a_reply(old, now, event_id=f"r-{old}"))
        else:
            system.world.send(a_created(old, now, event_id=f"again-{old}", origin=origin))
            system.world.send(a_contact(old, now + 300, event_id=f"t2-{old}"))
            if chance.random() < 0.4:
                system.world.send(a_win(old, now + 900, event_id=f"w-{old}"))


def _iso() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _draw(prometheus: Prometheus, start: float, end: float, chromium: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    drawn = Drawn(prometheus, start, end, step=max(2.0, (end - start) / 150))
    with tempfile.TemporaryDirectory() as place:
        for board in BOARDS:
            html, height = drawn.page(board)
            page = Path(place) / f"{board.stem}.html"
            page.write_text(html, encoding="utf-8")
            _photograph(chromium, page, PICTURES / f"{board.stem}.png", height)


def _photograph(chromium: str, page: Path, picture: Path, height: int) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={WIDTH + 16},{height}"]
    subprocess.run(
        [chromium, *flags, f"--screenshot={picture}", str(page)], check=True, capture_output=True, timeout=120
    )


if __name__ == "__main__":
    main()
