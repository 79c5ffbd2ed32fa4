"""A collector of traces as operators run one: Rotel, a collector in Rust, which prints what it receives."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.kafka import free_ports
from tests.waiting import TIMEOUT, wait_for

_SPAN = re.compile(r"^Span #\d+$|^ResourceSpans #\d+$", re.MULTILINE)


@dataclass(frozen=True)
class ReceivedSpan:
    """A span. `attributes` as they are printed; `links`: the ids of the spans that it links to."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    is_error: bool
    attributes: dict[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()


class Collector:
    """A running collector. `endpoint` is what OTEL_EXPORTER_OTLP_ENDPOINT names."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "collector.out"
        http, grpc = free_ports(2)
        self.endpoint = f"http://127.0.0.1:{http}"
        command = [
            _agent(), "start", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed",
            "--otlp-http-endpoint", f"127.0.0.1:{http}", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}",
            "--pid-file", str(folder / "collector.pid"), "--log-file", str(folder / "collector.log"),
        ]  # fmt: skip
        with self._out.open("wb") as sink:
            self._process = subprocess.Popen(command, stdout=sink, stderr=sink)
        wait_for(lambda: "Starting" in self._out.read_text(), 10, "the collector has started")

    def spans(self) -> list[ReceivedSpan]:
        """Everything received so far."""
        text, service, found = self._out.read_text(encoding="utf-8"), "", []
        titles = [*_SPAN.finditer(text)]
        for title, following in zip(titles, [*titles[1:], None], strict=True):
            part = text[title.end() : following.start() if following else len(text)]
            if title[0].startswith("Resource"):
                service = _value(r"service.name: Str\((.*)\)", part)
            else:
                found.append(_span_of(service, part))
        return found

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(TIMEOUT)


@contextmanager
def collector(folder: Path) -> Iterator[Collector]:
    """A collector for as long as the block lasts."""
    running = Collector(folder)
    try:
        yield running
    finally:
        running.stop()


def _agent() -> str:
    spec = find_spec("rotel")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).with_name("rotel-agent"))


def _span_of(service: str, text: str) -> ReceivedSpan:
    attributes, _, links = text.partition("\nLinks:")
    return ReceivedSpan(
        service,
        _value(r"Name +: (.*)", text),
        _value(r"Trace ID +: (.*)", text),
        _value(r"\n +ID +: (.*)", text),
        _value(r"Parent ID +: (.*)", text),
        "STATUS_CODE_ERROR" in text,
        dict(re.findall(r"-> ([\w.]+): \w+\((.*)\)", attributes)),
        tuple(re.findall(r"-> ID: (\w+)", links)),
    )


def _value(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1].strip() if found else ""
