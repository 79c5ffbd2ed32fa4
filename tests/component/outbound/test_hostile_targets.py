"""Where delivery must never go: each target is called with the real client, and nothing is dialled."""

import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from workers.outbound import Blocked, Client, UrlPolicy

WIDE = UrlPolicy(allow_http=True, ports=frozenset({8080}))
NAMES = {
    "one.bad.example": ["93.184.216.34", "10.0.0.1"],
    "last.bad.example": ["2606:4700:4700::1111", "93.184.216.34", "::1"],
    "metadata.internal.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "scoped.example": ["fe80::1%eth0"],
    "nothing.example": [],
    "nonsense.example": ["not-an-address"],
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "intranet": ["192.168.1.10"],
    "xn--bcher-kva.example": ["10.9.8.7"],
}
HOSTILE = {
    # IPv4 as it is
    "loopback": "https://127.0.0.1/",
    "loopback elsewhere in its network": "https://127.8.9.10/",
    "unspecified": "https://0.0.0.0/",
    "this network": "https://0.1.2.3/",
    "private 10": "https://10.0.0.1/",
    "private 172": "https://172.16.0.1/",
    "end of private 172": "https://172.31.255.254/",
    "private 192": "https://192.168.0.1/",
    "carrier NAT": "https://100.64.0.1/",
    "metadata of Alibaba in carrier NAT": "https://100.100.100.200/latest/meta-data/",
    "link-local": "https://169.254.1.1/",
    "metadata of AWS, GCP, Azure": "http://169.254.169.254/latest/meta-data/",
    "task metadata of AWS ECS": "http://169.254.170.2/v2/credentials/",
    "platform of Azure": "https://168.63.129.16/machine",
    "metadata of Oracle": "https://192.0.0.192/opc/v2/",
    "documentation 1": "https://192.0.2.1/",
    "documentation 2": "https://198.51.100.1/",
    "documentation 3": "https://203.0.113.1/",
    "benchmarks": "https://198.18.0.1/",
    "6to4 relay": "https://192.88.99.1/",
    "multicast": "https://224.0.0.1/",
    "reserved": "https://240.0.0.1/",
    "broadcast": "https://255.255.255.255/",
    # IPv4 spelled oddly
    "decimal": "https://2130706433/",
    "decimal metadata": "https://2852039166/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal parts": "https://0x7f.0.0.1/",
    "octal": "https://0177.0.0.1/",
    "octal of many zeros": "https://00000177.0.0.1/",
    "octal whole": "https://017700000001/",
    "two parts": "https://127.1/",
    "three parts": "https://127.0.1/",
    "one part": "https://0/",
    "mixed": "https://127.0x0.0.01/",
    "too large": "https://4294967297/",
    "five parts": "https://127.0.0.1.1/",
    "a dot at the end": "https://127.0.0.1./",
    "wide digits": "https://１２７.０.０.１/",
    "circled digits": "https://①②⑦.⓪.⓪.①/",
    "ideographic dots": "https://127。0。0。1/",
    "wide dots": "https://127．0．0．1/",
    "arabic digits": "https://١٢٧.٠.٠.١/",
    "percent-encoded": "https://%31%32%37.0.0.1/",
    "percent-encoded dot": "https://127%2e0%2e0%2e1/",
    # IPv6
    "v6 loopback": "https://[::1]/",
    "v6 loopback in full": "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "v6 unspecified": "https://[::]/",
    "v6 private (ULA)": "https://[fc00::1]/",
    "v6 metadata of AWS": "https://[fd00:ec2::254]/",
    "v6 link-local": "https://[fe80::1]/",
    "v6 with a zone": "https://[fe80::1%25eth0]/",
    "v6 with a raw zone": "https://[fe80::1%eth0]/",
    "public v6 with a zone": "https://[2a00::1%251]/",
    "v6 site-local": "https://[fec0::1]/",
    "v6 multicast": "https://[ff02::1]/",
    "v6 documentation": "https://[2001:db8::1]/",
    "v6 documentation, new": "https://[3fff::1]/",
    "v6 discard": "https://[100::1]/",
    "v6 reserved": "https://[4000::1]/",
    "v6 ORCHID": "https://[2001:20::1]/",
    "v6 benchmarks": "https://[2001:2::1]/",
    # IPv4 inside IPv6
    "mapped loopback": "https://[::ffff:127.0.0.1]/",
    "mapped in hexadecimal": "https://[::ffff:7f00:1]/",
    "mapped metadata": "https://[::ffff:169.254.169.254]/",
    "mapped public": "https://[::ffff:8.8.8.8]/",
    "compatible": "https://[::127.0.0.1]/",
    "translated": "https://[::ffff:0:127.0.0.1]/",
    "NAT64": "https://[64:ff9b::127.0.0.1]/",
    "NAT64 metadata": "https://[64:ff9b::a9fe:a9fe]/",
    "NAT64 of a network": "https://[64:ff9b:1::a00:1]/",
    "6to4": "https://[2002:7f00:1::1]/",
    "6to4 metadata": "https://[2002:a9fe:a9fe::]/",
    "Teredo": "https://[2001:0:7f00:1::80ff:fffe]/",
    "ISATAP": "https://[2a00::5efe:10.0.0.1]/",
    # names
    "localhost": "https://localhost/",
    "localhost by another name": "https://localhost.localdomain/",
    "a name inside": "http://intranet/",
    "a name with one private address": "https://one.bad.example/",
    "a name of which the last address is bad": "https://last.bad.example/",
    "a name of the metadata": "http://metadata.internal.example/latest",
    "a name with a mapped address": "https://mapped.example/",
    "a name with NAT64": "https://nat64.example/",
    "a name with 6to4": "https://sixtofour.example/",
    "a name with a zone": "https://scoped.example/",
    "a name without addresses": "https://nothing.example/",
    "a name with nonsense": "https://nonsense.example/",
    "a name in another script": "https://bücher.example/",
    "a name with a dot at the end": "https://localhost./",
    "a name with an empty label": "https://a..example/",
    "letters that only look alike": "https://ｌｏｃａｌｈｏｓｔ/",
    # the rest of a URL
    "a user": "https://example.com@127.0.0.1/",
    "a user and a password": "https://user:secret@example.com/",
    "an empty user": "https://@example.com/",
    "a backslash": "https://example.com\\@127.0.0.1/",
    "a backslash for a slash": "https:\\\\127.0.0.1\\",
    "a tab": "https://127.0.\t0.1/",
    "a new line": "https://exam\nple.com/",
    "a space in front": " https://example.com/",
    "a NUL": "https://example.com\x00.127.0.0.1/",
    "no host": "https:///latest/meta-data/",
    "no slashes": "https:example.com",
    "only a port": "https://:443/",
    "a fragment": "https://example.com#@127.0.0.1/",
    "ssh's port": "https://93.184.216.34:22/",
    "redis's port": "https://93.184.216.34:6379/",
    "http's port with https": "https://93.184.216.34:80/",
    "port 0": "https://93.184.216.34:0/",
    "a port beyond all": "https://93.184.216.34:65536/",
    "a port around the corner": "https://93.184.216.34:65979/",
    "an empty port": "https://93.184.216.34:/",
    "a port in other digits": "https://93.184.216.34:４４３/",
    "a signed port": "https://93.184.216.34:+443/",
    "a host with two ports": "https://127.0.0.1:443:443/",
    "half a bracket": "https://[::1/",
    "a file": "file:///etc/passwd",
    "a file of a host": "file://example.com/etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "ftp": "ftp://example.com/",
    "dict": "dict://127.0.0.1:11211/stats",
    "ldap": "ldap://127.0.0.1/",
    "data": "data:text/plain,hello",
    "javascript": "javascript:alert(1)",
    "a unix socket": "unix:///var/run/docker.sock",
    "http over a unix socket": "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "no scheme": "//127.0.0.1/",
    "a jar": "jar:https://127.0.0.1!/",
    "nothing": "",
}


