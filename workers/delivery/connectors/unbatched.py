"""Connectors that take one parcel a call."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ..attempts import DeliveryRequest, Outcome


class UnbatchedConnector(ABC):
    """What such connectors have in common."""

    batch_size = 1

    async def deliver(self, parcels: Sequence[DeliveryRequest]) -> Sequence[Outcome]:
        return [await self._deliver(parcel) for parcel in parcels]

    async def close(self) -> None:  # noqa: B027  nothing to do is what most of them do
        """Nothing is held: the client is not the connector's."""

    @abstractmethod
    async def _deliver(self, parcel: DeliveryRequest) -> Outcome: ...
