"""Garbage collector: its thresholds for chunks, which are many objects that live long and have no cycles."""

import gc


def collect_rarely() -> None:
    """Set the garbage collector of this process for chunks.

    They make hundreds of thousands of objects that live until they are done, and no cycles: at the default, full
    collections took a tenth of the CPU.
    """
    gc.freeze()
    gc.set_threshold(500_000, 50, 100)
