"""endpoints.yml: the endpoints of recycle events, and their limits."""

from typing import Annotated

from pydantic import IPvAnyNetwork, StringConstraints

from schemas.errors import UserError
from streams.runtime.documents import load

from .connectors import AnyTarget
from .target import Endpoint, Model

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class Document(Model):
    """The file. `allow_networks`: private networks that may be dialled nevertheless."""

    allow_networks: tuple[IPvAnyNetwork, ...] = ()
    endpoints: dict[Name, AnyTarget]


def parse_endpoints(text: str, name: str, prefix: str = "") -> tuple[Document, tuple[Endpoint, ...]]:
    """Read a document, and the secrets that it refers to.

    Args:
        text: YAML.
        name: The name of the document in messages.
        prefix: Of Leadloop's own topics, which an endpoint must not write to.

    Raises:
        DocumentError: it is invalid; with every error, its line and the fix.
        UserError: it has no endpoint.
    """
    document = load(text, name, Document, prefix)
    if not document.endpoints:
        raise UserError(f"{name} has no endpoint: see docs/delivery.md")
    return document, tuple(Endpoint(name, target) for name, target in document.endpoints.items())
