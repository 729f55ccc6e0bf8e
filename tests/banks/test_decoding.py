import gzip
import zlib

import pytest

from gateway.banks.decoding import MOST_RATIO, RATIO_COUNTS_FROM, decode
from gateway.errors import BankNonsense

MIB = 1024 * 1024
TEXT = b'{"amount": "12.34"}' * 1000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        (" GZip ", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT[:500], mtime=0) + gzip.compress(TEXT[500:], mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
    ],
)
def test_a_coding_is_undone(coding, body):
    assert decode(body, coding, MIB) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_an_empty_body_has_nothing_to_undo(coding):
    assert decode(b"", coding, MIB) == b""


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "identity, gzip", "compress", "x"])
def test_other_codings_are_refused(coding):
    with pytest.raises(BankNonsense):
        decode(gzip.compress(TEXT, mtime=0), coding, MIB)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)[:-20]),
        ("gzip", gzip.compress(TEXT, mtime=0)[:5]),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"more"),
        ("gzip", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-8] + b"\0" * 8),
        ("deflate", zlib.compress(TEXT)[:-10]),
        ("deflate", zlib.compress(TEXT) + zlib.compress(TEXT)),
        ("deflate", b"\xff\xff\xff\xff"),
    ],
)
def test_what_is_broken_or_cut_is_refused(coding, body):
    with pytest.raises(BankNonsense):
        decode(body, coding, MIB)


def test_the_limit_counts_what_comes_out():
    body = gzip.compress(TEXT, mtime=0)
    assert len(decode(body, "gzip", len(TEXT))) == len(TEXT)
    with pytest.raises(BankNonsense):
        decode(body, "gzip", len(TEXT) - 1)


def test_the_ratio_counts_above_a_floor():
    assert len(decode(gzip.compress(b"0" * RATIO_COUNTS_FROM, mtime=0), "gzip", 1000 * MIB)) == RATIO_COUNTS_FROM
    bomb = gzip.compress(b"0" * 10 * MIB, mtime=0)
    assert 10 * MIB / len(bomb) > MOST_RATIO
    with pytest.raises(BankNonsense):
        decode(bomb, "gzip", 1000 * MIB)


def test_many_small_members_are_one_bomb():
    with pytest.raises(BankNonsense):
        decode(gzip.compress(b"0" * 100_000, mtime=0) * 200, "gzip", MIB)
