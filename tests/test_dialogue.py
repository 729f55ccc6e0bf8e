import asyncio
import json
import threading

import pytest

from adapters.berlin_group import OPERATIONS
from gateway.contract import BankRequest, BankResponse, Document
from gateway.dialogue import LARGE, MOST_AT_ONCE, MOST_STEPS, drive
from gateway.errors import BankFailed, BankNonsense, BankTimedOut, BankUnreachable, GatewayFault
from gateway.exchange import CallRecord
from tests.adapters.berlin_group.dialogues import make_call

RECORD = CallRecord(trace_id="0" * 32, span_id="1" * 16, parent_id="", trace_state="", sampled=False, started=0)


def ask(url: str) -> BankRequest:
    return BankRequest(method="GET", url=url)


def document(response: BankResponse) -> Document:
    return Document(body=response.body, headers=response.headers, url=response.url, request_id=response.request_id)


class Bank:
    """Echoes URLs; fails for those that a test names, and holds those that are to wait for an event."""

    def __init__(
        self, fails: dict[str, Exception] | None = None, holds: dict[str, asyncio.Event] | None = None
    ) -> None:
        self.fails = fails or {}
        self.holds = holds or {}
        self.outgoing = []
        self.ended: list[str] = []
        self.moved = asyncio.Condition()

    async def until(self, *urls: str, begun: bool = False) -> None:
        """Waits until requests have begun, or ended."""

        def reached() -> bool:
            return set(urls) <= ({one.request.url for one in self.outgoing} if begun else set(self.ended))

        async with self.moved:
            await self.moved.wait_for(reached)

    async def _tell(self) -> None:
        async with self.moved:
            self.moved.notify_all()

    async def send(self, outgoing):
        url = outgoing.request.url
        self.outgoing.append(outgoing)
        await self._tell()
        try:
            if url in self.holds:
                await self.holds[url].wait()
            if url in self.fails:
                raise self.fails[url]
        finally:
            self.ended.append(url)
            await self._tell()
        return BankResponse(status=200, headers={}, body=url.encode(), url=url, request_id="r")

    async def drive(self, dialogue):
        return await drive(dialogue, self.send, "accounts.list", 9.0, RECORD)


async def test_answers_are_sent_into_the_generator_and_its_document_comes_out():
    def dialogue():
        first = yield ask("a")
        second = yield ask(first.url + "b")
        return document(second)

    bank = Bank()
    assert (await bank.drive(dialogue())).body == b"ab"
    assert [(one.operation, one.deadline, one.record, one.resend) for one in bank.outgoing] == [
        ("accounts.list", 9.0, RECORD, 0)
    ] * 2


async def test_a_tuple_runs_at_once_and_comes_back_in_its_order():
    go = asyncio.Event()

    def dialogue():
        a, b, c = yield ask("a"), ask("b"), ask("c")
        assert (a.url, b.url, c.url) == ("a", "b", "c")
        return document(b)

    bank = Bank(holds={"a": go, "b": go})
    task = asyncio.create_task(bank.drive(dialogue()))
    await bank.until("c")
    assert bank.ended == ["c"]
    go.set()
    assert (await task).url == "b"


async def test_a_failure_is_thrown_in_and_may_be_dealt_with():
    def dialogue():
        try:
            yield ask("a")
        except BankFailed:
            response = yield ask("b")
        return document(response)

    assert (await Bank(fails={"a": BankFailed()}).drive(dialogue())).url == "b"


async def test_a_failure_that_is_let_pass_is_the_call_s():
    closed = []

    def dialogue():
        try:
            yield ask("a")
        finally:
            closed.append(True)

    failure = BankUnreachable()
    with pytest.raises(BankUnreachable) as caught:
        await Bank(fails={"a": failure}).drive(dialogue())
    assert caught.value is failure
    assert closed == [True]


async def test_one_failure_in_a_tuple_ends_the_others():
    seen = []

    def dialogue():
        try:
            yield ask("a"), ask("b"), ask("c")
        except BankTimedOut as error:
            seen.append(error)
        return document((yield ask("d")))

    failure = BankTimedOut()
    bank = Bank(fails={"b": failure}, holds={"a": asyncio.Event(), "c": asyncio.Event()})
    assert (await bank.drive(dialogue())).url == "d"
    assert seen == [failure]
    assert sorted(bank.ended) == ["a", "b", "c", "d"]


async def test_a_call_that_is_given_up_ends_its_requests_and_its_generator():
    closed = []

    def dialogue():
        try:
            yield ask("a"), ask("b")
        finally:
            closed.append(True)

    bank = Bank(holds={"a": asyncio.Event(), "b": asyncio.Event()})
    task = asyncio.create_task(bank.drive(dialogue()))
    await bank.until("a", "b", begun=True)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(bank.ended) == ["a", "b"]
    assert closed == [True]


def broken():
    yield ask("a")
    raise KeyError("canary")


def broken_at_once():
    raise KeyError("canary")
    yield


def without_document():
    yield ask("a")


def returning_bytes():
    yield ask("a")
    return b"{}"


def yielding_text():
    yield "a"


def yielding_a_list():
    yield [ask("a")]


def yielding_a_mixed_tuple():
    yield (ask("a"), "b")


def yielding_too_many():
    yield tuple(ask("a") for _ in range(MOST_AT_ONCE + 1))


def endless():
    while True:
        yield ask("a")


def endless_and_empty():
    while True:
        yield ()


def stubborn():
    while True:
        try:
            yield ask("a")
        except GeneratorExit:
            continue
        finally:
            raise KeyError("canary")


