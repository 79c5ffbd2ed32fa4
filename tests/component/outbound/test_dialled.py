"""What the client dials is what was vetted, whatever servers, names and the environment try."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.component.outbound.harness import LOOPBACK, Server, post
from workers.outbound import Blocked, Client, HttpFailure, HttpResponse


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_the_metadata_service_is_not_followed(status: int, client: Client, server: Server) -> None:
    async def away(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "http://169.254.169.254/latest/meta-data/"})

    server.answer = away
    reply = await post(client, server)
    assert isinstance(reply, HttpResponse)
    assert reply.status == status
    assert len(server.seen) == 1


async def test_a_redirect_to_an_allowed_address_is_not_followed(client: Client, server: Server) -> None:
    async def away(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": server.url(path="/elsewhere")})

    server.answer = away
    await post(client, server)
    assert [request.path for request in server.seen] == ["/hook"]


async def test_dns_rebinding_between_two_calls_is_blocked(server: Server) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    hidden = await Server().start("127.0.0.2")

    async def rebinding(_: str) -> list[str]:
        return next(answers)

    async def goodbye(_: web.Request) -> web.StreamResponse:
        return web.Response(headers={"Connection": "close"})

    server.answer = goodbye
    async with Client(LOOPBACK, resolve=rebinding) as client:
        first = await post(client, server, server.url("rebinding.example"))
        second = await post(client, server, server.url("rebinding.example"))
    await hidden.runner.cleanup()
    assert isinstance(first, HttpResponse)
    assert isinstance(second, Blocked)
    assert len(server.seen) == 1
    assert hidden.seen == []


async def test_the_vetted_address_is_dialled_because_the_name_is_resolved_once(server: Server) -> None:
    resolved: list[str] = []

    async def rebinding(host: str) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"] if len(resolved) == 1 else ["169.254.169.254"]

    async with Client(LOOPBACK, resolve=rebinding) as client:
        replies = [await post(client, server, server.url("rebinding.example")) for _ in range(3)]
    assert all(isinstance(reply, HttpResponse) for reply in replies)
    assert resolved == ["rebinding.example"], "a connection that is kept alive goes where it was vetted to go"
    assert {request.host for request in server.seen} == {f"rebinding.example:{server.port}"}


async def test_a_name_with_one_forbidden_address_is_blocked(server: Server) -> None:
    async def both(_: str) -> list[str]:
        return ["127.0.0.1", "10.0.0.1"]

    async with Client(LOOPBACK, resolve=both) as client:
        reply = await post(client, server, server.url("both.example"))
    assert reply == Blocked("both.example must not be dialled: 10.0.0.1 is a private network")
    assert server.seen == []


async def test_no_proxy_of_the_environment_is_used(
    client: Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.2:9")
    assert isinstance(await post(client, server), HttpResponse)


async def test_tls_is_verified_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    certificate, key = _certificate("good.example", tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    names: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: names.append(name)
    server = await Server().start("127.0.0.1", serving)

    async def here(_: str) -> list[str]:
        return ["127.0.0.1"]

    trusting = ssl.create_default_context(cafile=str(certificate))
    async with Client(LOOPBACK, resolve=here, tls=trusting) as client:
        good = await post(client, server, f"https://good.example:{server.port}/")
        bad = await post(client, server, f"https://other.example:{server.port}/")
    async with Client(LOOPBACK, resolve=here) as strict:
        unknown = await post(strict, server, f"https://good.example:{server.port}/")
    await server.runner.cleanup()
    assert isinstance(good, HttpResponse)
    assert names[0] == "good.example"
    assert isinstance(bad, HttpFailure)
    assert "certificate" in bad.detail
    assert isinstance(unknown, HttpFailure)
    assert len(server.seen) == 1


def _certificate(name: str, folder: Path) -> tuple[Path, Path]:
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
