"""Which addresses may be dialled: pure, by our own tables; whatever they do not permit is denied.

`ipaddress.is_global` is not used: it changes with the patch level of Python, and ignores embedded IPv4 addresses
(NAT64, 6to4, Teredo, ISATAP). A test compares the two.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses, and multicast.
_RESERVED_IPV4 = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "a private network",
    "100.64.0.0/10": "the inside of a carrier's NAT",
    "127.0.0.0/8": "this machine",
    "169.254.0.0/16": "link-local, where clouds keep their metadata",
    "172.16.0.0/12": "a private network",
    "192.0.0.0/24": "reserved for protocols",
    "192.0.2.0/24": "for documentation",
    "192.88.99.0/24": "a 6to4 relay",
    "192.168.0.0/16": "a private network",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, or broadcast",
    "168.63.129.16/32": "a cloud's platform, under a public address",
}
# Inside 2000::/3, the only part of IPv6 that is allocated for global unicast, and reserved nevertheless.
_RESERVED_GLOBAL_IPV6 = {
    "2001::/23": "Teredo, ORCHID, or reserved for protocols",
    "2001:db8::/32": "for documentation",
    "2002::/16": "6to4, which holds an IPv4 address",
    "3ffe::/16": "the former test network",
    "3fff::/20": "for documentation",
}
_SPECIAL_IPV6 = {
    "::/128": "unspecified",
    "::1/128": "this machine",
    "::ffff:0:0/96": "an IPv4 address in IPv6",
    "::ffff:0:0:0/96": "a translated IPv4 address",
    "::/96": "an IPv4 address in IPv6",
    "64:ff9b::/96": "NAT64, which holds an IPv4 address",
    "64:ff9b:1::/48": "NAT64, which holds an IPv4 address",
    "100::/64": "for discarding",
    "fc00::/7": "a private network",
    "fe80::/10": "link-local",
    "fec0::/10": "a site's own network",
    "ff00::/8": "multicast",
}
_V4 = [(IPv4Network(text), why) for text, why in _RESERVED_IPV4.items()]
_V6 = [(IPv6Network(text), why) for text, why in (_RESERVED_GLOBAL_IPV6 | _SPECIAL_IPV6).items()]
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_ISATAP = (0x00005EFE, 0x02005EFE)
# Denied even if an allow-list contains them: no host has such an address.
_NEVER_ALLOWED: list[Network] = [
    IPv4Network("0.0.0.0/8"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("255.255.255.255/32"),
    IPv6Network("::/128"),
    IPv6Network("ff00::/8"),
]


class ForbiddenAddress(OSError):
    """A host has an address that must not be dialled."""


def denial_reason(address: Address, allowed: Iterable[Network] = ()) -> str:
    """Return why an address must not be dialled; empty if it may be. `allowed`: networks permitted nevertheless."""
    reason = _reason(address)
    if reason and _is_in(address, allowed) and not _is_in(address, _NEVER_ALLOWED):
        return ""
    return reason


def denial_reason_of_any(texts: Iterable[str], allowed: Iterable[Network] = ()) -> str:
    """Return why a name must not be dialled, given the addresses it resolved to: one denied address denies all.

    Returns:
        The reason; empty if all addresses are permitted.
    """
    found = [*texts]
    allowed = tuple(allowed)
    for text in found:
        try:
            reason = denial_reason(ip_address(text), allowed)
        except ValueError:
            reason = "not an IP address"
        if reason:
            return f"{text} is {reason}"
    return "" if found else "it has no address"


def _reason(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return next((why for network, why in _V4 if address in network), "")
    if address.scope_id is not None:
        return "of one link only"
    found = next((why for network, why in _V6 if address in network), "")
    if not found and address not in _GLOBAL_UNICAST:
        return "reserved"
    if not found and (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "ISATAP, which holds an IPv4 address"
    return found


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return any(address in network for network in networks if network.version == address.version)
