"""No change is lost: not one from before the watch began, nor one while a folder could not be watched."""

import asyncio
import contextlib
import pathlib
import shutil
from collections.abc import AsyncIterator

import pytest
import structlog

from gateway.app.files import content_hash
from gateway.app.watching import Watch
from gateway.files import Layers


class Judged:
    """What was handed to judge: the text of the one file, each time."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.texts: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, layers: Layers) -> None:
        self.texts.put_nowait(layers.content(self.root / "policies/a.yaml").decode())

    async def text(self) -> str:
        return await asyncio.wait_for(self.texts.get(), 60)


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    for folder in ("mappings", "policies", "adapters/banks", "own"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "policies/a.yaml").write_text("first")
    return tmp_path


@contextlib.asynccontextmanager
async def watched(root: pathlib.Path, *own: pathlib.Path) -> AsyncIterator[Judged]:
    """A watch that was made with what stands in the files now, and begins when the context does."""
    layers, judged = Layers((root, *own)), Judged(root)
    watch = Watch(layers, content_hash(layers), judged, structlog.get_logger())
    (root / "policies/a.yaml").write_text("before the watch began")
    running = asyncio.create_task(watch.run())
    yield judged
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_change_from_before_the_watch_began_counts(root: pathlib.Path) -> None:
    async with watched(root) as judged:
        assert await judged.text() == "before the watch began"
        (root / "policies/a.yaml").write_text("later")
        assert await judged.text() == "later"


async def test_files_are_looked_at_while_a_folder_can_not_be_watched(root: pathlib.Path) -> None:
    shutil.rmtree(root / "own")
    async with watched(root, root / "own") as judged:
        assert await judged.text() == "before the watch began"
        (root / "policies/a.yaml").write_text("seen without an event")
        assert await judged.text() == "seen without an event"
        (root / "own").mkdir()
        (root / "policies/a.yaml").write_text("and watched again")
        assert await judged.text() == "and watched again"
