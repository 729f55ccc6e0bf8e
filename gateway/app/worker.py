"""A worker process: what takes calls, told by its parent through the one descriptor that its command line names.

Signals to the whole group are the parent's business. When the parent is gone, killed even, the worker drains as if it
had been told to, and ends: nothing is left behind.
"""

import asyncio
import signal
import socket
import sys
from typing import assert_never, cast

import uvloop

from gateway.app.generation import Ready
from gateway.app.messages import (
    Ask,
    Close,
    Ended,
    Forget,
    FromParent,
    Linger,
    Open,
    Opened,
    Prepare,
    Prepared,
    Renew,
    Start,
    Take,
    Told,
    Unfit,
)  # fmt: skip
from gateway.app.serving import Serving, tune
from gateway.app.telling import open_telemetry
from gateway.files import Refused
from gateway.telemetry.calls import Telemetry
from gateway.web.channel import Channel

_TELL_SECONDS = 1.0


class Worker:
    """The process's side of the channel, once it was told what it is."""

    def __init__(self, start: Start, channel: Channel, telemetry: Telemetry) -> None:
        self._start = start
        self._channel = channel
        self._telemetry = telemetry
        self._serving: Serving | None = None
        self._ready: dict[int, Ready] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._cutting: asyncio.Task[int] | None = None

    async def run(self) -> None:
        """Serves until the parent says otherwise, or says nothing any more."""
        start = self._start
        try:
            serving = self._serving = Serving(start.settings, self._telemetry)
            serving.take(await serving.prepare(start.layers), start.number)
            sockets = {name: [socket.socket(fileno=one) for one in ones] for name, ones in start.sockets.items()}
            await serving.build_listeners(sockets)
        except Refused as refused:
            self._channel.send(Unfit(start.number, refused.problems))
            return
        self._channel.send(Prepared(start.number))
        telling = asyncio.create_task(self._tell(serving))
        while (message := await self._channel.receive()) is not None:
            await self._obey(cast("FromParent", message), serving)
            if self._ending is not None and self._ending.done():
                break
        else:
            if self._ending is None:
                self._linger(serving)
                await asyncio.sleep(start.settings.drain.notice)
                self._close(serving, start.settings.drain.grace)
        if self._ending is not None:
            await self._ending
        telling.cancel()

    async def _obey(self, message: FromParent, serving: Serving) -> None:
        match message:
            case Prepare():
                self._spawn(self._prepare(message, serving))
            case Take(number):
                serving.take(self._ready.pop(number), number)
            case Forget(number):
                self._ready.pop(number, None)
            case Open():
                for listener in serving.listeners.values():
                    await listener.open()
                self._channel.send(Opened())
            case Ask(question):
                self._channel.send(Told(question, serving.report()))
            case Renew():
                self._spawn(self._renew(serving))
            case Linger():
                self._linger(serving)
            case Close(grace):
                self._close(serving, grace)
            case _:
                assert_never(message)

    async def _prepare(self, message: Prepare, serving: Serving) -> None:
        try:
            self._ready[message.number] = await serving.prepare(message.layers)
        except Refused as refused:
            self._channel.send(Unfit(message.number, refused.problems))
        else:
            self._channel.send(Prepared(message.number))

    async def _renew(self, serving: Serving) -> None:
        await serving.certificates.renew(serving.listeners)
        self._channel.send(Told(0, serving.report()))

    def _linger(self, serving: Serving) -> None:
        for listener in serving.listeners.values():
            listener.answer_for_the_last_time()

    def _close(self, serving: Serving, grace: float) -> None:
        if self._ending is not None:  # told again: the time is over
            self._cutting = self._cutting or asyncio.create_task(self._empty(serving, 0))
            return
        for listener in serving.listeners.values():
            listener.take_no_more()
        self._ending = asyncio.create_task(self._end(serving, grace))

    async def _end(self, serving: Serving, grace: float) -> None:
        cut = await self._empty(serving, grace)
        if self._cutting is not None:
            cut += await self._cutting
        await serving.close()
        self._channel.send(Ended(cut, serving.report()))
        # The parent closes its end now, which ends the waiting for another message.

    async def _empty(self, serving: Serving, seconds: float) -> int:
        return sum(await asyncio.gather(*(listener.empty(seconds) for listener in serving.listeners.values())))

    async def _tell(self, serving: Serving) -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            self._channel.send(Told(0, serving.report()))

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _work(descriptor: int) -> None:
    channel = await Channel.over(socket.socket(fileno=descriptor))
    start = await channel.receive()
    if not isinstance(start, Start):
        return
    telemetry = open_telemetry(start.settings, start.lock)
    tune()
    try:
        await Worker(start, channel, telemetry).run()
        await channel.close()
    finally:
        await asyncio.to_thread(telemetry.close)


def main() -> None:
    """Runs a worker on the descriptor that is its one argument."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    uvloop.run(_work(int(sys.argv[1])))


if __name__ == "__main__":
    main()
