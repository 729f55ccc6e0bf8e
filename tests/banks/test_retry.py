import asyncio
from datetime import UTC, datetime

import pytest

from gateway.banks.circuit import CircuitOpen
from gateway.banks.retry import Patience, Retry, read_retry_after
from gateway.banks.translation import AnswerLost
from gateway.contract import BankResponse
from gateway.errors import BankFailed, BankNonsense, BankTimedOut, BankUnreachable, DeadlineExceeded, Overloaded

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Bank:
    """Does one thing after another: statuses, (status, Retry-After), errors. Pauses are kept, not slept."""

    def __init__(self, tally, *does: object, attempts: int = 3, random: float = 1.0) -> None:
        self.does = list(does)
        self.resends: list[int] = []
        self.pauses: list[float] = []
        patience = Patience(attempts, base=0.1, cap=0.3)
        self.send = Retry(
            "albion", patience, tally, clock=lambda: NOW, random=lambda: random, pause=self._pause
        ).around(self._answer)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def _answer(self, outgoing):
        self.resends.append(outgoing.resend)
        does = self.does.pop(0)
        if isinstance(does, BaseException):
            raise does
        status, after = does if isinstance(does, tuple) else (does, None)
        headers = {} if after is None else {"Retry-After": after}
        return BankResponse(status=status, headers=headers, body=b"", url="", request_id="")


@pytest.mark.parametrize("ill", [502, 503, 504, (429, "0"), (503, "1"), BankUnreachable(), AnswerLost()])
async def test_a_repeatable_request_is_sent_again(tally, outgoing, ill):
    bank = Bank(tally, ill, 200)
    assert (await bank.send(outgoing("a"))).status == 200
    assert bank.resends == [0, 1]
    reason = ill.code if isinstance(ill, BaseException) else str(ill[0] if isinstance(ill, tuple) else ill)
    assert tally.retries == [("albion", reason)]


@pytest.mark.parametrize("ill", [502, 503, 504, (429, "0"), (503, "0"), AnswerLost()])
async def test_any_other_is_not(tally, outgoing, ill):
    bank = Bank(tally, ill, 200)
    try:
        assert (await bank.send(outgoing("a", method="POST"))).status != 200
    except AnswerLost:
        assert isinstance(ill, AnswerLost)
    assert bank.resends == [0]
    assert tally.retries == []


async def test_any_other_is_sent_again_where_nothing_was_sent(tally, outgoing):
    bank = Bank(tally, BankUnreachable(), 201)
    assert (await bank.send(outgoing("a", method="POST"))).status == 201
    assert bank.resends == [0, 1]


@pytest.mark.parametrize(
    "final",
    [200, 302, 400, 401, 403, 404, 429, (429, "x"), 500, 501, BankTimedOut(), BankNonsense(), BankFailed(),
     CircuitOpen(), Overloaded(), DeadlineExceeded(), KeyError()],
)  # fmt: skip
async def test_what_would_not_help_is_not_tried(tally, outgoing, final):
    bank = Bank(tally, final, 200)
    (end,) = await asyncio.gather(bank.send(outgoing("a")), return_exceptions=True)
    assert end is final or not isinstance(final, BaseException)
    assert bank.resends == [0]


async def test_attempts_are_bounded_and_the_last_one_stands(tally, outgoing):
    bank = Bank(tally, 502, BankUnreachable(), 503, 200)
    assert (await bank.send(outgoing("a"))).status == 503
    assert bank.resends == [0, 1, 2]
    last = BankUnreachable()
    bank = Bank(tally, 502, 503, last, 200)
    with pytest.raises(BankUnreachable) as caught:
        await bank.send(outgoing("a"))
    assert caught.value is last


async def test_pauses_grow_to_their_cap(tally, outgoing):
    bank = Bank(tally, 503, 503, 503, 503, 200, attempts=9)
    await bank.send(outgoing("a"))
    assert bank.pauses == pytest.approx([0.1, 0.2, 0.3, 0.3])


async def test_pauses_are_drawn_from_their_whole_length(tally, outgoing):
    bank = Bank(tally, 503, 503, 200, random=0.0)
    await bank.send(outgoing("a"))
    assert bank.pauses == [0.0, 0.0]


async def test_retry_after_is_the_least_pause(tally, outgoing):
    bank = Bank(tally, (503, "2"), (429, "Sun, 01 Mar 2026 12:00:03 GMT"), 200)
    await bank.send(outgoing("a", within=60))
    assert bank.pauses == [2.0, 3.0]


@pytest.mark.parametrize("after", ["10", "Sun, 01 Mar 2026 12:00:10 GMT", "9" * 50])
async def test_a_retry_after_past_the_deadline_ends_it(tally, outgoing, after):
    bank = Bank(tally, (503, after), 200)
    assert (await bank.send(outgoing("a", within=9))).status == 503
    assert (bank.resends, bank.pauses) == ([0], [])


async def test_nothing_is_tried_past_the_deadline(tally, outgoing):
    bank = Bank(tally, BankUnreachable(), 200)
    with pytest.raises(BankUnreachable):
        await bank.send(outgoing("a", within=0.05))
    assert bank.resends == [0]


async def test_a_way_as_it_is_opened_tries_again_and_the_bank_sees_both_spans(listen, reach, outgoing, tally):
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    bank = await listen(b"HTTP/1.1 503 Away\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", ok)
    sent = outgoing(f"{bank.base_url}/a")
    assert (await reach(bank.base_url, attempts=3).send(sent)).status == 200
    first, second = sent.record.attempts
    assert (first.resend, first.status, second.resend, second.status) == (0, 503, 1, 200)
    assert first.span_id != second.span_id
    for attempt, request in zip(sent.record.attempts, bank.requests, strict=True):
        assert attempt.span_id.encode() in request
    assert [call[2] for call in tally.calls] == ["5xx", "2xx"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 12:01:00 -0000", 60.0),
        ("Sunday, 01-Mar-26 12:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_both_forms_of_retry_after(value, seconds):
    assert read_retry_after(value, lambda: NOW) == seconds


async def test_a_pause_is_slept(tally, outgoing):
    does = [503, 200]

    async def answer(_outgoing):
        return BankResponse(status=does.pop(0), headers={}, body=b"", url="", request_id="")

    send = Retry("albion", Patience(2, 0.05, 0.05), tally, clock=lambda: NOW, random=lambda: 1.0).around(answer)
    started = asyncio.get_running_loop().time()
    await send(outgoing("a"))
    assert asyncio.get_running_loop().time() - started >= 0.049
