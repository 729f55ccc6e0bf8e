"""Drives an adapter's generator over a bank's `Send`: what it yields is sent, what comes back is sent into it.

A tuple of requests runs concurrently, and fails as one: the first failure ends the others. A failure of the tree in
errors.py is thrown into the generator, which may make something of it. Anything else that comes out of a generator is a
mistake of ours, never the bank's. The generator is closed in every case.
"""

import asyncio
import contextlib

from gateway.contract import BankRequest, BankResponse, Dialogue, Document
from gateway.errors import GatewayError, GatewayFault
from gateway.exchange import CallRecord, Outgoing, Send

MOST_STEPS = 32
MOST_AT_ONCE = 8


async def drive(dialogue: Dialogue, send: Send, operation: str, deadline: float, record: CallRecord) -> Document:
    """Carries a dialogue to its end and returns its document. `deadline` is on the event loop's clock.

    Raises the GatewayErrors that the generator raises or lets pass, and GatewayFault where the generator fails
    otherwise, does not end within `MOST_STEPS` yields, or returns no document.
    """
    answer: BankResponse | tuple[BankResponse, ...] | GatewayError | None = None
    try:
        for taken in range(MOST_STEPS + 1):
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
        # Only a dialogue that is being given up still runs here, and why it is given up is what must be told.
        with contextlib.suppress(Exception):
            dialogue.close()


def _advance(
    dialogue: Dialogue, answer: BankResponse | tuple[BankResponse, ...] | GatewayError | None
) -> BankRequest | tuple[BankRequest, ...] | Document:
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
