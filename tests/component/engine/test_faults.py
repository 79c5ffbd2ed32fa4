"""Bad records, bugs, and brokers that go away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kafka import Broker
from tests.kafka_records import read_all
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.component.engine.conftest import MakeJob
    from tests.kafka import RealKafka


def test_an_undecodable_record_does_not_block_its_partition(kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(kafka)
    job.feed(300)
    job.raw(b"lead-1", b"{not json")
    job.raw(b"lead-2", b"")
    job.feed(300)
    worker = job.worker()
    job.wait_done(worker)
    assert worker.is_alive()
    job.assert_exact()
    assert job.outputs()[b"dead"] == 2


def test_an_exception_ends_the_process_before_the_ack_and_names_the_record(kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(kafka, 1)
    job.feed(300)
    worker = job.worker()
    job.wait_done(worker)
    job.raw(b"lead-3", b'{"at": 1, "id": "BOOM"}')
    assert worker.ended() == 70
    again = job.worker()
    assert again.ended() == 70
    assert job.lag() == 1
    offset = read_all(job.broker.bootstrap, job.inputs[0])[-1].offset
    complaints = [line for line in again.log.read_text().splitlines() if " CRITICAL " in line]
    assert len(complaints) == 2, "one for each process"
    assert f"{job.inputs[0]}[0]@{offset}: ValueError" in complaints[0]


def test_an_input_topic_with_another_partition_count_is_refused(kafka: Broker, make_job: MakeJob) -> None:
    job = make_job(kafka, 2)
    worker = job.worker(partitions=3)
    assert worker.ended() == 70
    assert "has 2 partitions, it must have 3" in worker.log.read_text()


def test_no_record_is_lost_when_the_broker_is_killed_and_restarted(own_kafka: RealKafka, make_job: MakeJob) -> None:
    job = make_job(Broker(own_kafka.bootstrap, "real"), rocks=True, slow=0.4, max_records=20)
    workers = {name: job.worker(name) for name in "ab"}
    job.feed(1500)
    wait_for(lambda: job.lag() < 1400, 30)  # in the middle of the work
    own_kafka.kill()
    wait_for(lambda: all("Unable" in one.log.read_text() or not one.is_alive() for one in workers.values()), 40)
    own_kafka.start()
    job.feed(500)
    job.wait_done_tended(workers, within=90)  # whose lease ran out in the outage ends, and is started again
    job.assert_exact()
    lines = sum(len(worker.log.read_text().splitlines()) for worker in workers.values())
    assert lines < 2000, "an outage floods the log"
