"""The PROXY protocol, version 2: what a balancer puts before everything else on a connection, TLS included.

Read is the binary form only (HAProxy's specification of 2020 and later, section 2.2); version 1 is text without
extensions and is refused. Known of the extensions are the checksum, which must be right, and the certificate of the
caller (PP2_SUBTYPE_SSL_CLIENT_CERT). A common name (PP2_SUBTYPE_SSL_CN) proves nothing to us and is passed over.
"""

import ipaddress
import struct
from collections.abc import Iterator

import msgspec

HEAD_BYTES = 16
MOST_BYTES = 16 * 1024

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_CHECKSUM, _TLS, _CERTIFICATE = 0x03, 0x20, 0x28
_ADDRESS_BYTES = {0x0: 0, 0x1: 12, 0x2: 36, 0x3: 216}
_CASTAGNOLI = 0x82F63B78


class PrefaceRefused(Exception):
    """What came first on a connection is no preface that is taken."""


class Preface(msgspec.Struct, frozen=True):
    """What a balancer says: the caller's address (None: the connection is the balancer's own) and certificate (DER)."""

    address: str | None = None
    certificate: bytes | None = None


def length_of(head: bytes) -> int:
    """How many bytes follow the first `HEAD_BYTES`. Raises PrefaceRefused."""
    if head[:12] != _SIGNATURE:
        raise PrefaceRefused("no PROXY protocol of version 2")
    length: int = struct.unpack_from("!H", head, 14)[0]
    if head[12] not in {0x20, 0x21} or length > MOST_BYTES:
        raise PrefaceRefused("a command, version or length that is not taken")
    return length


def read_preface(head: bytes, rest: bytes) -> Preface:
    """The preface of its head and what follows. Raises PrefaceRefused."""
    family, transport = head[13] >> 4, head[13] & 0xF
    if head[12] == 0x20:
        return Preface()  # LOCAL: a health check of the balancer, say
    if family == 0x0:
        return Preface()  # UNSPEC: the sender does not know
    if family not in {0x1, 0x2} or transport != 0x1:
        raise PrefaceRefused("an address that is not of TCP")
    taken = _ADDRESS_BYTES[family]
    if len(rest) < taken:
        raise PrefaceRefused("shorter than its addresses")
    raw = ipaddress.ip_address(rest[: 4 if family == 0x1 else 16])
    address = str(getattr(raw, "ipv4_mapped", None) or raw)
    certificate = None
    for kind, begins, value in _extensions(rest, taken):
        if kind == _CHECKSUM:
            _check(head + rest[:begins] + bytes(len(value)) + rest[begins + len(value) :], value)
        elif kind == _TLS and len(value) >= 5:
            certificate = next((inner for of, _, inner in _extensions(value, 5) if of == _CERTIFICATE), None)
    return Preface(address, certificate)


def _extensions(content: bytes, begins: int) -> Iterator[tuple[int, int, bytes]]:
    """Kind, place and value of each."""
    while begins < len(content):
        if begins + 3 > len(content):
            raise PrefaceRefused("an extension that is cut off")
        kind, length = struct.unpack_from("!BH", content, begins)
        begins += 3
        if begins + length > len(content):
            raise PrefaceRefused("an extension that is longer than the rest")
        yield kind, begins, content[begins : begins + length]
        begins += length


def _check(content: bytes, checksum: bytes) -> None:
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (_CASTAGNOLI if register & 1 else 0)
    if checksum != struct.pack("!I", register ^ 0xFFFFFFFF):
        raise PrefaceRefused("a checksum that is not its own")