async def _resolve(host: str) -> list[str]:
    return NAMES[host]


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Every socket that is made; none may be."""
    made: list[object] = []
    real = socket.socket

    class Watched(real):  # type: ignore[misc,valid-type]
        def connect(self, address: object) -> None:
            made.append(address)
            super().connect(address)

        def connect_ex(self, address: object) -> int:
            made.append(address)
            return int(super().connect_ex(address))

    monkeypatch.setattr(socket, "socket", Watched)
    yield made
    monkeypatch.undo()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(resolve=_resolve) as client:
        yield client


def test_at_least_60_different_hostile_targets_are_tested() -> None:
    assert len(HOSTILE) == len(set(HOSTILE.values())) >= 60


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_target_is_rejected_without_dialling(name: str, client: Client, sockets: list[object]) -> None:
    reply = await client.request("POST", HOSTILE[name], headers={}, body=b"{}", url_policy=WIDE, timeout_seconds=5)
    assert isinstance(reply, Blocked), reply
    assert sockets == []
    assert "secret" not in reply.detail.replace("a secret of its own", "")


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://example.com:8080/", "http://93.184.216.34/", "https://93.184.216.34:8443/"]
)
async def test_plain_http_and_other_ports_are_rejected_unless_allowed(url: str, client: Client) -> None:
    assert isinstance(await client.request("POST", url, headers={}), Blocked)
