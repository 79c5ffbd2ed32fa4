"""Settings common to all endpoints that are called over HTTP: the URL, what is permitted beyond https, lead ids."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.events import LeadRecycled
from streams.runtime.documents import violation
from workers.outbound import InvalidDestination, UrlPolicy, destination_of

from ..events import DeliveredEvent
from ..target import ANY_TRACK, Limits, Target

Id = Annotated[int, Field(gt=0, lt=10**18)]
Tracks = Annotated[Mapping[str, Id], Field(min_length=1, max_length=50)]


class CalledTarget(Target):
    """An endpoint that is called over HTTP. `ports`: permitted besides the scheme's default."""

    allow_http: bool = False
    ports: tuple[Annotated[int, Field(ge=1, le=65_535)], ...] = ()

    @property
    def url_policy(self) -> UrlPolicy:
        return UrlPolicy(self.allow_http, frozenset(self.ports))

    @property
    def effective_limits(self) -> Limits:
        """Limits in deliveries. A preset counts the vendor's calls: it is divided by the calls of one delivery."""
        calls = self.max_calls
        shared = {"per_second": self.PRESET.per_second / calls, "burst": max(1, self.PRESET.burst // calls)}
        return self.PRESET.model_copy(update=shared | self.limits.model_dump(exclude_none=True))


class HttpTarget(CalledTarget):
    """An endpoint with a URL."""

    url: str

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        check_url(self.url, self.url_policy)
        return self


class VendorTarget(HttpTarget):
    """An endpoint of a vendor's API. `url` is its base; a lead_id without `strip_prefix` is the vendor's id."""

    strip_prefix: str = ""

    def at(self, path: str) -> str:
        return self.url.rstrip("/") + path

    def vendor_id(self, lead_id: str) -> str:
        return lead_id.removeprefix(self.strip_prefix)

    def number(self, lead_id: str) -> int | None:
        """Return the vendor's id as a positive number; None if it is not one."""
        text = self.vendor_id(lead_id)
        return int(text) if text.isascii() and text.isdigit() and 0 < len(text) <= 18 and int(text) else None  # noqa: PLR2004

    @model_validator(mode="after")
    def _is_a_base(self) -> Self:
        if "?" in self.url:
            raise violation("url: a query in the base URL of an API", "remove it")
        return self


def check_url(url: str, url_policy: UrlPolicy) -> None:
    """Raise a violation, which does not show the URL, if it is not a permitted destination."""
    try:
        destination_of(url, url_policy)
    except InvalidDestination as error:
        raise violation(f"url: {error.problem}", error.fix) from None


def id_for_track(tracks: Mapping[str, int], track: str) -> int | None:
    """Return the id configured for a track, or for `*`; None if there is neither."""
    return tracks.get(track, tracks.get(ANY_TRACK))


def ids_for_event(tracks: Mapping[str, int], event: DeliveredEvent) -> tuple[int, ...]:
    """Return the ids that an event concerns: that of its track; all of them for a REVOKE, which has no track."""
    if not isinstance(event, LeadRecycled):
        return ()
    if event.action == "REVOKE":
        return tuple(sorted(set(tracks.values())))
    track_id = id_for_track(tracks, event.track)
    return () if track_id is None else (track_id,)
