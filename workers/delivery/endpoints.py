"""endpoints.yml: the endpoints of recycle events and escalations, and their limits."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import IPvAnyNetwork, StringConstraints

from schemas.errors import UserError
from streams.runtime.documents import DocumentError, Violation, YamlDocument

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
    source = YamlDocument(text, name)
    document = source.read(Document, prefix)
    if not document.endpoints:
        raise UserError(f"{name} has no endpoint: see docs/delivery.md")
    if faults := list(_unsendable(source, document)):
        raise DocumentError(name, faults)
    return document, tuple(Endpoint(name, target) for name, target in document.endpoints.items())


def _unsendable(source: YamlDocument, document: Document) -> Iterator[Violation]:
    """Actions that an endpoint should get, and that its section cannot send."""
    for name, target in document.endpoints.items():
        for number, action in enumerate(target.only.actions):
            if why := target.unsendable(action):
                yield source.fault(("endpoints", name, "only", "actions", number), *why)
