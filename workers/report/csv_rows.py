"""Lists as CSV, page after page, for spreadsheets: what one would execute as a formula is only text."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import StreamingResponse

from .api_models import ApiModel, rfc3339

MEDIA_TYPE = "text/csv"
PAGE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
NextPage = Callable[[str | None], Awaitable[tuple[Sequence[ApiModel], str | None]]]
"""Reads the page at a cursor: its rows, and the cursor of the next page."""


def wants_csv(request: Request) -> bool:
    """Whether the path ends with `.csv`, or the client accepts CSV by name."""
    ranges = request.headers.get("accept", "").lower().split(",")
    return request.url.path.endswith(".csv") or any(one.split(";")[0].strip() == MEDIA_TYPE for one in ranges)


async def csv_response(name: str, of: type[ApiModel], read: NextPage, fields: Sequence[str] = ()) -> StreamingResponse:
    """A file with a row for each model, all pages in turn; with these fields, or with all of them.

    Raises:
        Whatever reading the first page raises; a later error breaks the connection off.
    """
    rows, cursor = await read(None)
    columns = fields or [field for field in of.model_fields if field != "deliveries"]

    async def lines() -> AsyncIterator[str]:
        yield _lines([columns])
        yield _lines([_cells(row, columns) for row in rows])
        following = cursor
        while following is not None:
            more, following = await read(following)
            yield _lines([_cells(row, columns) for row in more])

    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(lines(), headers=headers, media_type=f"{MEDIA_TYPE}; charset=utf-8")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cells(row: ApiModel, columns: Sequence[str]) -> list[str]:
    return [_cell(getattr(row, name)) for name in columns]


def _cell(value: object) -> str:  # noqa: PLR0911  one return for each type
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return rfc3339(value)
        case list():
            return harmless(" ".join(map(str, value)))
        case dict():
            return "; ".join(f"{name or 'no currency'} {amount}" for name, amount in value.items())
        case ApiModel():
            return _cell({name: one for name, one in value if one is not None})
        case str():
            return harmless(value)
        case _:
            return str(value)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerows(rows)
    return sink.getvalue()
