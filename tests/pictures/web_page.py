"""`python -m tests.pictures.web_page`: the web page on the demo's data, photographed by Chromium.

Starts `leadloop demo --stay`, posts leads of the last two days, and writes docs/pictures/page-*.png.
"""

import json
import random
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

from playwright.sync_api import Page

from tests.chromium import running_chromium
from tests.observability import ROOT
from tests.waiting import TIMEOUT, wait_for

PICTURES = ROOT / "docs/pictures"
LEADS, NEW = 1500, 60
WIDTH, HEIGHT = 1280, 900
ORIGINS, OWNERS = ("webinar", "organic", "referral"), ("ada", "bo", "chen", "ines", "hugo")
VIEWS = {"today": "/", "sources": "/sources", "funnel": "/funnel"}
STORY = "/leads?step=requalified&pass=1"


def main() -> None:
    """Start the demo, post, and photograph."""
    command = [sys.executable, "-m", "workers.cli", "demo", "--stay", "--speed", "0", "--leads", str(LEADS)]
    with tempfile.TemporaryDirectory() as place, (Path(place) / "log").open("w+b") as log:
        demo = subprocess.Popen(command, stdout=log, stderr=log, cwd=place)
        try:
            _photograph(_said(Path(log.name), demo))
        finally:
            demo.terminate()
            demo.wait(TIMEOUT)


def _said(log: Path, demo: "subprocess.Popen[bytes]") -> str:
    """What the demo says, once it is live."""

    def is_live() -> bool:
        assert demo.poll() is None, log.read_text(encoding="utf-8")[-3000:]
        return "Logs are in" in log.read_text(encoding="utf-8")

    wait_for(is_live, 120, "the demo is live")
    return log.read_text(encoding="utf-8")


def _photograph(said: str) -> None:
    address, key = re.findall(r"INGEST=(\S+)", said)[0], re.findall(r" KEY=(\S+)", said)[0]
    _post(address, key)
    link = re.findall(r"http://\S+/sign-in/once\?token=\S+", said)[-1]
    with running_chromium() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, base_url=link.partition("/sign-in")[0])
        page.goto(link)
        new = page.locator('[data-figure="stage:new"]')
        wait_for(lambda: new.inner_text() not in {"–", ""} or page.reload() is None, 30, "the new leads are shown", 0.5)
        for name, path in VIEWS.items():
            page.goto(path)
            page.screenshot(path=PICTURES / f"page-{name}.png")
        _photograph_story(page)


def _photograph_story(page: Page) -> None:
    page.goto(STORY)
    page.locator("tbody th a").first.click()
    page.wait_for_url("**/lead?id=*")
    page.screenshot(path=PICTURES / "page-story.png")


def _post(address: str, key: str) -> None:
    """Leads that came in during the last two days; sales has contacted half of them."""
    dice, now = random.Random(3), datetime.now(UTC)
    for n in range(NEW):
        at = now - timedelta(minutes=dice.uniform(5, 44 * 60))
        lead = {"lead_id": f"N-{n + 1:03}", "owner_id": dice.choice(OWNERS)}
        facts = [{"kind": "lead-created", "origin": dice.choice(ORIGINS), "account_id": f"account {n % 40}", **lead}]
        if dice.random() < 0.5:
            facts.append({"kind": "lead-contacted", "outcome": dice.choice(["connected", "no_answer"]), **lead})
        for place, fact in enumerate(facts):
            fact["occurred_at"] = (at + timedelta(minutes=4 * place)).strftime("%Y-%m-%dT%H:%M:%SZ")
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            request = Request(f"{address}/v1/events", json.dumps(fact).encode(), headers)  # noqa: S310  the demo's own
            with urlopen(request, timeout=30):  # noqa: S310
                pass


if __name__ == "__main__":
    main()
