"""A small schema registry of the Confluent API over real HTTP, with Apache Avro's answers about compatibility."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import make_avsc_object

Answer = tuple[int, dict[str, Any]]


@dataclass
class RegistryServer:
    """What it holds and what it was asked. `out_of_order` is the status it answers everything with instead."""

    url: str = ""
    user_info: str | None = None
    out_of_order: int | None = None
    ids: list[str] = field(default_factory=list)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    schema_type: str | None = None

    def add(self, schema: Any, subject: str = "anybodys-value") -> int:
        """Hold a schema whatever it breaks, and give its id."""
        text = _canonical(json.dumps(schema))
        if text not in self.ids:
            self.ids.append(text)
        schema_id = self.ids.index(text) + 1
        versions = self.subjects.setdefault(subject, [])
        if schema_id not in versions:
            versions.append(schema_id)
        return schema_id

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        if self.out_of_order is not None:
            return self.out_of_order, {"error_code": 50001, "message": "out of order"}
        for verb, pattern, name in _ROUTES:
            if verb == method and (match := re.fullmatch(pattern, path)):
                result: Answer = getattr(self, name)(unquote(match[1]), body)
                return result
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _register(self, subject: str, body: dict[str, Any]) -> Answer:
        schema = json.loads(body["schema"])
        held = [json.loads(self.ids[n - 1]) for n in self.subjects.get(subject, [])]
        if schema not in held and not all(self._fits(subject, schema, old) for old in held):
            return 409, {"error_code": 409, "message": "Schema being registered is incompatible"}
        return 200, {"id": self.add(schema, subject)}

    def _fits(self, subject: str, new: Any, old: Any) -> bool:
        level = self.levels.get(subject, "BACKWARD")
        return _reads(new, old) and (not level.startswith("FULL") or _reads(old, new))

    def _lookup(self, subject: str, body: dict[str, Any]) -> Answer:
        if subject not in self.subjects:
            return 404, {"error_code": 40401, "message": "Subject not found"}
        text = _canonical(body["schema"])
        for version, schema_id in enumerate(self.subjects[subject], 1):
            if self.ids[schema_id - 1] == text:
                return 200, {"subject": subject, "id": schema_id, "version": version, "schema": text}
        return 404, {"error_code": 40403, "message": "Schema not found"}

    def _by_id(self, number: str, _: dict[str, Any]) -> Answer:
        if not 0 < int(number) <= len(self.ids):
            return 404, {"error_code": 40403, "message": "Schema not found"}
        found = {"schema": self.ids[int(number) - 1]}
        return 200, found | ({"schemaType": self.schema_type} if self.schema_type else {})

    def _level(self, subject: str, _: dict[str, Any]) -> Answer:
        if subject not in self.levels:
            return 404, {"error_code": 40408, "message": "Subject has no compatibility configured"}
        return 200, {"compatibilityLevel": self.levels[subject]}

    def _set_level(self, subject: str, body: dict[str, Any]) -> Answer:
        # As some registries do: a subject that does not exist has no settings.
        if subject not in self.subjects:
            return 404, {"error_code": 40401, "message": "Subject not found"}
        self.levels[subject] = body["compatibility"]
        return 200, {"compatibility": body["compatibility"]}


_ROUTES = (
    ("POST", r"/subjects/([^/]+)/versions", "_register"),
    ("POST", r"/subjects/([^/]+)", "_lookup"),
    ("GET", r"/schemas/ids/(\d+)", "_by_id"),
    ("GET", r"/config/([^/]+)", "_level"),
    ("PUT", r"/config/([^/]+)", "_set_level"),
)


@contextmanager
def a_registry(user_info: str | None = None) -> Iterator[RegistryServer]:
    """A registry on a free port of this machine, empty."""
    registry = RegistryServer(user_info=user_info)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(registry))
    registry.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_of(registry: RegistryServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            registry.requests.append(f"{self.command} {path}")
            status, answer = self._answer(path, json.loads(body or "{}"))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _answer(self, path: str, body: dict[str, Any]) -> Answer:
            wanted = registry.user_info and "Basic " + base64.b64encode(registry.user_info.encode()).decode()
            if wanted and self.headers.get("Authorization") != wanted:
                return 401, {"error_code": 401, "message": "Unauthorized"}
            return registry.answer(self.command, path, body)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _canonical(text: str) -> str:
    return json.dumps(json.loads(text), separators=(",", ":"))


def _reads(reader: Any, writer: Any) -> bool:
    checker: Any = ReaderWriterCompatibilityChecker
    result = checker().get_compatibility(make_avsc_object(reader), make_avsc_object(writer))
    return result.compatibility is SchemaCompatibilityType.compatible
