"""What a webhook's dead letter keeps of its request beside the item: enough to convert it again, and no secret."""

from schemas.dead_letters import ITEM, ITEM_TYPE, fit_to_keep
from schemas.headers import Headers, traceparent_of
from workers import signing
from workers.dead_letters.parsing import DeadLetter

from .dialects.items import RequestContext

_TRACE = "traceparent"


def kept_headers(context: RequestContext, number: int) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a dead letter for the item of this number. An id that is too long to keep is left out."""
    named = {signing.ID: signing.header(context.headers, signing.ID), _TRACE: context.headers.get(_TRACE, "")}
    kept: Headers = [(name, value.encode()) for name, value in named.items() if value]
    ours = [(ITEM, b"%d" % number), (ITEM_TYPE, context.item_type.encode())]
    return (*(kept if fit_to_keep([*kept, *ours]) else ()), *ours)


def context_of(dead_letter: DeadLetter, own_client: str) -> RequestContext:
    """Return the context in which the item of this dead letter was received."""
    headers = {name: value.decode(errors="replace") for name, value in dead_letter.kept}
    return RequestContext(headers, own_client, dead_letter.item_type, dead_letter.item)


def trace_of(context: RequestContext) -> bytes | None:
    """Return the W3C trace that the request belongs to, if it names one."""
    return traceparent_of([(_TRACE, context.headers.get(_TRACE, "").encode())])
