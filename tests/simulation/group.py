"""The coordinator of a consumer group: membership, generations, committed offsets.

JoinGroup and SyncGroup are one request here, so a generation begins for all members at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from aiokafka.errors import IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError

if TYPE_CHECKING:
    import asyncio
    from collections import Counter
    from collections.abc import Mapping
    from random import Random

    from aiokafka.structs import TopicPartition

    from .broker import Broker
    from .loop import SimulatedLoop

INITIAL_DELAY = 0.5  # seconds that an empty group waits for more members


class Joined(NamedTuple):
    """What a member is given."""

    member: str
    generation: int
    numbers: tuple[int, ...]


@dataclass(eq=False)
class _Member:
    host: str
    instance: str
    expires_at: float
    waiting: asyncio.Future[Joined | UnknownMemberIdError] | None = None
    is_watched: bool = False


class Group:
    """One consumer group that distributes partition numbers, eagerly: all are revoked before any is given away."""

    def __init__(
        self,
        loop: SimulatedLoop,
        broker: Broker,
        random: Random,
        happened: Counter[str],
        session: float,
        rebalance: float,
    ) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self.generation = 0
        self.is_sticky = random.random() < 0.5
        self._loop = loop
        self._broker = broker
        self._random = random
        self._happened = happened
        self._session = session
        self._rebalance = rebalance
        self._members: dict[str, _Member] = {}
        self._ids = 0
        self._is_preparing = False
        self._round = 0
        self._owners: dict[int, str] = {}

    @property
    def members(self) -> list[str]:
        return list(self._members)

    def join(self, member: str, host: str, instance: str = "") -> asyncio.Future[Joined | UnknownMemberIdError]:
        """Answer JoinGroup: the response comes when the next generation begins, or at once to a static member."""
        answer: asyncio.Future[Joined | UnknownMemberIdError] = self._loop.create_future()
        if member and member not in self._members:
            raise UnknownMemberIdError(member)
        if not member:
            self._ids += 1
            member = f"{host}-{self._ids}"
            former = next((name for name, one in self._members.items() if instance and one.instance == instance), "")
            self._members[member] = _Member(host, instance, self._loop.now + self._session)
            if former and self._replace(former, member, answer):
                return answer
        one = self._members[member]
        if one.waiting is not None and not one.waiting.done():
            one.waiting.set_result(UnknownMemberIdError(member))  # to a connection that nobody reads any more
        one.waiting = answer
        self._prepare()
        self._complete_if_all_joined()
        return answer

    def _replace(self, former: str, member: str, answer: asyncio.Future[Joined | UnknownMemberIdError]) -> bool:
        """Give a static member what another one of its name has; True if it need not wait for a generation."""
        self._happened["static member replaced"] += 1
        waiting = self._members.pop(former).waiting
        if waiting is not None and not waiting.done():
            waiting.set_result(UnknownMemberIdError(former))
        numbers = tuple(number for number, owner in self._owners.items() if owner == former)
        if self._is_preparing or not numbers:
            return False
        for number in numbers:
            self._owners[number] = member
            self._broker.give(number, self._members[member].host)
        self._broker.note("replaced", former, member)
        self._watch(member, self._members[member])
        answer.set_result(Joined(member, self.generation, numbers))
        return True

    def heartbeat(self, member: str, generation: int) -> None:
        """Answer Heartbeat."""
        self._touch(member, generation)
        if self._is_preparing:
            raise RebalanceInProgressError(member)

    def leave(self, member: str) -> None:
        """Answer LeaveGroup."""
        if member in self._members:
            self._remove(member)

    def commit(self, member: str, generation: int, offsets: Mapping[TopicPartition, int]) -> None:
        """Answer OffsetCommit. Without a member's generation it is taken while the group is empty, as Kafka does."""
        if generation >= 0 or self._members:
            self._touch(member, generation)
        else:
            self._happened["commit of no member accepted"] += 1
        self.committed.update(offsets)
        self._broker.note("commit", member, generation, sorted(offsets.items()))

    def _touch(self, member: str, generation: int) -> None:
        one = self._members.get(member)
        if one is None:
            raise UnknownMemberIdError(member)
        if generation != self.generation:
            raise IllegalGenerationError(member)
        one.expires_at = self._loop.now + self._session

    def _prepare(self) -> None:
        if self._is_preparing:
            return
        self._is_preparing = True
        self._round += 1
        delay = self._rebalance if self._owners else INITIAL_DELAY
        self._loop.call_later(delay, self._complete, self._round)

    def _complete_if_all_joined(self) -> None:
        if self._owners and self._is_preparing and all(one.waiting for one in self._members.values()):
            self._complete(self._round)

    def _complete(self, number: int) -> None:
        if number != self._round or not self._is_preparing:
            return
        self._is_preparing = False
        for member, one in list(self._members.items()):
            if one.waiting is None:
                self._happened["member removed by the rebalance timeout"] += 1
                del self._members[member]
        self.generation += 1
        self._happened["generation begun"] += 1
        given = self._distribute()
        self._broker.note("generation", self.generation, given)
        for member, one in self._members.items():
            assert one.waiting is not None
            one.expires_at = self._loop.now + self._session
            one.waiting.set_result(Joined(member, self.generation, tuple(given[member])))
            one.waiting = None
            self._watch(member, one)

    def _distribute(self) -> dict[str, list[int]]:
        members = list(self._members)
        given: dict[str, list[int]] = {member: [] for member in members}
        numbers = list(range(self._broker.partitions))
        self._random.shuffle(numbers)
        limit = -(-len(numbers) // max(1, len(members)))
        owners: dict[int, str] = {}
        for number in numbers:
            before = self._owners.get(number)
            is_kept = self.is_sticky and before in given and len(given[before]) < limit
            if members:
                owners[number] = before if is_kept and before else min(members, key=lambda one: len(given[one]))
                given[owners[number]].append(number)
        self._owners = owners
        self._broker.owners.clear()
        for number, member in owners.items():
            self._broker.give(number, self._members[member].host)
        return given

    def _watch(self, member: str, one: _Member) -> None:
        if not one.is_watched:
            one.is_watched = True
            self._loop.call_at(one.expires_at, self._expire, member)

    def _expire(self, member: str) -> None:
        one = self._members.get(member)
        if one is None:
            return
        one.is_watched = False
        if one.waiting is not None:
            return  # it cannot send heartbeats; the next generation begins its session again
        if self._loop.now + 1e-9 >= one.expires_at:
            self._happened["session expired"] += 1
            self._remove(member)
        else:
            self._watch(member, one)

    def _remove(self, member: str) -> None:
        del self._members[member]
        if self._members:
            self._prepare()
            self._complete_if_all_joined()
        else:
            self._is_preparing = False
            self._owners = {}
