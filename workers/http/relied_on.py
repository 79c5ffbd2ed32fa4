"""Everything undocumented of uvicorn that the HTTP server relies on.

A contract test covers each line (tests/contract/test_uvicorn_relied_on.py), so an upgrade that breaks one
fails loudly. Add a line here before relying on more.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: the version whose code was read and measured; pyproject.toml pins it
VERSIONS: Final[Mapping[str, str]] = MappingProxyType({"uvicorn": "0.54.0"})

RELIED_ON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "the option http takes a protocol class": "BoundedProtocol is passed to it",
        "all protocols of a server share one set of connections": "the number of connections is bounded by it",
        "a protocol has its loop and its transport": "timers run on the one and close the other",
        "a cycle is complete once its response is": "a connection is idle, or busy, by it",
        "on_response_complete is called after each response": "idle time is measured from there",
        "every byte that arrives passes data_received": "the deadline for headers is set and cleared there",
        "pause_writing and resume_writing are the protocol's own": "they detect a client that does not read",
        "an unreadable request is answered by send_400_response, over h11": "it is replaced by a problem document",
        "headers are bounded by h11_max_incomplete_event_size": "a client cannot fill the memory with headers",
        "no pipelined request is begun before the previous response is complete": "one request per connection",
        "startup leaves the listening sockets in servers": "the address is announced from there",
        "handle_exit is called by SIGINT and SIGTERM": "/readyz turns to 503 there",
        "a captured signal is raised again when the server has ended": "handlers that ignore it are set before",
        "an address in use raises SystemExit": "it becomes a UserError",
        "a shutdown lets responses in progress finish": "no accepted request is cut off",
    }
)
