"""Checks that Redis is usable, and how fresh the read model in it is."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.instants import short_span
from streams.domain.policy import Policy
from streams.runtime.settings import ReportSettings
from workers.read_model.redis_clients import connect, connect_async
from workers.report import queries
from workers.report.api_models import AsOf
from workers.report.funnel_models import FunnelPage
from workers.report.generation_reader import ReadModelUnavailable
from workers.report.passed_dates import PassedDates

from .clocks import ClockOffset
from .findings import Finding, fail, ok, some, warn

ANSWER_SECONDS = 3.0
LEAST_MAJOR = 7
MOST_REASONS, MOST_SHOWN = 500, 10
OLD = timedelta(minutes=2)  # as LeadloopReadModelBehind has it
PASSED = timedelta(minutes=5)
"""A date that has passed for so long is late; more than any read model that is not old is behind."""
AWAY = (
    "check that it is up and that REDIS_URL is right; deliver keeps its limits by itself meanwhile, the read API waits"
)

RedisInfo = Mapping[str, Any]
"""INFO of Redis: redis-py does not type its values."""


class Server:
    """Redis or Valkey. Call `check` first: afterwards `is_there` says whether the server can be queried."""

    def __init__(self, settings: ReportSettings) -> None:
        self._settings = settings
        self.is_there = False
        self.clock: ClockOffset | None = None

    def check(self) -> list[Finding]:
        try:
            redis = connect(self._settings.redis_url, ANSWER_SECONDS)
        except ValueError:
            return [fail("redis", "REDIS_URL is no address", "write redis://[:password@]host:6379/0")]
        try:
            self.clock = _clock_of(redis)
            self.is_there = True
            return evaluate(redis.info())
        except (RedisError, OSError) as error:
            return [refusal(error, is_there=self.is_there)]
        finally:
            redis.close()

    def read_model(self, policy: Policy | None) -> list[Finding]:
        """How far the read model is, as `report` would say, and whether the policy names the reasons in it."""
        try:
            found, dates = asyncio.run(_looked_up(self._settings))
        except ReadModelUnavailable as error:
            return [warn("read model", str(error), "run `leadloop project`, and wait until it is filled")]
        unnamed = [] if policy is None else [evaluate_reasons(policy, found)]
        passed = [] if dates is None else [evaluate_dates(dates, datetime.now(UTC))]
        return [evaluate_read_model(found.as_of, datetime.now(UTC)), *unnamed, *passed]


def refusal(error: Exception, *, is_there: bool) -> Finding:
    """Why the server does not describe itself. `is_there`: it answered TIME before."""
    match error:
        case AuthenticationError():
            return fail("redis", "it rejects this user or password", "fix REDIS_URL, or REDIS_URL_FILE")
        case NoPermissionError():
            return warn("redis", "this user may not call TIME and INFO", "allow both for a complete check")
        case ResponseError() if is_there and "unknown command" in str(
            error
        ):  # an emulation, or a service that hides it
            return warn("redis", "it answers, but does not describe itself", "in production use Redis 7 or Valkey")
        case ResponseError():
            return fail("redis", f"it answers with an error: {error}", AWAY)
        case _:
            return fail("redis", f"it does not answer ({type(error).__name__})", AWAY)


def evaluate(info: RedisInfo) -> list[Finding]:
    """Evaluate the INFO of Redis."""
    return [_version(info), *_place(info), *_policy(info), *_room(info)]


def evaluate_read_model(as_of: AsOf, now: datetime) -> Finding:
    behind = f"{as_of.behind_records} records behind"
    if as_of.is_filling:
        found = f"a new one is being filled; what is read stands still, {behind}"
        return warn("read model", found, "wait; docs/runbooks.md#leadloopreadmodelbehind")
    if as_of.at is None:
        return warn("read model", "its freshness is not known yet", "check that `leadloop project` runs")
    age = now - as_of.at
    if age > OLD:
        todo = "check that `leadloop project` runs: docs/runbooks.md#leadloopreadmodelbehind"
        return warn("read model", f"{age.total_seconds():.0f} s old, {behind}", todo)
    return ok("read model", f"{max(0.0, age.total_seconds()):.0f} s old, {behind}")


def evaluate_reasons(policy: Policy, passes: FunnelPage) -> Finding:
    """Evaluate the reasons why passes went cold. `passes` is the funnel by reason."""
    counts = {row.value: row.stalled for row in passes.rows if row.value}
    unnamed = sorted((-count, reason) for reason, count in counts.items() if not policy.is_named(reason))
    if not unnamed:
        return ok("reasons", "the policy names all reasons for which leads have gone cold")
    names = some([f"{reason!r} ({-count:,} passes)" for count, reason in unnamed], MOST_SHOWN)
    todo = "name them under 'reasons' in the policy, or map them to reasons that it names: docs/policy.md#reasons"
    return warn("reasons", f"the policy does not name {names}: 'otherwise' applies", todo)


def evaluate_dates(found: PassedDates, now: datetime) -> Finding:
    """Evaluate the dates that leads wait for; streams evaluates each lead again within seconds of its date."""
    waiting = ", ".join(f"{count:,} {what}" for what, count in found.waiting.items())
    late = {what: leads for what, leads in found.passed.items() if leads}
    if not late:
        return ok("dates", f"none has passed of {waiting}")
    counts = ", ".join(f"{len(leads):,} {what}" for what, leads in late.items())
    oldest, lead_id = min(leads[0] for leads in late.values())
    since = short_span(now.timestamp() * 1000 - oldest)
    text = f"passed, and not evaluated again: {counts}; the oldest {since} ago, lead {lead_id} (of {waiting})"
    todo = (
        "if the group of streams and its heartbeats are well, and it stays so: `leadloop audit --stalls` names each; "
        "docs/runbooks.md#leadloopauditdiffers"
    )
    return warn("dates", text, todo)


def _version(info: RedisInfo) -> Finding:
    valkey = info.get("valkey_version")
    version = str(info.get("redis_version", ""))
    name = f"Valkey {valkey}" if valkey else f"Redis {version}"
    major = version.partition(".")[0]
    if not major.isdigit():
        return warn(
            "redis", "it answers, but does not report its version", f"see that it is Redis {LEAST_MAJOR} or newer"
        )
    if int(major) < LEAST_MAJOR:
        return fail("redis", f"{name} is too old", f"use Redis {LEAST_MAJOR} or newer, or Valkey")
    return ok("redis", f"{name}; {_kept(info)}")


def _kept(info: RedisInfo) -> str:
    is_kept = bool(info.get("aof_enabled")) or int(info.get("rdb_last_save_time", 0)) > int(_started_at(info))
    how = "keeps data over a restart" if is_kept else "has saved nothing since it started"
    return f"{how}, which is not required: the read model is rebuilt from Kafka"


def _started_at(info: RedisInfo) -> float:
    now = int(info.get("server_time_usec", 0)) / 1_000_000
    return now - int(info.get("uptime_in_seconds", 0)) + 1


def _place(info: RedisInfo) -> list[Finding]:
    found = []
    if info.get("redis_mode", "standalone") == "cluster" or info.get("cluster_enabled"):
        found.append(fail("redis", "it is a Redis Cluster", "use a single one: a transaction spans many keys"))
    if info.get("role", "master") != "master":
        found.append(fail("redis", "it is a replica, and read-only", "let REDIS_URL name the primary"))
    if info.get("loading"):
        found.append(warn("redis", "it is loading its data", "wait"))
    return found


def _policy(info: RedisInfo) -> list[Finding]:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    todo = "set maxmemory-policy to noeviction (CONFIG SET, and in its configuration)"
    if policy.startswith("allkeys"):
        return [fail("redis", f"maxmemory-policy is {policy}: it may evict any key; project will not start", todo)]
    if policy != "noeviction":
        return [warn("redis", f"maxmemory-policy is {policy}: it may drop the limits of endpoints", todo)]
    return [ok("redis", "maxmemory-policy is noeviction")]


def _room(info: RedisInfo) -> list[Finding]:
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if most and used > 0.9 * most:
        todo = "raise maxmemory: at the limit project waits (a rebuild needs the read model twice)"
        return [warn("redis", f"{used / 2**20:.0f} of {most / 2**20:.0f} MiB are used", todo)]
    return []


def _clock_of(redis: Redis) -> ClockOffset:
    requested_at = datetime.now(UTC).timestamp()
    seconds, micros = redis.time()
    responded_at = datetime.now(UTC).timestamp()
    return ClockOffset("Redis", seconds + micros / 1_000_000 - (requested_at + responded_at) / 2)


async def _looked_up(settings: ReportSettings) -> tuple[FunnelPage, PassedDates | None]:
    """The passes by the reason why they last went cold, how fresh they are, and the dates that have passed.

    No dates of a history: its events say what time it is.
    """
    before = int((datetime.now(UTC) - PASSED).timestamp() * 1000)
    model = queries.ReadModel(connect_async(settings.redis_url), settings.app_id, Codec(Catalogue.bundled()))
    try:
        found = await model.funnel("reason", None, None, MOST_REASONS)
        return found, await model.passed_dates(before) if settings.clock == "wall" else None
    finally:
        await model.close()
