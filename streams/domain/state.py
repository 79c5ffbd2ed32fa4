"""The state of a lead as bytes: what is stored and logged, and what the version before wrote.

The first byte is the format. Decisions of format 1 are kept as they are until the next fact about the lead, with one
exception: what it suppressed was never evaluated again, so it is undecided here, and evaluated once the state is read.
"""

import msgspec
from msgspec.structs import replace

from .apply import IN_ORDER
from .facts import Decided, Fact, Order
from .lead import Lead

FORMAT = 2
FIRST_FORMAT = 1
RANKS_OF_FIRST = (0, 2, 4, 5, 9, 10)
"""Today's rank of each rank of format 1."""


class UnknownFormat(ValueError):
    """The state was written by another version: go back to that one, or remove the state and replay the topics."""


class EncodedHistory(msgspec.Struct, array_like=True, gc=False):
    """What is kept of one lead; see `lead_history.LeadHistory`."""

    lead: Lead  # first, so that it can be read alone
    base: Lead | None
    horizon: Order | None
    facts: list[Fact]
    late: int
    repeated: int


class _LeadOnly(msgspec.Struct, array_like=True, gc=False):
    lead: Lead


_FORMAT = bytes((FORMAT,))
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(EncodedHistory)
_LEAD_DECODER = msgspec.msgpack.Decoder(_LeadOnly)


def encode_history(history: EncodedHistory) -> bytes:
    """The bytes of the newest format."""
    return _FORMAT + _ENCODER.encode(history)


def decode_history(state: bytes) -> EncodedHistory:
    """Read what this version or the one before wrote.

    Raises:
        UnknownFormat: Another version wrote it.
    """
    encoded = _DECODER.decode(_payload(state))
    return encoded if state[0] == FORMAT else _upgraded(encoded)


def lead_of(state: bytes) -> Lead:
    """Read only the lead out of a state: a fraction of the price.

    Raises:
        UnknownFormat: Another version wrote it.
    """
    lead = _LEAD_DECODER.decode(_payload(state)).lead
    return lead if state[0] == FORMAT else _reopened(lead)


def _payload(state: bytes) -> bytes:
    if not state or state[0] not in (FORMAT, FIRST_FORMAT):
        raise UnknownFormat(f"the state of a lead has format {state[:1].hex() or 'none'}, not {FORMAT:02x}")
    return state[1:]  # cheaper than a view, as small as it is


def _upgraded(old: EncodedHistory) -> EncodedHistory:
    facts = sorted((fact for fact in old.facts if not _is_suppression(fact)), key=IN_ORDER)
    base = old.base and _reopened(old.base)
    return EncodedHistory(_reopened(old.lead), base, _horizon(old.horizon), facts, old.late, old.repeated)


def _reopened(lead: Lead) -> Lead:
    if lead.owner_id:  # since when, the version before did not know
        lead = replace(lead, assigned_at=lead.created_at)
    stall = lead.stall
    if stall is None or stall.decided != "suppress":
        return lead
    return replace(lead, stall=replace(stall, decided=None))


def _is_suppression(fact: Fact) -> bool:
    return type(fact) is Decided and fact.decided == "suppress"


def _horizon(order: Order | None) -> Order | None:
    return order and (order[0], RANKS_OF_FIRST[order[1]], order[2])
