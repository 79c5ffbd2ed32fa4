"""How endpoints stand and what operators did last: two topics, followed in a thread."""

import threading
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Message

from schemas.codec import Codec, Undecodable
from schemas.events import EndpointState
from workers.delivery import operator_actions
from workers.delivery.operator_actions import OperatorAction
from workers.delivery.runtime.endpoint_states import TOPIC as STATES
from workers.delivery.runtime.endpoint_states import EndpointStates

from .topic_follower import TopicFollower

KEPT = 50


class OperatorLog(TopicFollower):
    """Follows both topics between `start` and `stop`."""

    def __init__(self, conf: Mapping[str, Any], codec: Codec, prefix: str) -> None:
        super().__init__(conf, (prefix + STATES, prefix + operator_actions.TOPIC), "operator-log")
        self._codec = codec
        self._states = EndpointStates()
        self._actions: dict[str, OperatorAction] = {}
        self._lock = threading.Lock()
        self._grown = threading.Condition(self._lock)

    def state(self, endpoint: str) -> EndpointState | None:
        """The newest word about an endpoint; None: nothing was said, so it is active."""
        with self._lock:
            return self._states.latest(endpoint)

    def endpoints(self) -> set[str]:
        """All of which something was said."""
        with self._lock:
            return self._states.names()

    def actions(self) -> list[OperatorAction]:
        """The newest actions, the newest first; of each, how it ended."""
        with self._lock:
            return sorted(self._actions.values(), key=lambda one: -one.at)

    def wait_until_shown(self, begun: OperatorAction, seconds: float) -> bool:
        """Wait until the log has this action, and of a pause or resume also its end and the state that it made.

        Blocks for at most so many seconds; returns whether the log has it.
        """
        with self._grown:
            return self._grown.wait_for(lambda: self._has(begun), seconds)

    def _has(self, begun: OperatorAction) -> bool:
        known, state = self._actions.get(begun.action_id), self._states.latest(begun.endpoint)
        if known is None or begun.action == "replay":
            return known is not None
        return known.outcome != "requested" and state is not None and state.occurred_at >= begun.at

    def apply(self, message: Message) -> None:
        with self._grown:
            self._grown.notify_all()
            if message.topic() == self.topics[0]:
                self._apply_state(message.value())
            elif (action := operator_actions.decoded(message.value())) is not None:
                self._actions[action.action_id] = action
                while len(self._actions) > KEPT:
                    del self._actions[next(iter(self._actions))]

    def _apply_state(self, value: bytes | None) -> None:
        try:
            self._states.apply(self._codec.decode(value, EndpointState))
        except Undecodable:
            return
