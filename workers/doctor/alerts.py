"""Asks Prometheus which alerts fire: what pages is a failure."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import msgspec

from .findings import Finding, fail, ok, warn

ABOUT = "alerts"
ANSWER_SECONDS = 5.0
MOST_BYTES = 4_000_000


def check(url: str) -> list[Finding]:
    """Query the Prometheus with this base URL."""
    if urlsplit(url).scheme not in {"http", "https"}:
        return [fail(ABOUT, "no http:// address", "write --prometheus http://prometheus:9090")]
    try:
        with urlopen(f"{url.rstrip('/')}/api/v1/alerts", timeout=ANSWER_SECONDS) as answer:  # noqa: S310  http(s) only
            alerts = msgspec.json.decode(answer.read(MOST_BYTES))["data"]["alerts"]
    except (OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        reason = getattr(error, "reason", error)
        return [fail(ABOUT, f"Prometheus does not answer: {reason}", "see that it runs: no alert fires meanwhile")]
    return evaluate(alerts)


def evaluate(alerts: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """One finding for each alert that fires, pages first; one if none does."""
    mine = [one for one in alerts if str(one["labels"].get("alertname", "")).startswith("Leadloop")]
    firing = [one for one in mine if one.get("state") == "firing" and one["labels"].get("severity") in _VERDICTS]
    firing.sort(key=lambda one: (one["labels"]["severity"], one["labels"]["alertname"]))
    return [_finding(one) for one in firing] or [ok(ABOUT, "none fires")]


_VERDICTS = {"page": fail, "ticket": warn}


def _finding(alert: Mapping[str, Any]) -> Finding:
    labels, notes = alert["labels"], alert.get("annotations", {})
    name = labels["alertname"]
    since = f", since {str(alert['activeAt'])[:19]}Z" if alert.get("activeAt") else ""
    todo = notes.get("runbook_url") or f"docs/runbooks.md#{name.lower()}"
    return _VERDICTS[labels["severity"]](
        f"alert {name}", f"{notes.get('summary', 'it fires')} ({labels['severity']}{since})", todo
    )
