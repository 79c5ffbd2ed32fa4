"""Reads what a form sends."""

from urllib.parse import parse_qs

from starlette.requests import Request

from workers.http.body import read_body
from workers.http.problems import Problem

MOST_BYTES = 8_192
_FORM = "application/x-www-form-urlencoded"


async def fields_of(request: Request) -> dict[str, str]:
    """The first value of each field. Raises Problem: it is too large, or no form."""
    body = await read_body(request, max_bytes=MOST_BYTES)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Problem("unsupported-media-type", f"send a form as {_FORM}")
    try:
        fields = parse_qs(body.decode(), max_num_fields=10, keep_blank_values=True)
    except ValueError:
        raise Problem("malformed", "the form cannot be read") from None
    return {name: values[0] for name, values in fields.items()}
