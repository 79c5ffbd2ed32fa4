"""What is in a file: the bytes of a record (raw, hex, base64), or a record as JSON."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Literal, get_args

from schemas.errors import UserError
from schemas.json_value import JsonValue
from workers.http.problems import Problem
from workers.http.strict_json import parse_json

ContentForm = Literal["auto", "json", "bytes", "hex", "base64"]
CONTENT_FORMS: tuple[ContentForm, ...] = get_args(ContentForm)
_HEX = re.compile(rb"(0x)?([0-9a-fA-F]{2}\s*)+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")


@dataclass(frozen=True)
class RecordBytes:
    """The value of a Kafka record. `form`: how it was written in the file."""

    value: bytes
    form: str


@dataclass(frozen=True)
class RecordJson:
    """A record, or an event for ingest, as JSON."""

    value: JsonValue


def candidate_of(content: bytes, form: ContentForm) -> RecordBytes | RecordJson:
    """Read what a file contains.

    Args:
        content: Of the file.
        form: How it is written; `auto` recognises it.

    Raises:
        UserError: The content is not written in this form.
    """
    chosen = _form_of(content) if form == "auto" else form
    match chosen:
        case "json":
            return RecordJson(_json(content))
        case "hex":
            return RecordBytes(_hex(content), "hex")
        case "base64":
            return RecordBytes(_base64(content), "base64")
        case _:
            return RecordBytes(content, "bytes")


def _form_of(content: bytes) -> ContentForm:
    text = content.strip()
    if text[:1] in (b"{", b"["):
        return "json"
    if _HEX.fullmatch(text):
        return "hex"
    # The wire format begins with zero bytes: its base64 with AAAA. Anything else could be any bytes.
    return "base64" if text.startswith(b"AAAA") and _BASE64.fullmatch(b"".join(text.split())) else "bytes"


def _json(content: bytes) -> JsonValue:
    try:
        return parse_json(content)
    except Problem as problem:
        raise UserError(f"this is not JSON: {problem.detail}") from problem


def _hex(content: bytes) -> bytes:
    text = b"".join(content.split()).removeprefix(b"0x").decode("ascii", errors="replace")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise UserError(f"this is not hexadecimal: {error}") from error


def _base64(content: bytes) -> bytes:
    text = b"".join(content.split()).translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise UserError(f"this is not base64: {error}") from error
