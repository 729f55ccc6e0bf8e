"""Messages between processes of ours: whole, in order, and an end that both sides see."""

import asyncio
import socket

import msgspec

from gateway.web.channel import Channel


class Word(msgspec.Struct, frozen=True):
    """A message."""

    text: str
    content: bytes = b""


async def pair() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair()
    return await Channel.over(ours), await Channel.over(theirs)


async def test_messages_of_any_size_come_whole_and_in_order():
    ours, theirs = await pair()
    sent = [Word(str(number), bytes(size)) for number, size in enumerate((0, 1, 70_000, 3_000_000, 5))]
    for word in sent:
        ours.send(word)
    assert [await theirs.receive() for _ in sent] == sent
    await asyncio.gather(ours.close(), theirs.close())


async def test_an_end_is_told_and_what_is_said_after_it_is_lost():
    ours, theirs = await pair()
    ours.send(Word("last"))
    await ours.close()
    assert await theirs.receive() == Word("last")
    assert await theirs.receive() is None
    theirs.send(Word("to nobody"))
    await theirs.close()
    theirs.send(Word("to nobody"))


async def test_a_message_that_was_cut_is_no_message():
    plain, other = socket.socketpair()
    theirs = await Channel.over(other)
    _, writer = await asyncio.open_unix_connection(sock=plain)
    writer.write(b"\0\0\0\x10half")
    writer.close()
    assert await theirs.receive() is None
    await asyncio.gather(theirs.close(), writer.wait_closed())
