"""Drives an adapter's generator over a bank's `Send`: what it yields is sent, what comes back is sent into it.

A tuple of requests runs concurrently, and fails as one: the first failure ends the others. A failure of the tree in
errors.py is thrown into the generator, which may make something of it. Anything else that comes out of a generator is a
mistake of ours, never the bank's. The generator is closed in every case.

What is done with a large answer that is no JSON is done beside the event loop: such a one is read by the adapter itself
(camt.05x takes a second for some megabytes), and all other calls would wait for it. JSON it only hands on.
"""

import asyncio
import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from gateway.contract import BankRequest, BankResponse, Dialogue, Document
from gateway.errors import GatewayError, GatewayFault
from gateway.exchange import CallRecord, Outgoing, Send

MOST_STEPS = 32
MOST_AT_ONCE = 8
LARGE = 256 * 1024
"""Bytes of an answer above which the loop does not wait for it."""

_Answer: TypeAlias = BankResponse | tuple[BankResponse, ...] | GatewayError | None
_Step: TypeAlias = BankRequest | tuple[BankRequest, ...] | Document
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[{\[]")
# One thread: a second would end nothing sooner, and take as much again of the interpreter from the loop.
_BESIDE = ThreadPoolExecutor(1, "large-answers")


async def drive(dialogue: Dialogue, send: Send, operation: str, deadline: float, record: CallRecord) -> Document:
    """Carries a dialogue to its end and returns its document. `deadline` is on the event loop's clock.

    Raises the GatewayErrors that the generator raises or lets pass, and GatewayFault where the generator fails
    otherwise, does not end within `MOST_STEPS` yields, or returns no document.
    """
    answer: _Answer = None
    try:
        for taken in range(MOST_STEPS + 1):
            if isinstance(answer, BankResponse) and len(answer.body) > LARGE and not _JSON.match(answer.body):
                step = await _advance_beside(dialogue, answer)
            else:
                step = _advance(dialogue, answer)
            if isinstance(step, Document):
                return step
            if taken == MOST_STEPS:
                break
            try:
                if isinstance(step, BankRequest):
                    answer = await send(Outgoing(step, operation, deadline, record))
                else:
                    answer = await _together(step, send, operation, deadline, record)
            except GatewayError as failure:
                answer = failure
        raise GatewayFault("The dialogue with the bank does not end.")
    finally:
        _close(dialogue)


def _close(dialogue: Dialogue) -> None:
    """Only a dialogue that is being given up still runs here, and why it is given up is what must be told."""
    with contextlib.suppress(Exception):
        dialogue.close()


async def _advance_beside(dialogue: Dialogue, answer: _Answer) -> _Step:
    """`_advance`, while the loop goes on."""
    step = _BESIDE.submit(_advance, dialogue, answer)
    try:
        return await asyncio.wrap_future(step)
    except asyncio.CancelledError:
        # One that waits for its turn has none any more; one that runs can not be stopped, and is closed where it ends.
        step.add_done_callback(lambda _: _close(dialogue))
        raise


def _advance(dialogue: Dialogue, answer: _Answer) -> _Step:
    """The generator's next step, or its document where it has ended."""
    step: object
    try:
        step = dialogue.throw(answer) if isinstance(answer, GatewayError) else dialogue.send(answer)
    except StopIteration as end:
        if not isinstance(end.value, Document):
            raise GatewayFault("The dialogue with the bank ended without a document.") from None
        return end.value
    except GatewayError:
        raise
    except Exception as mistake:
        raise GatewayFault("The dialogue with the bank failed inside the gateway.") from mistake
    if isinstance(step, BankRequest):
        return step
    if isinstance(step, tuple) and len(step) <= MOST_AT_ONCE and all(isinstance(one, BankRequest) for one in step):
        return step
    raise GatewayFault("The dialogue with the bank asked for something that can not be sent.")


async def _together(
    requests: tuple[BankRequest, ...], send: Send, operation: str, deadline: float, record: CallRecord
) -> tuple[BankResponse, ...]:
    async def one(request: BankRequest) -> BankResponse:
        return await send(Outgoing(request, operation, deadline, record))

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(request)) for request in requests]
    except BaseExceptionGroup as failures:
        # The others were cancelled and awaited; what the first one said is what the generator can act on.
        raise failures.exceptions[0] from None
    return tuple(task.result() for task in tasks)
