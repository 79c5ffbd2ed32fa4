"""Crash points: the process ends, or stops, at the nth time a named step of the engine's protocol is reached."""

from __future__ import annotations

import os
import signal
from typing import Any

from aiokafka.producer.sender import InitPIDHandler, SendProduceReqHandler

from streams.engine import chunk, faust_driver, offsets, owned_partitions, partition, sink, store

EXIT = 77
POINTS = (
    "after_outputs:5",
    "before_store:5",
    "after_store:5",
    "after_ack:5",
    "before_commit:2",
    "after_commit:2",
    "in_recovery:2",
    "before_drain:1",
    "after_drain:2",  # the first is that of joining, with nothing to drain
)
STOPPED = "before_send:1"
"""The process stops by SIGSTOP when the changelog batch of a chunk is about to be written to the socket."""
STOPPED_BEFORE_CLAIM = ("before_epoch:1", "after_epoch:1", "before_claim:1")
"""It stops after its assignment: before it asks for an epoch, before it confirms its ownership, or after that."""


class _Fuse:
    def __init__(self, spec: str) -> None:
        self._point, count = spec.split(":")
        self._left = int(count)
        self.is_recovering = 0

    def reached(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            is_stop = f"{point}:1" in (STOPPED, *STOPPED_BEFORE_CLAIM)
            if self._left == 0 and is_stop:
                os.kill(os.getpid(), signal.SIGSTOP)
            elif self._left <= 0 and not is_stop:
                os._exit(EXIT)


def install(spec: str) -> None:
    """Arm one point, by wrapping the engine's methods; `spec` is point:nth, or empty."""
    if spec:
        fuse = _Fuse(spec)
        _wrap(chunk.Chunk, "send_outputs", fuse, after="after_outputs")
        _wrap(offsets.Offsets, "commit", fuse, before="before_commit", after="after_commit")
        _wrap(partition.Partition, "stop", fuse, before="before_drain")
        _wrap(owned_partitions.OwnedPartitions, "drain", fuse, after="after_drain")
        _wrap_recovery(fuse)
        for kind in (store.MemoryStore, store.RocksStore):
            _wrap_apply(kind, fuse)
        _wrap_ack(fuse)
        _wrap_send(fuse)
        _wrap(faust_driver, "new_identity", fuse, after="after_epoch")
        _wrap_epoch(fuse)
        _wrap(sink.Sink, "_write_claim", fuse, before="before_claim")


def _wrap(owner: Any, name: str, fuse: _Fuse, before: str = "", after: str = "") -> None:
    original = getattr(owner, name)

    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        fuse.reached(before)
        result = await original(*args, **kwargs)
        fuse.reached(after)
        return result

    setattr(owner, name, wrapped)


def _wrap_recovery(fuse: _Fuse) -> None:
    owner: Any = partition
    original = owner.replay

    async def replay(*args: Any) -> Any:
        fuse.is_recovering += 1
        try:
            return await original(*args)
        finally:
            fuse.is_recovering -= 1

    owner.replay = replay


def _wrap_apply(kind: Any, fuse: _Fuse) -> None:
    original = kind.apply

    def apply(*args: Any) -> None:
        during = bool(fuse.is_recovering)
        fuse.reached("" if during else "before_store")
        original(*args)
        fuse.reached("in_recovery" if during else "after_store")

    kind.apply = apply


def _wrap_ack(fuse: _Fuse) -> None:
    original = offsets.Offsets.ack

    def ack(self: offsets.Offsets, tp: Any, position: int) -> None:
        is_first = self.position(tp) is None
        original(self, tp, position)
        fuse.reached("" if is_first else "after_ack")

    offsets.Offsets.ack = ack  # type: ignore[method-assign]  # that is the point of it


def _wrap_send(fuse: _Fuse) -> None:
    original = SendProduceReqHandler.do

    async def do(self: Any, node_id: int) -> None:
        if any(tp.topic.endswith("-changelog") and batch.record_count > 1 for tp, batch in self._batches.items()):
            fuse.reached("before_send")  # a claim is one record
        await original(self, node_id)

    SendProduceReqHandler.do = do


def _wrap_epoch(fuse: _Fuse) -> None:
    original = InitPIDHandler.do

    async def do(self: Any, node_id: int) -> Any:
        if self._sender._txn_manager.transactional_id is not None:  # noqa: SLF001  that of an owner
            fuse.reached("before_epoch")
        return await original(self, node_id)

    InitPIDHandler.do = do
