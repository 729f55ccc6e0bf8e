"""What is kept can be opened again by its keys alone, under its own name alone, and there is never too much of it."""

import asyncio
import base64
import os
import pathlib
import resource
import signal
import stat
from datetime import UTC, datetime

import msgspec
import pytest

from gateway.secrets import Sealer, Secret
from gateway.store.reviews import Reviews, ReviewUnknown
from tests.store.kept import REVIEW

LARGE = 1 << 30
KEY, OTHER = Secret(bytes(32)), Secret(bytes([1]) * 32)


@pytest.fixture
def reviews(tmp_path: pathlib.Path) -> Reviews:
    return Reviews(tmp_path, Sealer([KEY]), 3, LARGE)


def lying(folder: pathlib.Path) -> tuple[os.stat_result, bytes]:
    """The state and the content of the one file of a folder."""
    [file] = folder.iterdir()
    return file.stat(), file.read_bytes()


async def test_what_is_kept_is_opened_again_and_lies_sealed(reviews: Reviews, tmp_path: pathlib.Path):
    name = await reviews.keep(REVIEW)
    assert name is not None
    assert name.startswith("20260301T120000Z-")
    assert reviews.open(name) == REVIEW
    state, content = lying(tmp_path)
    assert stat.S_IMODE(state.st_mode) == 0o600
    for part in (b"albion", b"CANARY", base64.b64encode(b"CANARY")[:8]):
        assert part not in content
    reviews.remove(name)
    assert reviews.ids() == ()


async def test_the_oldest_comes_first_and_a_full_folder_takes_no_more(reviews: Reviews):
    names = [await reviews.keep(msgspec.structs.replace(REVIEW, status=200 + one)) for one in range(3)]
    assert await reviews.keep(REVIEW) is None
    assert set(reviews.ids()) == set(names)
    assert sorted(review.status for _, review in reviews.all() if review) == [200, 201, 202]
    reviews.remove(reviews.ids()[0])
    later = await reviews.keep(msgspec.structs.replace(REVIEW, kept_at=datetime(2026, 3, 2, tzinfo=UTC)))
    assert reviews.ids()[-1] == later


async def test_a_folder_that_has_its_size_takes_no_more(tmp_path: pathlib.Path):
    large = msgspec.structs.replace(REVIEW, body=bytes(20_000))
    first = Reviews(tmp_path, Sealer([KEY]), 100, LARGE)
    assert await first.keep(large) is not None
    size = lying(tmp_path)[0].st_size
    bounded = Reviews(tmp_path, Sealer([KEY]), 100, 3 * size + size // 2)
    names = await asyncio.gather(*(bounded.keep(large) for _ in range(10)))
    assert [name is None for name in names].count(False) == 2
    assert len(bounded.ids()) == 3
    assert await bounded.keep(REVIEW) is not None, "a small one still has its place"


def test_what_could_not_be_written_whole_leaves_nothing(tmp_path: pathlib.Path):
    """As on a full disk: the file may be begun, and then there is no room."""
    reviews = Reviews(tmp_path, Sealer([KEY]), 3, LARGE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert asyncio.run(reviews.keep(msgspec.structs.replace(REVIEW, body=bytes(20_000)))) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []
    assert asyncio.run(reviews.keep(REVIEW)) is not None


async def test_none_opens_with_other_keys_under_another_name_or_changed(reviews: Reviews, tmp_path: pathlib.Path):
    first, second = [await reviews.keep(REVIEW), await reviews.keep(REVIEW)]
    assert first is not None
    assert second is not None
    with pytest.raises(ReviewUnknown, match="sealed under a key that is not known here"):
        Reviews(tmp_path, Sealer([OTHER]), 3, LARGE).open(first)
    assert Reviews(tmp_path, Sealer([OTHER, KEY]), 3, LARGE).open(first) == REVIEW
    (tmp_path / f"{first}.sealed").write_bytes((tmp_path / f"{second}.sealed").read_bytes())
    with pytest.raises(ReviewUnknown, match="changed, or sealed for something else"):
        reviews.open(first)
    (tmp_path / f"{second}.sealed").write_bytes(b"\xff")
    assert [review for _, review in reviews.all()] == [None, None]


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "20260301T120000Z-0123456789ab", "20260301T120000Z-1/.."])
def test_what_is_not_there_is_said_to_be_unknown(reviews: Reviews, name: str):
    for ask in (reviews.open, reviews.remove):
        with pytest.raises(ReviewUnknown, match="there is no review"):
            ask(name)


async def test_a_folder_that_can_not_be_written_to_loses_the_review_and_not_the_answer(tmp_path: pathlib.Path):
    gone = Reviews(tmp_path / "gone", Sealer([KEY]), 3, LARGE)
    assert await gone.keep(REVIEW) is None


async def test_two_at_once_have_names_of_their_own(tmp_path: pathlib.Path):
    pair = [Reviews(tmp_path, Sealer([KEY]), 50, LARGE) for _ in range(2)]
    names = await asyncio.gather(*(pair[one % 2].keep(REVIEW) for one in range(20)))
    assert len(set(names)) == 20
    assert len(pair[0].ids()) == 20
