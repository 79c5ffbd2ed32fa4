"""Everything undocumented of faust, mode and aiokafka that the engine relies on.

A contract test checks each line (tests/contract: test_faust_relied_on.py, test_clients_relied_on.py), so an upgrade
that breaks one fails. Whoever relies on something more adds it here first.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: the versions whose code was read and measured; pyproject.toml pins them
VERSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "faust-streaming": "0.15.3",
        "mode-streaming": "0.7.1",
        "aiokafka": "0.14.0",
        "rocksdict": "0.3.29",
    }
)

RELIED_ON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "faust: app.transport can be set": "else the app would make one from its broker URL",
        "faust: a transport names its Consumer, Producer and Fetcher": "that is how the engine gets in",
        "faust: the base producer connects to nothing": "the sink does all the sending",
        "faust: the base producer's flush is free": "the app calls it at each revocation",
        "faust: no other method of the consumer is abstract": "the engine stubs what it does not serve",
        "faust: a consumer has callback, can_resume_flow and flow_active": "chunks go in, and wait, by them",
        "faust: the app has on_rebalance_start, consumer_generation_id and assignor": "a driver must use them",
        "faust: a revocation stops the flow and drains before it ends": "wait_empty() then commits",
        "faust: the app does not drain a revocation when it is stopping": "so the engine always does",
        "faust: queues are cleared before the flow resumes": "a chunk that waits for the flow is not lost",
        "faust: without tables the flow resumes at once": "recovery is the engine's own",
        "faust: a stream skips a message of another generation": "a chunk of a lost assignment is not begun",
        "faust: a topic takes a schema whose decoder may return any event": "the value is the chunk itself",
        "faust: acks=False keeps Faust from acking": "it would ack a chunk whose agent raised",
        "faust: tables do no more than wait when they start": "the engine has none, and leaves the waiting out",
        "faust: a worker leaves logging alone when told to": "the process sets up its own",
        "mode: a worker that is told to stop exits 0": "SIGTERM is no failure",
        "mode: SIGTERM is handled by the event loop": "the early handler is replaced",
        "mode: SIGUSR1 calls a method of the worker": "it switches the log level, as in every process",
        "aiokafka: the last poll is told in epoch ms, when a fetch was answered": "stream time follows it",
        "aiokafka: one fetch per broker is in flight": "the answer before the last one is a safe time",
        "aiokafka: getmany raises what the coordinator met": "else a dead group membership would be waited for",
        "aiokafka: a rebalance listener's exception is only logged": "so the engine ends the process itself",
        "aiokafka: a commit of a former member fails with CommitFailedError": "it is the proof of the lease",
        "aiokafka: a group coordinator has the id of its member": "another one with its name has another id",
        "aiokafka: a batch says that it is full with None": "then the next one is begun",
        "aiokafka: a batch takes its first record, however large": "the broker then says what it thinks of it",
        "aiokafka: headers of a batch are a list": "a tuple raises",
        "aiokafka: a batch that was sent gives the offset of its first record": "it betrays a second writer",
        "aiokafka: a batch gets producer id, epoch and sequence from one call, before its first send": "signed there",
        "aiokafka: batches of a partition are sent one at a time, in order": "so sequences can be counted",
        "aiokafka: a started transactional producer holds its id and epoch": "they are the identity of an owner",
        "aiokafka: a batch of an outdated epoch fails with ProducerFenced": "it ends a former owner",
        "aiokafka: the default partitioner is Java's": "all clients must agree where a lead lives",
        "aiokafka: the fetcher looks for PartitionRecords in its own module": "the engine puts a cheaper one there",
        "rocksdict: raw mode keeps bytes and their order": "the format of the local store",
    }
)
