"""The consumer's thread, as far as it can be looked at without Kafka."""

from typing import Any, cast

from workers.delivery.runtime.flow import ConsumerCommands
from workers.delivery.runtime.membership import GroupMembership
from workers.delivery.runtime.source import KafkaSource


class NothingGiven:
    """A consumer to which Kafka gave no partition."""

    def committed(self, partitions: list[Any], **_: Any) -> list[Any]:
        return partitions

    def assign(self, partitions: list[Any]) -> None:
        assert partitions == []


async def test_a_worker_without_partitions_has_no_lag() -> None:
    source = KafkaSource(
        {"bootstrap.servers": "127.0.0.1:9"},
        "g",
        ["lead-recycled"],
        30,
        receiver=cast("Any", None),
        commands=ConsumerCommands(),
        membership=GroupMembership(30),
        failed=lambda _: None,
    )
    assert source.behind == {"lead-recycled": 0}
    source.behind = {"lead-recycled": 500}
    source._assigned(cast("Any", NothingGiven()), [])  # noqa: SLF001  as its client would
    assert source.behind == {"lead-recycled": 0}
