"""The consumer's thread, as far as it can be looked at without Kafka."""

from typing import Any, cast

from workers.delivery.runtime.source import KafkaSource


class NothingGiven:
    """A consumer to which Kafka gave no partition."""

    def committed(self, partitions: list[Any], **_: Any) -> list[Any]:
        return partitions

    def assign(self, partitions: list[Any]) -> None:
        assert partitions == []


async def test_a_worker_without_partitions_is_behind_with_nothing() -> None:
    intake = KafkaSource({"bootstrap.servers": "127.0.0.1:9"}, "g", ["lead-recycled"], 30, cast("Any", None))
    assert intake.behind == {"lead-recycled": 0}
    intake.behind = {"lead-recycled": 500}
    intake._assigned(cast("Any", NothingGiven()), [])  # noqa: SLF001  as its client would
    assert intake.behind == {"lead-recycled": 0}
