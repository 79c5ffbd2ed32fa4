"""Chunked, crash-safe processing for Faust: one stream value per merged run of a partition."""

from .chunk import Chunk
from .engine import FAUST_SETTINGS, Decode, Engine
from .merge import Item, Merge
from .run import run
from .status import PartitionStatus, Status
from .store import MemoryStore, RocksStore, Store
from .timer_wheel import TimerWheel

__all__ = [
    "FAUST_SETTINGS",
    "Chunk",
    "Decode",
    "Engine",
    "Item",
    "MemoryStore",
    "Merge",
    "PartitionStatus",
    "RocksStore",
    "Status",
    "Store",
    "TimerWheel",
    "run",
]
