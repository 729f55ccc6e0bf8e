"""The PROXY protocol's binary form is read to the byte, or refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.proxy_protocol import Preface, PrefaceRefused, length_of, read_preface

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
FOUR = bytes([192, 0, 2, 7, 127, 0, 0, 1]) + struct.pack("!HH", 4711, 443)
SIX = bytes.fromhex("20010db8000000000000000000000001") + bytes(16) + struct.pack("!HH", 4711, 443)
MAPPED = bytes.fromhex("00000000000000000000ffffc0000207") + bytes(16) + struct.pack("!HH", 4711, 443)


def extension(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def preface(rest: bytes, command: int = 0x21, family: int = 0x11) -> tuple[bytes, bytes]:
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest)), rest


TLS = b"\x07" + bytes(4)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (preface(FOUR), Preface("192.0.2.7")),
        (preface(SIX, family=0x21), Preface("2001:db8::1")),
        (preface(MAPPED, family=0x21), Preface("192.0.2.7")),
        (preface(FOUR + extension(0x04, b"\0" * 9) + extension(0xE0, b"private")), Preface("192.0.2.7")),
        (preface(b"", command=0x20, family=0x00), Preface()),
        (preface(FOUR, command=0x20), Preface()),
        (preface(b"anything", family=0x00), Preface()),
        (preface(FOUR + extension(0x20, TLS + extension(0x22, b"a name"))), Preface("192.0.2.7")),
        (
            preface(FOUR + extension(0x20, TLS + extension(0x22, b"a name") + extension(0x28, b"DER"))),
            Preface("192.0.2.7", b"DER"),
        ),
    ],
)
def test_what_is_read(given: tuple[bytes, bytes], told: Preface):
    head, rest = given
    assert length_of(head) == len(rest)
    assert read_preface(head, rest) == told


@pytest.mark.parametrize(
    "head",
    [
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n"[:16],
        b"GET / HTTP/1.1\r\nHost"[:16],
        SIGNATURE + b"\x11\x11\x00\x00",
        SIGNATURE + b"\x22\x11\x00\x00",
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
    ids=["version 1", "http", "version", "command", "length"],
)
def test_heads_that_are_refused(head: bytes):
    with pytest.raises(PrefaceRefused):
        length_of(head)


@pytest.mark.parametrize(
    "given",
    [
        preface(FOUR[:-1]),
        preface(FOUR, family=0x12),
        preface(FOUR, family=0x41),
        preface(bytes(216), family=0x31),
        preface(FOUR + b"\x20\x00"),
        preface(FOUR + b"\x20\x00\x09short"),
        preface(FOUR + extension(0x20, TLS + b"\x28\x00\x09short")),
        preface(FOUR + extension(0x03, bytes(4))),
    ],
    ids=["short", "udp", "family", "unix", "cut", "long", "inner", "checksum"],
)
def test_what_is_refused(given: tuple[bytes, bytes]):
    with pytest.raises(PrefaceRefused):
        read_preface(*given)


def test_the_checksum_is_that_of_rfc_4960():
    """CRC32C of `123456789` is e3069283; here of a preface that another implementation made."""
    blank = FOUR + extension(0x03, bytes(4))
    head, _ = preface(blank)
    table_free = 0xFFFFFFFF
    for byte in head + blank:
        table_free ^= byte
        for _ in range(8):
            table_free = (table_free >> 1) ^ (0x82F63B78 * (table_free & 1))
    right = struct.pack("!I", table_free ^ 0xFFFFFFFF)
    assert read_preface(head, FOUR + extension(0x03, right)) == Preface("192.0.2.7")


@given(st.binary(max_size=300), st.sampled_from([0x00, 0x11, 0x21, 0x31]), st.sampled_from([0x20, 0x21]))
def test_whatever_comes_is_read_or_refused(rest: bytes, family: int, command: int):
    head, _ = preface(rest, command, family)
    try:
        told = read_preface(head, rest)
    except PrefaceRefused:
        return
    assert isinstance(told, Preface)
