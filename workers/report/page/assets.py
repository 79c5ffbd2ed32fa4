"""The style sheet, the script and the icon: one address for each content, so that browsers may keep them for a year."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

from starlette.responses import Response

from workers.http.problems import Problem

FOLDER = "/static/"
_FOREVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """A file that pages refer to: its path, its media type, and its content."""

    path: str
    media_type: str
    content: bytes


def _asset(name: str, media_type: str) -> Asset:
    content = files(__package__).joinpath(name).read_bytes()
    stem, _, ending = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(f"{FOLDER}{stem}.{digest}.{ending}", media_type, content)


STYLE = _asset("page.css", "text/css; charset=utf-8")
SCRIPT = _asset("page.js", "text/javascript; charset=utf-8")
ICON = _asset("icon.svg", "image/svg+xml")
_BY_PATH: Mapping[str, Asset] = {one.path: one for one in (STYLE, SCRIPT, ICON)}


def asset_response(name: str) -> Response:
    """The file of this name.

    Raises:
        Problem: 404, its content is another one now, or it never existed.
    """
    found = _BY_PATH.get(FOLDER + name)
    if found is None:
        raise Problem("not-found", "there is no file of this name: reload the page")
    return Response(found.content, headers={"Cache-Control": _FOREVER}, media_type=found.media_type)
