"""Who is paged: the rules with time going faster, a real Alertmanager with the example's routes, and what it sends."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import yaml

from tests.observability import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
TIMES = re.compile(r"(\[|offset |for: )(\d+)([smhdw])")
Alert = tuple[str, str]  # name, and what it is about: endpoint, partition or nothing


FRESH_SECONDS = 30
"""How old a heartbeat may be here: a test machine without CPU for 10 s would look like an outage of five minutes."""
LATE = {
    ") <= 5\n": f") <= {FRESH_SECONDS}\n",
    'le="300.0"': 'le="15.0"',
    'age=~"under_1h|over_1h"': 'age=~"under_1m|under_5m|under_1h|over_1h"',
}


def faster(text: str, by: int) -> str:
    """Rules whose windows and patience are so many times shorter, and for which 15 s are late for a delivery.

    All else that they compare with stays.
    """

    def shorter(found: re.Match[str]) -> str:
        return f"{found[1]}{max(1, int(found[2]) * SECONDS[found[3]] // by)}s"

    for after, sooner in LATE.items():
        text = text.replace(after, sooner)
    return TIMES.sub(shorter, text)


class Told:
    """What each receiver of Alertmanager has been told: alerts that fire, and those that are over."""

    def __init__(self) -> None:
        self.firing: dict[str, set[Alert]] = {}
        self.over: dict[str, set[Alert]] = {}

    def hear(self, receiver: str, body: Any) -> None:
        for alert in body["alerts"]:
            labels = alert["labels"]
            heard = self.firing if alert["status"] == "firing" else self.over
            heard.setdefault(receiver, set()).add((labels["alertname"], labels.get("endpoint", "")))

    def pages(self) -> set[str]:
        return {name for name, _ in self.firing.get("pager", ())}

    def forget(self) -> None:
        self.firing.clear()
        self.over.clear()


@contextmanager
def listening() -> Iterator[tuple[Told, str]]:
    """A receiver of notifications, and its address."""
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.hear(self.path.strip("/"), json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Notifications are what the test waits for."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def routes(address: str) -> str:
    """The example's configuration, at once in place of politely, each receiver with an address."""
    text = (ROOT / "deploy/alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    configuration = yaml.safe_load(re.sub(r"(group_wait|group_interval): \w+|(repeat_interval): 1m", r"\1\2: 1s", text))
    for receiver in configuration["receivers"]:
        receiver["webhook_configs"] = [{"url": f"{address}/{receiver['name']}", "send_resolved": True}]
    return yaml.safe_dump(configuration)
