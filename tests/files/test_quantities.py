import msgspec
import pytest

from gateway.files.quantities import Seconds, Size, decode_quantity, duration, size


class Bounds(msgspec.Struct):
    after: Seconds
    most: Size


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("0s", 0.0), ("250ms", 0.25), ("5s", 5.0), ("2m", 120.0), ("1h", 3600.0), ("1d", 86400.0)],
)
def test_a_duration_is_seconds(written, seconds):
    assert duration(written) == seconds


@pytest.mark.parametrize(("written", "count"), [("0B", 0), ("512B", 512), ("64KiB", 65536), ("1MiB", 1048576)])
def test_a_size_is_bytes(written, count):
    assert size(written) == count


@pytest.mark.parametrize(
    "written", ["", "5", "s", "-5s", "+5s", "05s", "5 s", "5S", "1.5s", "5s\n", "\u0665s", "64KB", "1b"]
)
def test_anything_else_is_refused(written):
    with pytest.raises(ValueError, match=r"^not a duration such as 250ms, 5s or 1m$"):
        duration(written)
    with pytest.raises(ValueError, match=r"^not a size such as 0B, 64KiB or 1MiB$"):
        size(written)


def test_msgspec_decodes_both_and_nothing_else():
    bounds = msgspec.convert({"after": "250ms", "most": "1KiB"}, Bounds, dec_hook=decode_quantity)
    assert (bounds.after, bounds.most) == (0.25, 1024)
    with pytest.raises(msgspec.ValidationError, match=r"not a size .* `\$.most`"):
        msgspec.convert({"after": "1s", "most": "1s"}, Bounds, dec_hook=decode_quantity)
    with pytest.raises(NotImplementedError):
        decode_quantity(set, "1s")
