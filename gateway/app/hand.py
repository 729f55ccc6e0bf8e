"""One worker as its parent sees it: a process, the channel to it, and what it has said."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from typing import Literal, TypeVar, assert_never, cast

from gateway.app.messages import Ended, FromParent, FromWorker, Opened, Prepared, Start, Told, Unfit
from gateway.app.report import Report
from gateway.files import Problem, shipped
from gateway.web.channel import Channel

_Answer = TypeVar("_Answer")
State = Literal["starting", "serving", "ended"]


class WorkerFailed(Exception):
    """A worker ended before any took calls; the message says how."""


class Hand:
    """A worker in a place. `report` is its latest, `heard` when it last said anything (monotonic seconds)."""

    def __init__(self, place: int, process: Process, channel: Channel) -> None:
        self.place = place
        self.state: State = "starting"
        self.report: Report | None = None
        self.began = self.heard = time.monotonic()
        self.cut = 0
        self.silent = False
        self._process = process
        self._channel = channel
        self._judged: dict[int, asyncio.Future[tuple[Problem, ...]]] = {}
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def gone(self) -> bool:
        """Whether it says no more."""
        return self.state == "ended"

    def send(self, message: FromParent | Start) -> None:
        """Says something to it."""
        self._channel.send(message)

    async def prepared(self, number: int) -> tuple[Problem, ...]:
        """The problems that it has with a set of files, none where it is ready for it, or gone."""
        return await self._expected(self._judged, number, ())

    async def told(self, question: int) -> None:
        """Waits until it has answered, or is gone."""
        await self._expected(self._answers, question, None)

    async def opened(self) -> None:
        """Waits until it takes calls, or is gone."""
        if not self.gone:
            await asyncio.shield(self._open)

    async def end(self) -> int:
        """Waits for the end of the process; its exit code, negative for a signal."""
        await asyncio.shield(self._listening)
        return await self._process.wait()

    def kill(self) -> None:
        """Ends it at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def _expected(
        self, expected: dict[int, "asyncio.Future[_Answer]"], number: int, otherwise: _Answer
    ) -> _Answer:
        if self.gone:
            return otherwise
        future = expected.setdefault(number, asyncio.get_running_loop().create_future())
        try:
            return await asyncio.shield(future)
        finally:
            expected.pop(number, None)

    async def _listen(self) -> None:
        while (message := await self._channel.receive()) is not None:
            self.heard = time.monotonic()
            self._hear(cast("FromWorker", message))
            if isinstance(message, Ended):
                break
        self.state = "ended"
        await self._channel.close()
        for number in self._judged:
            self._judge(number, ())
        for answer in (*self._answers.values(), self._open):
            if not answer.done():
                answer.set_result(None)

    def _hear(self, message: FromWorker) -> None:
        match message:
            case Prepared(number):
                self._judge(number, ())
            case Unfit(number, problems):
                self._judge(number, problems)
            case Opened():
                self.state = "serving"
                self._open.set_result(None)
            case Told(question, report):
                self.report = report
                answer = self._answers.get(question)
                if answer is not None and not answer.done():
                    answer.set_result(None)
            case Ended(cut, report):
                self.cut, self.report = cut, report
            case _:
                assert_never(message)

    def _judge(self, number: int, problems: tuple[Problem, ...]) -> None:
        future = self._judged.setdefault(number, asyncio.get_running_loop().create_future())
        if not future.done():
            future.set_result(problems)


async def spawn(place: int, inherited: Sequence[int]) -> Hand:
    """Begins a worker: a fresh interpreter that inherits these descriptors, and its end of a channel."""
    ours, theirs = socket.socketpair()
    # The packages come from where ours came from, never from the folder that the gateway was started in.
    paths = [str(shipped()), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gateway.app.worker", str(theirs.fileno())),
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), *inherited),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
    return Hand(place, process, await Channel.over(ours))


def describe_end(code: int) -> str:
    """`signal_9`, `code_1`: a word for a metric's label."""
    return f"signal_{-code}" if code < 0 else f"code_{code}"
