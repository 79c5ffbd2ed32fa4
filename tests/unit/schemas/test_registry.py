"""The registry's client, against a registry of the Confluent API over real HTTP."""

import copy
import io
import socket
from collections.abc import Iterator

import fastavro
import pytest

from schemas.catalogue import RECORDS, schema_of
from schemas.codec import Codec, Undecodable
from schemas.confluent import ConfluentRegistry
from schemas.connect import open_catalogue
from schemas.events import Heartbeat, LeadCreated
from schemas.registry import NotRegistered, RegistryConf, RegistryRejected, RegistryUnavailable
from tests.registry import RegistryServer, a_registry

UNKNOWN = b"\0\0\0\x03\xe7rest"


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with a_registry() as registry:
        registry.add({"type": "string"})  # so that ids differ from those of the bundled catalogue
        yield registry


def _conf(server: RegistryServer) -> RegistryConf:
    return RegistryConf(url=server.url)


def _pushed(server: RegistryServer) -> Codec:
    registry = ConfluentRegistry(_conf(server))
    for record in RECORDS:
        list(registry.push(record))
    return Codec(open_catalogue(_conf(server)))


def test_records_travel_under_the_ids_of_the_registry(server: RegistryServer) -> None:
    codec = _pushed(server)
    value = codec.encode(LeadCreated(lead_id="l1"))
    assert int.from_bytes(value[1:5], "big") == server.subjects["lead-created-value"][-1] != 1
    assert codec.decode(value, LeadCreated) == LeadCreated(lead_id="l1")


def test_nothing_is_registered_on_the_way(server: RegistryServer) -> None:
    with pytest.raises(NotRegistered, match="lead-created-value: run `leadloop schemas push`"):
        open_catalogue(_conf(server))
    assert list(server.subjects) == ["anybodys-value"]


def test_subjects_carry_the_prefix_of_the_topics(server: RegistryServer) -> None:
    list(ConfluentRegistry(_conf(server), prefix="acme.").push(LeadCreated))
    assert "acme.lead-created-value" in server.subjects


def test_pushing_again_changes_nothing(server: RegistryServer) -> None:
    registry = ConfluentRegistry(_conf(server))
    first = list(registry.push(LeadCreated))
    assert list(ConfluentRegistry(_conf(server)).push(LeadCreated)) == first
    assert server.subjects["lead-created-value"] == [one.id for one in first]


def test_a_push_sees_to_the_compatibility_of_its_subject(server: RegistryServer) -> None:
    _pushed(server)
    assert server.levels["lead-created-value"] == "FULL_TRANSITIVE"
    assert server.levels["stream-heartbeats-value"] == "BACKWARD_TRANSITIVE"


def test_a_version_that_breaks_its_subject_is_refused(server: RegistryServer) -> None:
    other = copy.deepcopy(schema_of(LeadCreated))
    other["fields"][0]["type"] = "long"
    other["fields"][0]["default"] = 0
    server.add(other, "lead-created-value")
    with pytest.raises(RegistryRejected, match="incompatible"):
        list(ConfluentRegistry(_conf(server)).push(LeadCreated))


def test_what_a_newer_writer_wrote_is_read_and_its_schema_asked_for_once(server: RegistryServer) -> None:
    codec = _pushed(server)
    newer = copy.deepcopy(schema_of(Heartbeat))
    newer["fields"].append({"name": "host", "type": "string", "default": ""})
    out = io.BytesIO(b"\0" + server.add(newer).to_bytes(4, "big"))
    out.seek(5)
    fastavro.schemaless_writer(out, fastavro.parse_schema(newer), {"occurred_at": 5, "host": "h"})
    server.requests.clear()
    assert [codec.decode(out.getvalue(), Heartbeat).occurred_at for _ in range(3)] == [5, 5, 5]
    assert len(server.requests) == 1


def test_an_unknown_id_is_refused_and_asked_for_again_after_a_minute(server: RegistryServer) -> None:
    now = 0.0
    registry = ConfluentRegistry(_conf(server), clock=lambda: now)
    assert [registry.schema_of_id(999), registry.schema_of_id(999)] == [None, None]
    assert server.requests == ["GET /schemas/ids/999"]
    now = 61.0
    assert registry.schema_of_id(999) is None
    assert len(server.requests) == 2


def test_an_unknown_id_is_the_fault_of_the_record(server: RegistryServer) -> None:
    codec = _pushed(server)
    with pytest.raises(Undecodable, match="unknown_schema"):
        codec.decode(UNKNOWN, LeadCreated)


def test_a_schema_that_is_not_avro_is_unknown(server: RegistryServer) -> None:
    server.schema_type = "JSON"
    assert ConfluentRegistry(_conf(server)).schema_of_id(1) is None


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_registry_that_is_out_of_order_is_not_the_fault_of_the_record(server: RegistryServer, status: int) -> None:
    codec = _pushed(server)
    server.out_of_order = status
    with pytest.raises(Undecodable if status == 404 else RegistryUnavailable):
        codec.decode(UNKNOWN, LeadCreated)


def test_a_registry_that_cannot_be_reached_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        open_catalogue(RegistryConf(url=f"http://127.0.0.1:{port}", timeout_seconds=0.5))


def test_the_credentials_are_sent_and_never_shown() -> None:
    with a_registry(user_info="me:secret") as server:
        conf = RegistryConf(url=server.url, basic_auth_user_info="me:secret")
        assert list(ConfluentRegistry(conf).push(LeadCreated))
        assert "secret" not in repr(conf)
        with pytest.raises(RegistryUnavailable, match="401"):
            list(ConfluentRegistry(_conf(server)).push(LeadCreated))