@pytest.mark.parametrize(
    "dialogue",
    [broken, broken_at_once, without_document, returning_bytes, yielding_text, yielding_a_list, yielding_a_mixed_tuple,
     yielding_too_many, endless, endless_and_empty, stubborn],
)  # fmt: skip
async def test_a_mistake_in_a_generator_is_ours(dialogue):
    bank = Bank()
    generator = dialogue()
    with pytest.raises(GatewayFault) as caught:
        await bank.drive(generator)
    assert "canary" not in str(caught.value)
    assert len(bank.outgoing) <= MOST_STEPS
    assert generator.gi_frame is None


async def test_a_dialogue_may_be_as_long_as_the_bound():
    def dialogue():
        for _ in range(MOST_STEPS):
            response = yield ask("a")
        return document(response)

    assert (await Bank().drive(dialogue())).url == "a"


async def test_a_mistake_behind_send_is_not_the_generator_s():
    def dialogue():
        yield ask("a")

    with pytest.raises(ZeroDivisionError):
        await Bank(fails={"a": ZeroDivisionError()}).drive(dialogue())


async def test_an_ending_that_fails_hides_nothing():
    def dialogue():
        try:
            yield ask("a")
        finally:
            raise KeyError

    with pytest.raises(ZeroDivisionError):
        await Bank(fails={"a": ZeroDivisionError()}).drive(dialogue())


ENTRY = (
    '<Ntry><Amt Ccy="EUR">12.30</Amt><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-01</Dt></BookgDt><NtryDtls><TxDtls>'
    "<Refs><EndToEndId>E1</EndToEndId></Refs><RmtInf><Ustrd>rent</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
)
NO_JSON = b"<" + b" " * LARGE


class Mute:
    """A dialogue of two requests, the first answered by what is given, which says in which threads it ran.

    With `held`, what it makes of the first answer takes until the test says so.
    """

    def __init__(self, body: bytes, *, held: bool = False) -> None:
        self.body = body
        self.threads: list[int] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.closed = threading.Event()
        if not held:
            self.go.set()

    async def send(self, outgoing):
        url = outgoing.request.url
        return BankResponse(status=200, headers={}, body=self.body if url == "a" else b"{}", url=url, request_id="r")

    def dialogue(self):
        try:
            self.threads.append(threading.get_ident())
            yield ask("a")
            self.threads.append(threading.get_ident())
            self.begun.set()
            assert self.go.wait(60), "nobody went on"
            response = yield ask("b")
            self.threads.append(threading.get_ident())
            return document(response)
        finally:
            self.closed.set()

    def drive(self):
        return drive(self.dialogue(), self.send, "accounts.list", 9.0, RECORD)


@pytest.mark.parametrize(
    ("body", "beside"),
    [
        (NO_JSON, True),
        (b" " * (LARGE + 1), True),
        (NO_JSON[:LARGE], False),
        (b"\xef\xbb\xbf\r\n\t {" + b" " * LARGE, False),
        (b"[" + b" " * LARGE, False),
    ],
    ids=["large", "empty", "small", "an object", "a list"],
)
async def test_only_a_large_answer_that_is_no_json_leaves_the_loop_s_thread(body, beside):
    mute, here = Mute(body), threading.get_ident()
    assert (await mute.drive()).url == "b"
    first, second, third = mute.threads
    assert (first, third) == (here, here)
    assert (second != here) is beside


async def test_what_a_large_answer_is_refused_with_is_told_as_ever():
    async def send(_outgoing):
        return BankResponse(status=200, headers={}, body=NO_JSON, url="a", request_id="r")

    for end, told in ((BankNonsense(), BankNonsense), (KeyError("canary"), GatewayFault)):

        def dialogue(end=end):
            yield ask("a")
            raise end

        with pytest.raises(told) as caught:
            await drive(dialogue(), send, "accounts.list", 9.0, RECORD)
        assert end in (caught.value, caught.value.__cause__)


async def test_a_call_that_is_given_up_does_not_wait_for_its_large_answer():
    running, waiting = Mute(NO_JSON, held=True), Mute(NO_JSON)
    tasks = [asyncio.create_task(running.drive())]
    try:
        await asyncio.to_thread(running.begun.wait)
        tasks.append(asyncio.create_task(waiting.drive()))
        await asyncio.sleep(0)
        assert waiting.threads, "it has asked, was answered, and waits for its turn"
        for task in tasks:
            task.cancel()
        # The one has not been told to go on yet.
        assert [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2
        assert waiting.closed.is_set()
        assert not running.closed.is_set()
    finally:
        running.go.set()
    assert await asyncio.to_thread(running.closed.wait, 60)
    assert not waiting.begun.is_set(), "its turn was given up too"
    assert (await Mute(NO_JSON).drive()).url == "b", "whoever comes next has a turn"


async def test_the_loop_goes_on_while_large_camt_is_read():
    body = f"<Document><BkToCstmrAcctRpt><Rpt>{ENTRY * 12_000}</Rpt></BkToCstmrAcctRpt></Document>".encode()
    now = asyncio.get_running_loop().time
    gaps: list[float] = []

    async def send(outgoing):
        return BankResponse(status=200, headers={}, body=body, url=outgoing.request.url, request_id="r")

    async def tick():
        last = now()
        while True:
            await asyncio.sleep(0.001)
            gaps.append(now() - last)
            last = now()

    call = make_call("transactions.list")
    ticking = asyncio.create_task(tick())
    begun = now()
    read = await drive(OPERATIONS["transactions.list"](call), send, "transactions.list", 9.0, RECORD)
    took = now() - begun
    await asyncio.sleep(0)
    ticking.cancel()
    assert read.form == "camt"
    assert len(json.loads(read.body)["Ntry"]) == 12_000
    assert max(gaps) < took / 2, f"{max(gaps):.3f} s of {took:.3f} s"
