"""A page in a real Chromium, and everything that the browser, axe-core or a narrow window complains about.

LEADLOOP_SCREENSHOTS names a folder for a picture of every page that is looked at, to be looked at by a person.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, Request

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
SIZES = ((380, 800), (800, 1000), (1440, 900))
SHOTS = os.environ.get("LEADLOOP_SCREENSHOTS")


class Watched:
    """A page, and everything that a browser complains about while it is shown."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.complaints: list[str] = []
        self._address = address
        self.page = context.new_page()
        self.page.on("console", lambda said: self._complain(said.text) if said.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self._complain(str(error)))
        self.page.on("request", self._request)

    def _complain(self, text: str) -> None:
        if "status of 422" not in text:  # the browser reports the answer that the test asks for
            self.complaints.append(text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith(self._address):
            self.complaints.append(f"another site: {request.url}")

    def look_at(self, path: str, scheme: Scheme) -> None:
        """Open an address at each width. Whatever is wider than its window, or not accessible, is a complaint.

        The dark differs in its colours alone: there one window is enough, unless pictures are taken, and one rule.
        """
        self.page.emulate_media(color_scheme=scheme)
        for width, height in SIZES if scheme == "light" or SHOTS else SIZES[-1:]:
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.goto(path)
            overflow = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if overflow > 0:
                self.complaints.append(f"{path} is {overflow} pixels wider than a window of {width}")
            if SHOTS:
                name = re.sub(r"\W+", "-", path).strip("-") or "today"
                self.page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
        self.complaints += serious(self.page, () if scheme == "light" else ("color-contrast",))


def serious(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core finds on the page that is serious or critical, by these rules (by all of them)."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    violations = Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in violations
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
