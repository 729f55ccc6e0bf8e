import asyncio
from datetime import UTC, datetime

import pytest

from gateway.banks.registry import Registry, open_banks, prepare_banks, read_banks
from gateway.contract import BankProfile
from gateway.files import Refused
from gateway.secrets import Secrets
from tests.banks.files import DIALECTS, FOLDER, PLAIN, Deviations, Paging

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_file_becomes_a_profile(layers):
    text = PLAIN + (
        "bic: ALBNGB2LXXX\ncountry: GB\nclient_id: us\nheaders: {x-fapi-financial-id: '0015'}\n"
        "deviations: {query_dates: date, statuses: [Booked], paging: {size: 20}}\n"
        "capabilities: {never: [transaction.merchant]}\n"
    )
    bank = read_banks(layers({"albion": text}), DIALECTS)["albion"]
    assert bank.profile == BankProfile(
        name="albion",
        title="Albion",
        dialect="uk_openbanking",
        version="3.1.11",
        zone="Europe/London",
        base_urls={"default": "https://api.albion.example/open-banking"},
        bic="ALBNGB2LXXX",
        client_id="us",
        headers=(("x-fapi-financial-id", "0015"),),
        deviations=Deviations(query_dates="date", statuses=("Booked",), paging=Paging(size=20)),
        lineage=("albion",),
    )
    assert bank.entry.capabilities.never == ("transaction.merchant",)


@pytest.fixture
def secrets(tmp_path, service) -> Secrets:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "cert.pem").write_bytes(service.identity.certificate)
    (folder / "key.pem").write_bytes(service.identity.key)
    (folder / "ca.pem").write_bytes(service.server_ca)
    return Secrets(folder, {})


MUTUAL = PLAIN + "certificates: {certificate: file:cert.pem, key: file:key.pem, server_ca: file:ca.pem}\n"


def prepared(layers, secrets, text=MUTUAL, **more):
    files = {"albion": text, **more}
    return prepare_banks(read_banks(layers(files), DIALECTS).values(), secrets)


async def test_what_is_served_is_opened_with_its_conditions(layers, secrets, service, tally):
    text = MUTUAL + (
        "limits: {concurrency: 3, queue: 4, answer: 64KiB}\ntimeouts: {connect: 250ms, answer: 1m}\n"
        "retry: {attempts: 2, base: 1s, cap: 2s}\ncircuit: {failures: 7, window: 1m, open_for: 2s}\n"
        "country: GB\ncapabilities: {never: [account.holders]}\n"
    )
    registry = open_banks(prepared(layers, secrets, text), tally, lambda: NOW)
    bank = registry.banks["albion"]
    conditions = bank.way.conditions
    assert (conditions.identity, conditions.server_ca) == (service.identity, service.server_ca)
    assert (conditions.bounds.connect, conditions.bounds.answer, conditions.bounds.answer_bytes) == (0.25, 60, 65536)
    assert (conditions.room.concurrency, conditions.room.queue) == (3, 4)
    assert (conditions.tolerance.failures, conditions.tolerance.window, conditions.tolerance.open_for) == (7, 60, 2)
    assert (conditions.patience.attempts, conditions.patience.base, conditions.patience.cap) == (2, 1, 2)
    assert (bank.environment, bank.country, bank.never) == ("sandbox", "GB", ("account.holders",))
    assert bank.circuit.health() == ("up", None)
    assert bank.origins.normalise("https://API.albion.example/x") == "https://api.albion.example/x"
    in_use, limit = tally.places["albion"]
    assert (in_use(), limit) == (0, 3)
    assert tally.certificates == {"bank:albion": service.identity.ends()}
    assert tally.states == [("albion", "closed")]
    await registry.close()


def test_what_can_not_be_opened_is_told_with_its_place(layers, secrets):
    broken = MUTUAL.replace("key.pem", "ca.pem")
    with pytest.raises(Refused) as caught:
        prepared(layers, secrets, broken, havel=MUTUAL.replace("file:ca.pem", "env:NO_SUCH"))
    assert [str(problem).partition(FOLDER)[2] for problem in caught.value.problems] == [
        "/albion.yaml:8:1 certificates: certificate and key must be in PEM form",
        "/havel.yaml:8:74 certificates.server_ca: env:NO_SUCH: the variable NO_SUCH is not set",
    ]


async def test_a_new_set_takes_over_the_ways_that_did_not_change(layers, secrets, tally, listen, outgoing):
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    one, two = await listen(ok), await listen(ok)

    def text(bank, title="X"):
        return f"network: private\n{PLAIN}".replace("https://api.albion.example", bank.base_url).replace(
            "Albion", title
        )

    first = open_banks(prepared(layers, secrets, text(one), havel=text(two)), tally, lambda: NOW)
    for name, bank in (("albion", one), ("havel", two)):
        await first.banks[name].send(outgoing(f"{bank.base_url}/a"))
    changed = prepared(layers, secrets, text(one, "Other"), havel=text(two) + "timeouts: {answer: 1s}\n")
    second = open_banks(changed, tally, lambda: NOW, first)
    assert second.banks["albion"].profile.title == "Other"
    assert second.banks["albion"].way is first.banks["albion"].way
    assert second.banks["havel"].way is not first.banks["havel"].way
    await first.close(second)
    for name, bank in (("albion", one), ("havel", two)):
        await second.banks[name].send(outgoing(f"{bank.base_url}/a"))
    assert (one.connections, two.connections) == (1, 2)
    await second.close()


async def test_closing_leaves_no_connection(layers, secrets, tally, listen, outgoing):
    gone = asyncio.Event()

    async def talk(reader, writer):
        await bank.request(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert await reader.read() == b""
        gone.set()

    bank = await listen(talk=talk)
    text = f"network: private\n{PLAIN}".replace("https://api.albion.example", bank.base_url)
    registry = open_banks(prepared(layers, secrets, text), tally, lambda: NOW)
    await registry.banks["albion"].send(outgoing(f"{bank.base_url}/a"))
    await registry.close()
    await gone.wait()


async def test_an_empty_set_is_a_set(tally):
    registry = open_banks((), tally, lambda: NOW)
    assert registry.banks == {}
    await registry.close(Registry({}))
