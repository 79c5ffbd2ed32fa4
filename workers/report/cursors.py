"""The end of a page as an opaque text: the list, and its last member that was read.

It names a place in an order and not a number of rows, so that what is written between two pages moves nothing.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from workers.http.problems import Problem


def cursor_of(list_name: str, member: bytes) -> str:
    return urlsafe_b64encode(list_name.encode() + b"\0" + member).decode().rstrip("=")


def member_of(cursor: str, list_name: str) -> bytes:
    """The member behind which this list goes on. Raises Problem 422 where the cursor is none of this list's."""
    try:
        found = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        found = b""
    head = list_name.encode() + b"\0"
    if not found.startswith(head):
        raise Problem("invalid", "cursor: give `next` of the former page as it was, with the same filters")
    return found[len(head) :]
