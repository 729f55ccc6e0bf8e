"""Changes of files that secrets were read from are told once each, whatever the folder's way of changing them."""

import asyncio
import pathlib
from collections.abc import AsyncIterator

import pytest
import structlog

from gateway.app.secret_files import watch_secrets
from gateway.secrets import Secrets, SecretUnreadable


@pytest.fixture
def secrets(tmp_path: pathlib.Path) -> Secrets:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    return Secrets(tmp_path, {})


@pytest.fixture
async def told(secrets: Secrets) -> AsyncIterator[asyncio.Queue[frozenset[pathlib.Path]]]:
    """What a watch that begins with `one` read tells."""
    found: asyncio.Queue[frozenset[pathlib.Path]] = asyncio.Queue()
    secrets.read("file:one")
    assert secrets.folder is not None
    (secrets.folder / "one").write_bytes(b"changed before the watch began")
    watching = asyncio.create_task(watch_secrets(secrets, found.put, structlog.get_logger()))
    yield found
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def first(told: asyncio.Queue[frozenset[pathlib.Path]]) -> set[str]:
    async with asyncio.timeout(30):
        return {path.name for path in await told.get()}


async def test_no_change_is_lost_between_the_reading_and_the_watching(
    told: asyncio.Queue[frozenset[pathlib.Path]],
) -> None:
    assert await first(told) == {"one"}


async def test_what_is_read_later_is_followed_and_what_nobody_read_is_not(
    secrets: Secrets, told: asyncio.Queue[frozenset[pathlib.Path]], tmp_path: pathlib.Path
) -> None:
    assert await first(told) == {"one"}
    (tmp_path / "two").write_bytes(b"nobody has read it")
    secrets.read("file:two")
    with pytest.raises(SecretUnreadable):
        secrets.read("file:deep/three")
    (tmp_path / "two").write_bytes(b"changed")
    assert await first(told) == {"two"}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "three").write_bytes(b"3")
    (tmp_path / "one").write_bytes((tmp_path / "one").read_bytes())  # the same again is no change
    seen = await first(told)
    assert seen == {"three"}, "what could not be read is told when it is there"


async def test_a_file_that_goes_is_told(told: asyncio.Queue[frozenset[pathlib.Path]], tmp_path: pathlib.Path) -> None:
    assert await first(told) == {"one"}
    (tmp_path / "one").unlink()
    assert await first(told) == {"one"}


def test_a_reference_names_a_file_or_none(secrets: Secrets, tmp_path: pathlib.Path) -> None:
    assert secrets.path("file:one") == tmp_path / "one"
    assert secrets.path("file:/etc/one") == pathlib.Path("/etc/one")
    assert [secrets.path(one) for one in ("env:ONE", "file:../one", "file:", "one")] == [None] * 4
