"""The cursor of a page: an opaque text with the name of the list and the last member that was read.

It names a position in the order and not a number of rows, so that writes between two pages move nothing.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from workers.http.problems import Problem


def cursor_of(list_name: str, member: bytes) -> str:
    return urlsafe_b64encode(list_name.encode() + b"\0" + member).decode().rstrip("=")


def member_of(cursor: str, list_name: str) -> bytes:
    """The member after which this list continues.

    Raises:
        Problem: 422; the cursor is not one of this list.
    """
    try:
        found = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        found = b""
    head = list_name.encode() + b"\0"
    if not found.startswith(head):
        raise Problem("invalid", "cursor: give `next` of the former page as it was, with the same filters")
    return found[len(head) :]
