"""Alerting for tests: rules with shorter durations, the example's Alertmanager routes, and its notifications."""

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
DURATIONS = re.compile(r"(\[|offset |for: )(\d+)([smhdw])")
Alert = tuple[str, str]
"""The name of an alert, and its endpoint ("" if it has none)."""


FRESH_SECONDS = 30
"""The highest age of a heartbeat here: a test machine without CPU for 10 s would look like an outage of 5 minutes."""
THRESHOLDS = {
    ") <= 5\n": f") <= {FRESH_SECONDS}\n",
    'le="300.0"': 'le="15.0"',
    'age=~"under_1h|over_1h"': 'age=~"under_1m|under_5m|under_1h|over_1h"',
}


def accelerated(text: str, factor: int) -> str:
    """Rules whose windows and `for:` are `factor` times shorter, and for which a delivery is late after 15 s.

    All other thresholds stay.
    """

    def shortened(found: re.Match[str]) -> str:
        return f"{found[1]}{max(1, int(found[2]) * SECONDS[found[3]] // factor)}s"

    for original, lower in THRESHOLDS.items():
        text = text.replace(original, lower)
    return DURATIONS.sub(shortened, text)


class Notifications:
    """The alerts that each receiver of Alertmanager was notified of: firing and resolved."""

    def __init__(self) -> None:
        self.firing: dict[str, set[Alert]] = {}
        self.resolved: dict[str, set[Alert]] = {}

    def add(self, receiver: str, body: Any) -> None:
        for alert in body["alerts"]:
            labels = alert["labels"]
            alerts = self.firing if alert["status"] == "firing" else self.resolved
            alerts.setdefault(receiver, set()).add((labels["alertname"], labels.get("endpoint", "")))

    def pages(self) -> set[str]:
        return {name for name, _ in self.firing.get("pager", ())}

    def clear(self) -> None:
        self.firing.clear()
        self.resolved.clear()


@contextmanager
def notification_receiver() -> Iterator[tuple[Notifications, str]]:
    """A webhook receiver for Alertmanager: its notifications, and its URL."""
    notifications = Notifications()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            notifications.add(self.path.strip("/"), json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Requests are not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield notifications, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def routes(address: str, *, has_delays: bool = False) -> str:
    """The example's configuration, by default without its delays, each receiver with a webhook at this URL."""
    text = (ROOT / "deploy/alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    if not has_delays:
        text = re.sub(r"(group_wait|group_interval): \w+|(repeat_interval): 1m", r"\1\2: 1s", text)
    configuration = yaml.safe_load(text)
    for receiver in configuration["receivers"]:
        receiver["webhook_configs"] = [{"url": f"{address}/{receiver['name']}", "send_resolved": True}]
    return yaml.safe_dump(configuration)
