"""Which addresses may be dialled, held against Python's own opinion."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workers.outbound.addresses import denial_reason, denial_reason_of_any

ANY_V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
ANY_V6 = st.integers(0, 2**128 - 1).map(IPv6Address)
GIVEN_OUT = st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(IPv6Address)
PREFIXES = [0, 0xFFFF << 32, 0x64FF9B << 96, 0x2002 << 112, 0x20010000 << 96]


@given(ANY_V4 | ANY_V6 | GIVEN_OUT)
@example(IPv4Address("255.255.255.255"))
@example(IPv6Address("::ffff:8.8.8.8"))
def test_every_permitted_address_is_global_by_ipaddress_too(address: IPv4Address | IPv6Address) -> None:
    if not denial_reason(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


# What Python calls global and we refuse all the same.
BEYOND = [
    *map(ip_network, ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "2001::/23", "2002::/16"))
]
BEYOND += [*map(ip_network, ("3ffe::/16", "3fff::/20", "64:ff9b::/96", "ff00::/8"))]


@given(ANY_V4 | GIVEN_OUT)
def test_global_addresses_are_rejected_only_in_listed_networks(address: IPv4Address | IPv6Address) -> None:
    if address.is_global and denial_reason(address):
        isatap = address.version == 6 and (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE
        assert isatap or any(address.version == net.version and address in net for net in BEYOND), denial_reason(
            address
        )


@given(ANY_V4, st.sampled_from(PREFIXES))
def test_forbidden_ipv4_addresses_inside_ipv6_addresses_are_rejected(inside: IPv4Address, prefix: int) -> None:
    shift = 80 if prefix == 0x2002 << 112 else 0
    assert denial_reason(IPv6Address(prefix | int(inside) << shift))


@pytest.mark.parametrize("text", ["2a00:1::5efe:10.0.0.1", "2a00:1::200:5efe:8.8.8.8"])
def test_isatap_addresses_are_rejected(text: str) -> None:
    assert denial_reason(ip_address(text)).startswith("ISATAP")


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:800::200e", "2620:fe::fe"]
)
def test_public_addresses_may_be_dialled(text: str) -> None:
    assert denial_reason(ip_address(text)) == ""


def test_an_allowed_network_permits_its_own_addresses_only() -> None:
    allowed = [ip_network("10.20.0.0/16"), ip_network("fd00:1::/32")]
    assert denial_reason(ip_address("10.20.3.4"), allowed) == ""
    assert denial_reason(ip_address("fd00:1::5"), allowed) == ""
    for text in ("10.21.0.1", "127.0.0.1", "fd00:2::1", "::ffff:10.20.3.4", "64:ff9b::a14:304", "169.254.169.254"):
        assert denial_reason(ip_address(text), allowed)


@pytest.mark.parametrize("text", ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"])  # noqa: S104
def test_the_unspecified_address_cannot_be_allowed(text: str) -> None:
    assert denial_reason(ip_address(text), [ip_network("0.0.0.0/0"), ip_network("::/0")])


def test_link_local_addresses_cannot_be_allowed() -> None:
    assert denial_reason(IPv6Address("fe80::1%eth0"), [ip_network("fe80::/10")])


def test_one_forbidden_address_of_a_name_rejects_all() -> None:
    assert denial_reason_of_any(["8.8.8.8", "10.0.0.1"]) == "10.0.0.1 is a private network"
    assert denial_reason_of_any(["8.8.8.8", "2606:4700:4700::1111"]) == ""
    assert denial_reason_of_any([]) == "it has no address"
    assert denial_reason_of_any(["8.8.8.8", "nonsense"]) == "nonsense is not an IP address"
