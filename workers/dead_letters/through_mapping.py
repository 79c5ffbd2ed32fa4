"""Converts dead letters of webhooks again, by the current mapping. The facts have the ids of a first delivery."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from schemas.codec import Codec, Unencodable
from schemas.dead_letters import WEBHOOKS
from schemas.errors import UserError
from workers.http.problems import Problem
from workers.http.strict_json import parse_json
from workers.imports.records import ImportedFact
from workers.ingest.dialects import DIALECTS
from workers.ingest.dialects.items import DeadItem, IgnoredItem
from workers.ingest.fact_records import record_of
from workers.ingest.items_to_facts import ItemConverter
from workers.ingest.kept_requests import context_of, trace_of
from workers.ingest.systems import System, load_systems
from workers.kafka import Outgoing

from .parsing import DeadLetter
from .resend import NotReplayable


def is_of_webhook(dead_letter: DeadLetter) -> bool:
    """Whether the dead letter is an item, or a body, that a webhook sent."""
    return dead_letter.from_topic.startswith(WEBHOOKS)


class MappingReplay:
    """Converts dead letters of the systems of a webhooks file.

    Args:
        webhooks_file: The file of ingest.
        codec: Encodes the facts.
        prefix: Of the topics.
        now_ms: The wall clock, epoch ms.

    Raises:
        UserError: there is no webhooks file, or it cannot be read.
        DocumentError: it, or one of its mappings, is invalid.
    """

    def __init__(self, webhooks_file: Path | None, codec: Codec, prefix: str, now_ms: Callable[[], int]) -> None:
        if webhooks_file is None:
            raise UserError("LEADLOOP_WEBHOOKS_FILE is not set: run this where ingest runs, with its environment")
        self._systems: Mapping[str, System] = load_systems(webhooks_file)
        self._converters = {name: ItemConverter(system, now_ms) for name, system in self._systems.items()}
        self._codec = codec
        self._prefix = prefix

    def records_of(self, dead_letter: DeadLetter) -> list[Outgoing] | NotReplayable:
        """The facts that the dead letter becomes; none, if the mapping or the configuration ignores it now."""
        if dead_letter.cut_bytes:
            return NotReplayable(f"{dead_letter.cut_bytes} bytes of it were cut: let its source send it again")
        system = self._systems.get(dead_letter.from_topic.removeprefix(WEBHOOKS))
        if system is None:
            return NotReplayable(f"the webhooks file has no system for {dead_letter.from_topic}")
        trace = trace_of(context_of(dead_letter, system.own_client))
        try:
            return [
                record_of(fact, self._codec, self._prefix, trace)
                for converted in self._converted(dead_letter, system)
                for fact in converted
            ]
        except _StillDead as still:
            return NotReplayable(str(still))
        except Problem as problem:
            return NotReplayable(f"still not_json: {problem.detail}")
        except Unencodable as error:
            return NotReplayable(f"still too_large: {error}")

    def _converted(self, dead_letter: DeadLetter, system: System) -> Iterator[tuple[ImportedFact, ...]]:
        context = context_of(dead_letter, system.own_client)
        for item in DIALECTS[system.dialect].items(parse_json(dead_letter.value), context):
            match converted := self._converters[system.name].convert(item, dead_letter.seen_at):
                case DeadItem(reason, error):
                    raise _StillDead(f"still {reason}: {error}")
                case IgnoredItem():
                    continue
                case tuple():
                    yield converted


class _StillDead(Exception):
    """An item cannot become a fact now either."""
