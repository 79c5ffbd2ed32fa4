"""Connectors that make one request per call."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ..attempts import DeliveryRequest, Outcome


class UnbatchedConnector(ABC):
    """Base of connectors that send one request at a time."""

    batch_size = 1

    async def deliver(self, requests: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        return [await self._deliver(request) for request in requests]

    async def close(self) -> None:  # noqa: B027  nothing to do is what most of them do
        """Holds no resources: the client belongs to the caller."""

    @abstractmethod
    async def _deliver(self, request: DeliveryRequest) -> Outcome: ...
