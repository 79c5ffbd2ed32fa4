"""What a worker says about endpoints to everybody: that one is disabled, and the events of `endpoint-events`."""

from dataclasses import dataclass

from schemas.events import EndpointState
from workers.kafka import Sender

from ..core.model import Availability
from ..endpoint_events import EndpointEvent
from .endpoint_states import EndpointStates
from .metrics import DeliveryMetrics
from .records import RecordFactory


@dataclass(frozen=True, eq=False)
class OperatorNotices:
    """Each method returns when the broker has acknowledged; Undelivered if it does not: the process has to end."""

    states: EndpointStates
    sender: Sender
    factory: RecordFactory
    metrics: DeliveryMetrics

    async def disable(self, endpoint: str, why: str, called_at: int) -> None:
        """Disable an endpoint for all workers, unless an operator has spoken after `called_at` (epoch ms)."""
        if self.states.availability(endpoint) is Availability.DISABLED:
            return
        state = EndpointState(endpoint=endpoint, state="disabled", occurred_at=called_at, by="deliver", why=why[:200])
        if not self.states.apply(state):
            return
        await self.sender.send_all([self.factory.state(state)])
        event_id = f"{endpoint}-disabled-{called_at}"
        await self.publish(
            EndpointEvent(event_id=event_id, event="disabled", endpoint=endpoint, at=called_at, cause=state.why)
        )

    async def publish(self, event: EndpointEvent) -> None:
        """Publish an event."""
        await self.sender.send_all([self.factory.endpoint_event(event)])
        self.metrics.endpoint_events.labels(event.endpoint, event.label).inc()

    def resumed_at(self, endpoint: str) -> int:
        """When an operator resumed it, epoch ms; 0: never, or something else was said since."""
        said = self.states.latest(endpoint)
        return said.occurred_at if said is not None and said.state == "active" else 0
