"""Shared by all processes: the metrics of the process itself, and the handling of broken pipes."""

import signal

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector


def process_registry() -> CollectorRegistry:
    """Return a new registry with the metrics of this process; each process creates one."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def outlive_broken_pipes() -> None:
    """Ignore SIGPIPE: writing to a closed connection raises an error. Commands keep the default, which ends them."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
