"""Which hosts a file may name as a place to call, and which addresses a name may lead to.

A host is written in its one spelling: a name of letters, digits and hyphens, or an address as RFC 4291 and RFC 5952
write it. `2130706433`, `0x7f.1` and `127.1` are addresses to some libraries and names to others: refused.
"""

import ipaddress
import re
from typing import Literal
from urllib.parse import urlsplit

Network = Literal["public", "private"]

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?", re.IGNORECASE)
# What ends in a number is an address, or is none (WHATWG URL Standard, section 3.5).
_ENDS_IN_A_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")
# Where clouds keep the machine's own credentials, beside the link-local 169.254.169.254.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")))


def is_public(address: str) -> bool:
    """Whether an IP address is reachable over the internet, by IANA's special-purpose registries.

    An IPv4 address inside an IPv6 one (`::ffff:127.0.0.1`, 6to4, Teredo, NAT64) counts as itself.
    """
    ip = _innermost(address)
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _PROTOCOLS
    return ip.is_global and ip in _GLOBAL_UNICAST


def may_be_called(address: str, network: Network) -> bool:
    """Whether an IP address may be connected to: `public` ones, with `private` also those of one's own networks.

    Link-local addresses, the metadata services of clouds, multicast and the unspecified are never called.
    """
    if is_public(address):
        return True
    ip = _innermost(address)
    unspeakable = ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _METADATA
    if isinstance(ip, ipaddress.IPv4Address):
        unspeakable |= ip.is_reserved or ip.packed[0] == 0
    return network == "private" and not unspeakable


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its spelling."""
    address = literal(host)
    return _innermost(address).is_loopback if address is not None else host.rstrip(".").lower() == "localhost"


def literal(host: str) -> str | None:
    """The host where it is an address, None where it is a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def check_host(host: str) -> None:
    """Raises ValueError, saying why, for a host (without the brackets of IPv6) that is not in its one spelling."""
    if literal(host) is not None and "%" not in host:
        return
    if not host.isascii():
        raise ValueError("its host holds letters beyond ASCII: write the name as its registry does (xn--...)")
    if _ENDS_IN_A_NUMBER.fullmatch(host):
        raise ValueError("its host is neither a name nor an address as it is usually written (such as 192.0.2.1)")
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise ValueError("its host is no name of letters, digits and hyphens")


def refusal(host: str, network: Network) -> str | None:
    """Why a file may not name a host that is in its one spelling as a place to call; None where it may."""
    address = literal(host)
    inside = is_loopback(host) if address is None else not is_public(address)
    if network == "public" and inside:
        return "is not on the internet: say 'network: private' if that is meant"
    if address is not None and not may_be_called(address, network):
        return "is an address that is never called (link-local, metadata service, multicast or unspecified)"
    return None


def url_refusal(url: str) -> str | None:
    """Why a URL of one's own network, a trace receiver's say, can not be called; None where it can."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        check_host(host)
    except ValueError as error:
        return f"is not a URL that can be called: {error}"
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must be without user, query and fragment"
    return refusal(host, "private")


def _innermost(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    teredo = ip.teredo[1] if ip.teredo else None
    inner = ip.ipv4_mapped or ip.sixtofour or teredo
    # `::1` and `::` are themselves; any other address of ::/96 is an IPv4 one (RFC 4291 section 2.5.5.1).
    if inner is None and (ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1)):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return inner or ip
