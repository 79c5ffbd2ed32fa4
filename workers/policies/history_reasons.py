"""Counts the reasons of a history in files: those of stalls and lost deals, as streams reads them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.catalogue import Catalogue
from schemas.codec import Codec
from schemas.errors import UserError
from schemas.events import DealClosed, LeadStalled
from streams.domain.errors import Poison
from streams.domain.fact_of_record import fact_of
from streams.domain.facts import Closed, Stalled
from workers.console import text_of
from workers.imports.mapping import parse_mapping
from workers.imports.opened_sources import OpenedSources
from workers.imports.records import RANKS
from workers.imports.request import ImportRequest
from workers.imports.run import wall_ms
from workers.imports.sorting import Sorter

_WITH_REASONS: dict[int, type[LeadStalled | DealClosed]] = {
    RANKS["lead-stalled"]: LeadStalled,
    RANKS["deal-closed"]: DealClosed,
}


def history_reasons(files: Sequence[Path], mappings: Sequence[Path]) -> Counter[str]:
    """Count the reasons, by name. Rows that an import rejects are left out.

    Raises:
        UserError: A file cannot be read, or no mapping reads it.
    """
    if bool(files) != bool(mappings):
        raise UserError("--history needs --mapping, which defines which columns are reasons (docs/mapping.md)")
    request = ImportRequest(files=files, mappings=[parse_mapping(text_of(path), path.name) for path in mappings])
    opened, codec = OpenedSources(request, wall_ms()), Codec(Catalogue.bundled())
    with Sorter(request.scratch) as sorter:
        opened.read(sorter, codec.encode, opened.reporter(lambda _: None))
        reasons = Counter[str]()
        for _, rank, _, _, _, value in sorter.merged():
            if rank in _WITH_REASONS:
                reasons.update(_reasons_of(codec.decode(value, _WITH_REASONS[rank])))
    return reasons


def _reasons_of(record: LeadStalled | DealClosed) -> Iterator[str]:
    try:
        fact = fact_of(record)
    except Poison:
        return  # a dead letter
    if isinstance(fact, Stalled) or (isinstance(fact, Closed) and not fact.is_won):
        yield fact.reason
