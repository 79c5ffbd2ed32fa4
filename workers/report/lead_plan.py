"""Which lists of the read model decide a request for leads, and the order in which they are read. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

from streams.domain.funnel import PASS_LABELS
from workers.read_model.cohorts import cohorts_between
from workers.read_model.lead_lists import NEVER_TOUCHED, RARE_STEPS, began_list, earlier_list, order_list
from workers.read_model.list_members import timed

from .generation_reader import ListRange, ScoreRange
from .lead_query import LeadQuery

_OF_PASS = ("origin", "campaign", "owner", "reason", "pass_label")
_BEGAN = ("created_from", "created_before")
_LATER_PASSES = PASS_LABELS[1:]  # the first is that of most leads, and has no list
_MOST_MONTHS = 120
_SHAPE = frozenset({"sort", "is_backwards"})


class LeadPlan(NamedTuple):
    """How leads are found.

    Attributes:
        groups: A lead must be in one list of each group.
        ranges: A lead must have a value within each of these.
        timed: The list by time that is read, if there is one.
        order: The list in whose order leads are returned; empty: by lead_id, or by `timed`.
        is_backwards: The largest value first.
        begins: The beginning of lead_id.
        has_rest: Whether leads have to be read to know whether they fit.
        name: Of this order of these leads, in cursors.
    """

    groups: tuple[tuple[str, ...], ...]
    ranges: tuple[ScoreRange, ...]
    timed: ListRange | None
    order: str
    is_backwards: bool
    begins: bytes
    has_rest: bool
    name: str

    def by_id(self, name: str) -> ListRange:
        """The part of a list in the order of lead_id that may fit."""
        return ListRange(name, b"[" + self.begins, b"[" + self.begins + b"\xff") if self.begins else ListRange(name)

    @property
    def in_order(self) -> ScoreRange:
        """The part of the list `order` that may fit."""
        return next((one for one in self.ranges if one.name == self.order), ScoreRange(self.order))

    @property
    def other_ranges(self) -> tuple[ScoreRange, ...]:
        return tuple(one for one in self.ranges if one.name != self.order)

    @property
    def is_of_single_lists(self) -> bool:
        """Whether leads that are in one list of each group and in that of the order are all that fit."""
        return not self.other_ranges and not self.begins and all(len(group) == 1 for group in self.groups)


def plan_of(query: LeadQuery) -> LeadPlan:
    """The plan of a query."""
    groups, decided = _groups(query)
    by_time, proven = (None, set[str]()) if query.sort else _by_time(query)
    ranges = tuple(_ranges(query, has_due=by_time is None))
    decided |= proven | {"begins", "currency", *_in_ranges(query, has_due=by_time is None)}
    if by_time is not None and by_time.name.startswith("owner-"):
        groups.pop("owner")
    asked = {name for name, value in query._asdict().items() if value is not None} - _SHAPE
    order = order_list(query.sort, query.currency or "") if query.sort else ""
    if not order and by_time is None and ranges:
        order = ranges[0].name
    begins = (query.begins or "").encode()
    name = blake2b(repr(query).encode(), digest_size=8).hexdigest()
    has_rest = not asked <= decided
    return LeadPlan(tuple(groups.values()), ranges, by_time, order, query.is_backwards, begins, has_rest, name)


def _groups(query: LeadQuery) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """The groups of lists by filter, and the filters that they decide."""
    found: dict[str, tuple[str, ...]] = {
        name: (f"{name}:{value}",)
        for name in ("stage", "segment", "account", "track")
        if (value := getattr(query, name))
    }
    if query.at_risk:
        found["at_risk"] = ("at-risk",)
    if not query.is_of_pass:
        found |= {name: (f"{name}:{value}",) for name in _OF_PASS[:4] if (value := getattr(query, name))}
        if query.pass_label in _LATER_PASSES:
            found["pass_label"] = (f"pass:{query.pass_label}",)
        return found, set(found)
    decided = set(found)
    for name in _OF_PASS[:3]:
        if value := getattr(query, name):
            found[name] = (f"{name}:{value}", earlier_list(name, value))
    if query.step in RARE_STEPS:
        found["step"] = (f"reached:{query.step}",)
    if query.without == "touched":
        found["without"] = (NEVER_TOUCHED,)
    of_pass = {name for name in (*_OF_PASS, *_BEGAN, "step", "without") if getattr(query, name) is not None}
    if months := _months(query):
        labels = (query.pass_label,) if query.pass_label else PASS_LABELS
        found["created"] = tuple(began_list(label, month) for label in labels for month in months)
    return found, decided | (of_pass & found.keys() if len(of_pass) == 1 else set())


def _months(query: LeadQuery) -> tuple[str, ...]:
    """The months in which the pass began; none: the query has no bounds, or too wide ones."""
    begin, end = query.created_from, query.created_before
    if begin is None or end is None or not 0 <= begin < end:
        return ()
    first, last = (datetime.fromtimestamp(at / 1000, UTC).date() for at in (begin, end - 1))
    if (last.year - first.year) * 12 + last.month - first.month >= _MOST_MONTHS:
        return ()
    return tuple(cohorts_between("month", first, last))


def _by_time(query: LeadQuery) -> tuple[ListRange | None, set[str]]:
    """The list by time that is read, and the filters that it decides."""
    owner = "" if query.is_of_pass or query.begins else query.owner or ""
    for name, decided in _timed_lists(query):
        whole = f"owner-{name}:{owner}" if owner else name
        start = b"-" if query.due_from is None else b"[" + timed(query.due_from).encode()
        end = b"+" if query.due_before is None else b"(" + timed(query.due_before).encode()
        if query.begins:
            return None, set()
        return (ListRange(whole, start, end) if name == "due" else ListRange(whole)), decided
    return None, set()


def _timed_lists(query: LeadQuery) -> Iterator[tuple[str, set[str]]]:
    if query.due_before is not None or query.due_from is not None:
        yield "due", {"due_before", "due_from"}
    if query.decision:
        yield f"decision:{query.decision}", {"decision"}
    if query.stalled:
        yield "stalled", {"stalled"}


def _ranges(query: LeadQuery, *, has_due: bool) -> Iterator[ScoreRange]:
    limits: dict[str, tuple[int | None, int | None]] = {
        "created": (None, None) if query.is_of_pass else (query.created_from, query.created_before),
        "touched": (query.touched_from, query.touched_before),
        "closed": (query.closed_from, query.closed_before),
    }
    if has_due:
        limits["due"] = query.due_from, query.due_before
    yield from (ScoreRange(f"by:{name}", *limit) for name, limit in limits.items() if limit != (None, None))
    if query.currency is not None:
        yield ScoreRange(order_list("amount", query.currency), query.amount_from, query.amount_below)


def _in_ranges(query: LeadQuery, *, has_due: bool) -> set[str]:
    of_lead = ("touched", "closed") if query.is_of_pass else ("created", "touched", "closed")
    names = {f"{name}_{end}" for name in of_lead for end in ("from", "before")}
    names |= {"amount_from", "amount_below"} if query.currency is not None else set()
    return names | ({"due_from", "due_before"} if has_due else set())
