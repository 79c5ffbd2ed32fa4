"""Chunked, crash-safe processing of merged Kafka topics: one stream value per merged run of a partition.

`Job` describes what to do, a driver (`faust_driver`) runs it.
"""

from .chunk import Chunk
from .driver import Driver
from .fetched_records import FetchedRecord
from .job import Job, RecoveredPartition
from .merge import Item, Merge
from .status import NOT_STARTED, PartitionStatus, Status
from .store import MemoryStore, RocksStore, Store
from .timer_wheel import TimerWheel

__all__ = [
    "NOT_STARTED",
    "Chunk",
    "Driver",
    "FetchedRecord",
    "Item",
    "Job",
    "MemoryStore",
    "Merge",
    "PartitionStatus",
    "RecoveredPartition",
    "RocksStore",
    "Status",
    "Store",
    "TimerWheel",
]
