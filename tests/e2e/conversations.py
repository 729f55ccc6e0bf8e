"""One connection's talk: a request in question, two plain ones behind it, and what must hold of the answers.

Whatever the first is taken for, each request that reached the recorder has its own answer, in order, and none reached
it that was not sent. The last plain request asks for the connection's end, so that no talk waits for a timeout.
"""

import asyncio
from collections.abc import Awaitable, Iterable

import msgspec

from tests.e2e.chains import Answer, Chain
from tests.e2e.recorder import Seen

CASE = "x-case"
SMUGGLED = "/smuggled"
_AT_ONCE = 8


class Talk(msgspec.Struct, frozen=True):
    """What was answered on one connection, and what of it the recorder has seen."""

    case: str
    answers: list[Answer]
    seen: list[Seen]

    @property
    def first(self) -> Answer:
        """The answer to the request in question."""
        assert self.answers, f"{self.case}: no answer at all"
        return self.answers[0]

    @property
    def turned_away(self) -> bool:
        """Whether it was refused, with the connection's last answer, and nobody has seen anything."""
        return self.refused and len(self.answers) == 1 and not self.seen

    @property
    def refused(self) -> bool:
        """Whether it was answered as a caller's mistake, before the recorder."""
        return self.first.number is None and (400 <= self.first.status < 500 or self.first.status in {501, 505})

    @property
    def taken(self) -> bool:
        """Whether the recorder answered it."""
        return bool(self.seen) and self.first.number == self.seen[0].number

    def wrongs(self, *targets: str) -> list[str]:
        """What may never be: an answer without its request, a request without its answer, a request nobody sent."""
        answered = [one.number for one in self.answers if one.number is not None]
        found = []
        if answered != [one.number for one in self.seen]:
            found.append(f"answers {answered} for requests {[(one.number, one.target) for one in self.seen]}")
        allowed = {*targets, *(f"/plain/{number}" for number in (1, 2))}
        found += [f"{one.method} {one.target} was not sent" for one in self.seen if one.target not in allowed]
        return found


def line(case: str) -> bytes:
    """The field that names a talk."""
    return f"{CASE}: {case}\r\n".encode()


def plain(case: str) -> bytes:
    """The two requests behind."""
    first = b"GET /plain/1 HTTP/1.1\r\nHost: gateway.example\r\n" + line(case) + b"\r\n"
    return first + b"GET /plain/2 HTTP/1.1\r\nHost: gateway.example\r\nConnection: close\r\n" + line(case) + b"\r\n"


async def talk(chain: Chain, case: str, request: bytes, *, nameless: bool = False) -> Talk:
    """Sends a request, which holds `line` of its case, with the plain ones behind it.

    What is `nameless`, and must be sent while nothing else is, has seen whatever was recorded meanwhile.
    """
    before = len(chain.recorder.seen)
    answers = await chain.say(request + plain(case), to_head=request.startswith(b"HEAD"))
    recorded = chain.recorder.seen[before:]
    return Talk(case, answers, [one for one in recorded if one.get(CASE) == case or (nameless and not one.get(CASE))])


async def all_of(talks: Iterable[Awaitable[Talk]]) -> list[Talk]:
    """Several talks, a few at a time: what one leaves on a shared connection would meet another."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(waiting: Awaitable[Talk]) -> Talk:
        async with places:
            return await waiting

    return list(await asyncio.gather(*(one(waiting) for waiting in talks)))


def unaccounted(chain: Chain, talks: Iterable[Talk], *, below: str) -> list[str]:
    """Requests that the recorder has seen, of cases named below, and no talk has; and what it could not read."""
    known = {one.number for talk in talks for one in talk.seen}
    return [f"could not be read: {one!r}" for one in chain.recorder.unreadable] + [
        f"{one.method} {one.target} was seen outside of its talk"
        for one in chain.recorder.seen
        if one.number not in known and one.get(CASE).startswith(f"{chain.name}/{below}/")
    ]
