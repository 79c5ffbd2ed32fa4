"""Checks that the schema registry is reachable, and that our schemas are registered."""

import ssl
import time
from email.utils import parsedate_to_datetime
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from schemas.catalogue import RECORDS
from schemas.connect import connect_registry
from schemas.registry import NotRegistered, RegistryConf, RegistryUnavailable

from .clocks import ClockOffset, evaluate
from .findings import Finding, fail, ok, some

ANSWER_SECONDS = 3.0
_AWAY = "see that it is up, and that SCHEMA_REGISTRY_URL, its user and its CA are right"


def check(conf: RegistryConf, prefix: str) -> list[Finding]:
    """Query the id of every record's schema, as each process does when it starts."""
    try:
        ids, missing = _ids(conf, prefix)
    except RegistryUnavailable as error:
        return [fail("registry", str(error), _AWAY)]
    if missing:
        todo = "run `leadloop schemas push` before any process of this version starts"
        return [fail("registry", f"not registered: {some(missing)}", todo)]
    described = ", ".join(f"{name} {number}" for name, number in ids.items())
    return [ok("registry", f"it has all {len(ids)} schemas: {described}")]


def _ids(conf: RegistryConf, prefix: str) -> tuple[dict[str, int], list[str]]:
    """Ids by the names of records, and the names of those that are not registered. Raises RegistryUnavailable."""
    registry, ids, missing = connect_registry(conf, prefix), dict[str, int](), list[str]()
    for record in RECORDS:
        try:
            ids[record.__name__] = registry.id_of(record)
        except NotRegistered:
            missing.append(record.__name__)
    return ids, missing


def check_clock(conf: RegistryConf) -> list[Finding]:
    """One finding; none if the registry sends no Date header."""
    found = _clock(conf)
    return [] if found is None else [evaluate(found)]


def _clock(conf: RegistryConf) -> ClockOffset | None:
    """Resolution of the Date header: whole seconds."""
    requested_at = time.time()
    date = _date(conf)
    if date is None:
        return None
    try:
        theirs = parsedate_to_datetime(date).timestamp() + 0.5
    except ValueError:
        return None
    return ClockOffset("the registry", theirs - (requested_at + time.time()) / 2, error=0.5)


def _date(conf: RegistryConf) -> str | None:
    """Every response has one, even a 401."""
    tls = ssl.create_default_context(cafile=conf.ssl_ca_location) if conf.url.startswith("https:") else None
    try:
        with urlopen(Request(conf.url), timeout=ANSWER_SECONDS, context=tls) as answer:  # noqa: S310  http(s) only
            return str(answer.headers.get("Date") or "") or None
    except HTTPError as error:
        with error:
            return str(error.headers.get("Date") or "") or None
    except (URLError, OSError):
        return None
