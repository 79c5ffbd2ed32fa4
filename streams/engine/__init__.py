"""Chunked, crash-safe processing for Faust: one stream value per merged run of a partition."""

from .chunk import Chunk
from .clock import Clock
from .engine import FAUST_SETTINGS, Decode, Engine
from .merge import Item, Merge
from .run import run
from .status import PartitionStatus, Status
from .store import MemoryStore, RocksStore, Store

__all__ = [
    "FAUST_SETTINGS",
    "Chunk",
    "Clock",
    "Decode",
    "Engine",
    "Item",
    "MemoryStore",
    "Merge",
    "PartitionStatus",
    "RocksStore",
    "Status",
    "Store",
    "run",
]
