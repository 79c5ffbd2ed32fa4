"""What a run is judged by: `leadloop audit`, the topics, what ingest answered, and the log of the receiver."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.events import LeadRecycled
from tests.audited import audit_of
from tests.world import CODEC

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.audited import AuditOfWorld
    from tests.soak.posted_history import Accepted
    from tests.soak.system import SoakSystem

FACTS = ("lead-created", "lead-updated", "lead-contacted", "lead-stalled", "deal-closed")
SIGNED_WITHIN = 1.0
"""Seconds between the decision to send and the signature, at most."""
SHOWN = 10


@dataclass
class Verdict:
    """`violations`: what was promised and not kept. `figures`: what was counted."""

    violations: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    def check(self, title: str, found: Iterable[object]) -> None:
        """Count what must not be there, and name some of it."""
        named = sorted(map(str, found))
        self.figures[title] = len(named)
        self.violations += [f"{title}: {one}" for one in named[:SHOWN]]


def audited(system: SoakSystem) -> AuditOfWorld:
    """Audit leads, deliveries and the read model."""
    env = system.env()
    env.pop("LEADLOOP_POLICY_FILE")
    return audit_of(system.world, system.policy_file, more=env)


def is_drained(found: AuditOfWorld) -> bool:
    """Whether everything is processed, delivered and in the read model."""
    result = found.result
    states = {state for _, state in result.deliveries}
    return not result.pending and not states & {"waiting", "in_progress"} and set(result.read_model) == {"compared"}


def judge(system: SoakSystem, accepted: Accepted, accepted_at: Mapping[str, float], found: AuditOfWorld) -> Verdict:
    """Compare what was promised with what is.

    Args:
        system: With its topics, and the log of its receiver.
        accepted: What ingest answered.
        accepted_at: When the acceptance of a message was in Kafka at the latest, epoch seconds.
        found: The audit, after everything was drained.
    """
    verdict = Verdict()
    facts = _facts(system)
    verdict.figures["events accepted by ingest"] = len(accepted.events)
    verdict.figures["requests repeated by clients"] = accepted.repeated
    verdict.figures["facts imported"] = sum(system.imported.facts.values())
    verdict.check("events refused", accepted.refused)
    verdict.check("accepted facts lost", accepted.events - set(facts))
    verdict.check("imported facts lost", _not_imported(system.imported.facts, facts))
    _judge_deliveries(system, accepted_at, verdict)
    _judge_audit(found, verdict)
    return verdict


def _facts(system: SoakSystem) -> dict[str, str]:
    """The lead of each fact in the topics, by its id."""
    return {record.event_id: record.lead_id for topic in FACTS for record in system.world.decoded(topic)}


def _not_imported(expected: Mapping[str, int], facts: Mapping[str, str]) -> Iterable[str]:
    found: Counter[str] = Counter()
    for lead_id in facts.values():
        found[f"{lead_id.partition('-')[0]}-"] += lead_id.startswith("I")
    return [f"{found[prefix]} of {rows} facts of {prefix}" for prefix, rows in expected.items() if found[prefix] < rows]


# -- deliveries ------------------------------------------------------------------------------------


def _judge_deliveries(system: SoakSystem, accepted_at: Mapping[str, float], verdict: Verdict) -> None:
    seen = system.received()
    tries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in seen["tries"]:
        tries[one["message_id"]].append(one)
    verdict.figures["messages taken by the receiver"] = len(seen["messages"])
    verdict.figures["REVOKEs taken by the receiver"] = sum(one.endswith("_revoke") for one in seen["messages"])
    verdict.figures["requests to the receiver"] = len(seen["tries"])
    verdict.figures["messages that came more than once, with the same id"] = sum(len(one) > 1 for one in tries.values())
    verdict.check("requests without a valid signature", _unsigned(seen["tries"]))
    verdict.check("effects with two ids", _with_two_ids(seen["messages"]))
    verdict.check("sent again after a recorded acceptance", _sent_again(tries, accepted_at))
    verdict.check("recorded as accepted, and never taken", set(accepted_at) - set(seen["messages"]))
    verdict.check("REVOKE swallowed", _swallowed(system, set(tries), set(seen["messages"])))


def _unsigned(tries: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Old signatures are none: they come with bytes that were held for long."""
    return [str(one) for one in tries if one["error"] and one["error"] != "not signed now"]


def _with_two_ids(messages: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for message_id, message in messages.items():
        data = message["data"]
        ids[data.get("recycle_id") or data.get("escalation_id"), data["action"]].add(message_id)
    return [f"{effect} by {found}" for effect, found in ids.items() if len(found) > 1]


def _sent_again(tries: Mapping[str, Iterable[Mapping[str, Any]]], accepted_at: Mapping[str, float]) -> Iterable[str]:
    """Signed after an acceptance was seen in Kafka."""
    for message_id, at in accepted_at.items():
        for one in tries.get(message_id, ()):
            if one["signed_at"] > at + SIGNED_WITHIN:
                yield f"{message_id}: its acceptance was in Kafka at {at:.1f}, signed at {one['signed_at']}"


def _swallowed(system: SoakSystem, arrived: set[str], taken: set[str]) -> Iterable[str]:
    """REVOKEs that the receiver never took, although their RECYCLE arrived there."""
    for message in system.world.read("lead-recycled"):
        record = CODEC.decode(message.value(), LeadRecycled)
        if record.action != "REVOKE" or f"{record.recycle_id}_recycle" not in arrived:
            continue
        if f"{record.recycle_id}_revoke" not in taken:
            yield record.recycle_id


def _judge_audit(found: AuditOfWorld, verdict: Verdict) -> None:
    result = found.result
    verdict.figures["leads audited"] = result.leads
    verdict.figures["leads that balance"] = result.balanced
    verdict.figures["leads whose read model is compared"] = result.read_model["compared"]
    for (endpoint, state), count in sorted(result.deliveries.items()):
        verdict.figures[f"deliveries to {endpoint}: {state}"] = count
    verdict.check("differences named by the audit", found.differences)
    verdict.check("open stalls that wait for nothing", (one for one in found.open_stalls if one.waits_for == "nothing"))
    verdict.check("leads that cannot be audited", result.not_checkable.items())
    if not is_drained(found):
        left = {"pending": result.pending, **{f"{name} {state}": n for (name, state), n in result.deliveries.items()}}
        verdict.violations.append(f"not drained: {left}, read model {dict(result.read_model)}")
