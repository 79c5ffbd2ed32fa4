"""endpoints.yml: the endpoints of recycle events, and their limits."""

from typing import Annotated

from pydantic import IPvAnyNetwork, StringConstraints

from schemas.errors import UserError
from streams.runtime.documents import load

from .connectors import AnyTarget
from .target import Endpoint, Model

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class Document(Model):
    """The file. `allow_networks`: private networks that may be dialled none the less."""

    allow_networks: tuple[IPvAnyNetwork, ...] = ()
    endpoints: dict[Name, AnyTarget]


def parse_endpoints(text: str, name: str, prefix: str = "") -> tuple[Document, tuple[Endpoint, ...]]:
    """Read a document; secrets are read with it. `prefix` is that of our own topics, which no endpoint may be.

    Raises:
        DocumentError: with every fault, its line and what to write instead.
    """
    document = load(text, name, Document, prefix)
    if not document.endpoints:
        raise UserError(f"{name} names no endpoint: see docs/delivery.md")
    return document, tuple(Endpoint(name, target) for name, target in document.endpoints.items())
