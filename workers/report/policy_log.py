"""Which policies streams followed from when on: the topic `policy-versions`, followed in a thread."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Message

from schemas.policy_versions import TOPIC, PolicyVersion, decoded
from workers.policies.versions import reading_of

from .topic_follower import TopicFollower


class PolicyLog(TopicFollower):
    """The policies of one application between `start` and `stop`."""

    def __init__(self, conf: Mapping[str, Any], prefix: str, app_id: str) -> None:
        super().__init__(conf, (prefix + TOPIC,), "policy-log")
        self._app_id = app_id
        self._by_offset: dict[int, PolicyVersion] = {}

    def versions(self) -> list[PolicyVersion]:
        """The newest first; what several workers recorded of one change is one."""
        found: list[PolicyVersion] = []
        for _, one in sorted(self._by_offset.copy().items()):
            if not found or found[-1].digest != one.digest:
                found.append(one)
        return found[::-1]

    def apply(self, message: Message) -> None:
        one = decoded(message.value())
        if one is not None and one.app_id == self._app_id:
            reading_of(one.text)  # here, and not while a reader waits
            self._by_offset[message.offset() or 0] = one
