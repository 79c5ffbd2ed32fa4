"""What every process that serves or calls has: the series of its own being, and no end by a peer that goes away."""

import signal

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector


def process_registry() -> CollectorRegistry:
    """One a process, made where it is wired."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def outlive_broken_pipes() -> None:
    """A peer that goes away while it is written to is an error of that call. The command line lets it end a process."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
