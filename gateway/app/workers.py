"""The parent's side of its workers: sockets bound here and handed on, files checked here and announced, ends mended.

The listening sockets stay open in the parent, so a worker that dies takes no waiting connection with it, and the one
that takes its place finds them as they were. Every worker is a fresh interpreter. A change of files and the arrival of
a new worker wait for each other: no worker opens its doors with files that are not everybody's.
"""

import asyncio
import os
import socket
import time
from collections.abc import Sequence

import msgspec

from gateway.app.counting import uncounted
from gateway.app.files import read_files
from gateway.app.generation import prepare
from gateway.app.hand import Hand, WorkerFailed, describe_end, spawn
from gateway.app.messages import Ask, Close, Forget, Linger, Open, Prepare, Renew, Start, Take
from gateway.app.report import Member
from gateway.app.serving import Serving
from gateway.files import Layers, Problem, Refused
from gateway.settings import Settings
from gateway.telemetry.calls import Telemetry
from gateway.web.listeners import bind

_AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
"""Workers that prepare at one time: half of the processors are left to the calls meanwhile."""
_ANSWER_SECONDS = 1.0
_SILENT_SECONDS = 60.0
_LOOK_SECONDS = 5.0
_STEADY_SECONDS = 10.0
"""A worker that has lived as long is replaced at once; one that dies sooner after a pause that grows."""
_LONGEST_PAUSE = 30.0
_END_SECONDS = 5.0
"""Beyond the grace, for what a worker has still to write and send."""


class Accepted(msgspec.Struct, frozen=True):
    """A set that was checked here, and that all workers serve."""

    layers: Layers
    number: int
    content_hash: str
    openapi: bytes


async def prepare_in_turns(hands: Sequence[Hand], number: int, layers: Layers, at_once: int) -> list[Problem]:
    """Lets so many workers at a time make a set of files ready; the problems that any of them has with it."""
    turns = asyncio.Semaphore(at_once)

    async def one(hand: Hand) -> Sequence[Problem]:
        async with turns:
            hand.send(Prepare(number, layers))
            return await hand.prepared(number)

    return [problem for problems in await asyncio.gather(*map(one, hands)) for problem in problems]


class Workers:
    """A crew of `count` processes. To be made in a running loop."""

    def __init__(self, settings: Settings, telemetry: Telemetry, count: int) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._count = count
        self._judge = Serving(settings, telemetry)  # reads the keys and consents that checking needs; takes no call
        self._hands: dict[int, Hand] = {}
        self._tending: list[asyncio.Task[None]] = []
        self._sockets: dict[str, list[socket.socket]] = {}
        self._accepted: Accepted | None = None
        self._changing = asyncio.Lock()
        self._opened = self._stopping = False
        self._questions = 0

    async def start(self, layers: Layers, number: int) -> Accepted:
        """See Crew.start."""
        named = self._settings.listeners
        for name, listener in (("service", named.service), ("public", named.public)):
            if listener is not None:
                self._sockets[name] = await asyncio.to_thread(bind, name, listener.address)
        first = [await self._begin(place, layers, number) for place in range(1, self._count + 1)]
        accepted = await self._check(layers, number)
        problems = [problem for hand in first for problem in await hand.prepared(number)]
        if problems:
            raise Refused(problems)
        gone = next((hand for hand in first if hand.gone), None)
        if gone is not None:
            raise WorkerFailed(f"a worker ended before it took calls ({await gone.end()}); the log may say why")
        self._accepted = accepted
        self._tending = [asyncio.create_task(self._tend(hand)) for hand in first]
        self._tending.append(asyncio.create_task(self._listen_for_silence()))
        return accepted

    async def change(self, layers: Layers, number: int) -> Accepted:
        """See Crew.change."""
        async with self._changing:
            accepted = await self._check(layers, number)
            hands = [hand for hand in self._hands.values() if not hand.gone]
            problems = await prepare_in_turns(hands, number, layers, _AT_ONCE)
            if problems:
                for hand in hands:
                    hand.send(Forget(number))
                raise Refused(problems)
            self._accepted = accepted
            for hand in hands:
                hand.send(Take(number))
            return accepted

    async def renew(self) -> bool:
        """See Crew.renew."""
        async with self._changing:
            hands = self._working()
            for hand in hands:
                hand.send(Renew())
            await self.refresh()
        return not any(hand.report.certificates_refusal for hand in hands if hand.report is not None)

    async def refresh(self) -> None:
        """Asks all; one that does not answer soon is told of as it was."""
        self._questions += 1
        asked = [asyncio.ensure_future(hand.told(self._questions)) for hand in self._working()]
        for hand in self._working():
            hand.send(Ask(self._questions))
        if asked:
            _, late = await asyncio.wait(asked, timeout=_ANSWER_SECONDS)
            for one in late:
                one.cancel()

    def entrances(self) -> tuple["Workers", ...]:
        """Itself: what is done to its entrance is done by every worker."""
        return (self,)

    def ports(self) -> dict[str, int]:
        """See Crew.ports."""
        return {name: sockets[0].getsockname()[1] for name, sockets in self._sockets.items()}

    def members(self) -> tuple[Member, ...]:
        """See Crew.members."""
        return tuple(Member(place, hand.state, hand.pid, hand.report) for place, hand in sorted(self._hands.items()))

    def metrics_text(self) -> bytes:
        """See Crew.metrics_text."""
        metrics, told = self._telemetry.metrics, []
        for hand in self._hands.values():
            if hand.report is not None:
                metrics.worker_generation(hand.place, hand.report.generation)
                told.append(hand.report.metrics)
        return metrics.text(told)

    @property
    def serving(self) -> int:
        """See Crew.serving."""
        return len(self._working())

    async def open(self) -> None:
        """Lets all workers take calls."""
        self._opened = True
        for hand in self._hands.values():
            hand.send(Open())
        await asyncio.gather(*(hand.opened() for hand in self._hands.values()))

    def answer_for_the_last_time(self) -> None:
        """Tells all workers; one that takes no calls yet ends at once, and none is replaced from now on."""
        self._stopping = True
        for hand in self._hands.values():
            if hand.state == "serving":
                hand.send(Linger())
            else:
                hand.kill()

    def take_no_more(self) -> None:
        """Closes the sockets here; the workers close theirs when they are told how long they have, in `empty`."""
        self._stopping = True
        for sockets in self._sockets.values():
            for one in sockets:
                one.close()
        for hand in self._hands.values():
            hand.send(Close(self._settings.drain.grace))

    async def empty(self, seconds: float) -> int:
        """Waits for the workers to end in order; those that do not are killed."""
        if seconds < self._settings.drain.grace:
            for hand in self._hands.values():
                hand.send(Close(seconds))
        ends = asyncio.ensure_future(asyncio.gather(*(hand.end() for hand in self._hands.values())))
        await asyncio.wait({ends}, timeout=seconds + _END_SECONDS)
        for hand in self._hands.values():
            hand.kill()
        await ends
        return sum(hand.cut for hand in self._hands.values())

    async def close(self) -> None:
        """See Crew.close."""
        self._stopping = True
        for task in self._tending:
            task.cancel()
        await asyncio.gather(*self._tending, return_exceptions=True)
        for hand in self._hands.values():
            hand.kill()
            await hand.end()
        await self._judge.close()

    def _working(self) -> list[Hand]:
        return [hand for hand in self._hands.values() if hand.state == "serving"]

    async def _begin(self, place: int, layers: Layers, number: int) -> Hand:
        descriptors = {name: tuple(one.fileno() for one in ones) for name, ones in self._sockets.items()}
        lock = self._telemetry.log_lock
        inherited = [one for ones in descriptors.values() for one in ones]
        hand = await spawn(place, inherited if lock is None else [lock, *inherited])
        hand.send(Start(place, self._settings, descriptors, lock, number, layers))
        self._hands[place] = hand
        return hand

    async def _check(self, layers: Layers, number: int) -> Accepted:
        def check() -> Accepted:
            files = read_files(layers)
            problems = list(uncounted(files, self._settings.redis, self._count))
            if problems:
                raise Refused(problems)
            return Accepted(layers, number, files.content_hash, prepare(files, self._judge.lasting).openapi)

        return await asyncio.to_thread(check)

    async def _tend(self, hand: Hand) -> None:
        """Sees one place to its end: whenever its worker dies unasked, another takes the place."""
        pause = 0.0
        while True:
            end = await hand.end()
            self._count_in(hand)
            if self._stopping:
                return
            lived = time.monotonic() - hand.began
            reason = describe_end(end) if not hand.silent else "silent"
            self._telemetry.metrics.worker_exited(reason)
            self._telemetry.log.error(
                "a worker ended and is replaced", worker=hand.place, pid=hand.pid, reason=reason, lived=round(lived, 1)
            )
            pause = 0.0 if lived >= _STEADY_SECONDS else min(max(0.5, 2 * pause), _LONGEST_PAUSE)
            await asyncio.sleep(pause)
            hand = await self._replace(hand.place)

    async def _replace(self, place: int) -> Hand:
        assert self._accepted is not None
        began = self._accepted
        hand = await self._begin(place, began.layers, began.number)
        problems = await hand.prepared(began.number)
        async with self._changing:
            now = self._accepted
            if now is not began and not hand.gone:
                hand.send(Prepare(now.number, now.layers))
                problems = await hand.prepared(now.number)
                hand.send(Take(now.number))
            if problems:
                told = [str(problem) for problem in problems]
                self._telemetry.log.error("a worker can not begin", worker=place, problems=told)
                hand.kill()
            elif self._opened:
                hand.send(Open())
                await hand.opened()
        return hand

    def _count_in(self, hand: Hand) -> None:
        """What a worker counted is kept when it is gone."""
        if hand.report is not None:
            self._telemetry.metrics.inherit(hand.report.metrics)
            hand.report = None
        self._telemetry.metrics.worker_generation(hand.place, None)

    async def _listen_for_silence(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for hand in self._working():
                if time.monotonic() - hand.heard > _SILENT_SECONDS:
                    hand.silent = True
                    hand.kill()
