"""Ready-made consents: a tenant sees its own, until they end; a file of them is refused with all that is wrong."""

import pathlib
from datetime import UTC, datetime

import pytest

from gateway.consents.ready import read_consents
from gateway.errors import AuthenticationDue, ConsentExpired
from gateway.exchange import Consent, Grant
from gateway.files import Refused
from gateway.secrets import Secrets

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FILE = """\
consents:
  - id: one
    tenant: acme
    bank: albion
    bank_consent_id: bank's own
    psu_reference: ada
    ends: 2026-11-22T13:00:00+01:00
    access_token: env:TOKEN
    accounts:
      - {account_id: acc_1, resource_id: r1, currency: EUR, numbers: [DE1]}
      - {account_id: acc_2, resource_id: r2}
  - {id: two, tenant: acme, bank: havel, access_token: 'env:TOKEN'}
"""


def read(folder: pathlib.Path, text: str = FILE, now: datetime = NOW):
    path = folder / "consents.yaml"
    path.write_text(text)
    return read_consents(path, Secrets(folder, {"TOKEN": "secret token"}), lambda: now)


def told(folder: pathlib.Path, text: str) -> list[str]:
    with pytest.raises(Refused) as caught:
        read(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


async def test_a_consent_is_its_tenants_alone(tmp_path):
    consents = read(tmp_path, now=datetime(2026, 11, 22, 11, 59, tzinfo=UTC))
    consent = await consents.find("acme", "one")
    assert consent == Consent("one", "acme", "albion", "bank's own", "ada")
    assert await consents.find("other", "one") is None
    assert await consents.find("acme", "three") is None
    assert await consents.access_token(consent) == "secret token"


async def test_a_consent_ends_at_its_instant(tmp_path):
    with pytest.raises(ConsentExpired):
        await read(tmp_path).find("acme", "one")
    assert await read(tmp_path).find("other", "one") is None
    assert await read(tmp_path, now=datetime(9999, 1, 1, tzinfo=UTC)).find("acme", "two")


async def test_accounts_are_known_beforehand_and_learnt(tmp_path):
    consents = read(tmp_path)
    one, two = Consent("one", "acme", "albion"), Consent("two", "acme", "havel")
    assert await consents.grants(two) == {}
    await consents.learn(two, (Grant("acc_3", "r3"), Grant("acc_4", "r4")))
    await consents.learn(two, (Grant("acc_3", "changed"),))
    assert await consents.grants(two) == {"acc_3": Grant("acc_3", "changed"), "acc_4": Grant("acc_4", "r4")}
    assert await consents.grants(one) == {"acc_1": Grant("acc_1", "r1", "EUR", ("DE1",)), "acc_2": Grant("acc_2", "r2")}


async def test_a_consent_without_a_token_asks_for_authentication(tmp_path):
    with pytest.raises(AuthenticationDue):
        await read(tmp_path).access_token(Consent("three", "acme", "havel"))


def test_all_that_is_wrong_is_told_with_its_place(tmp_path):
    text = """\
consents:
  - {id: one, tenant: acme, bank: b, access_token: 'env:TOKEN', ends: 2027-02-31T00:00:00Z}
  - {id: one, tenant: other, bank: b, access_token: 'env:ABSENT'}
"""
    assert told(tmp_path, text) == [
        "consents.yaml:2:71 consents[0].ends: '2027-02-31T00:00:00Z' is not an instant of the calendar",
        "consents.yaml:3:10 consents[1].id: the id 'one' stands twice",
        "consents.yaml:3:53 consents[1].access_token: env:ABSENT: the variable ABSENT is not set",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("consents: {}", "consents.yaml:1:11 consents: must be a list"),
        ("consent: []", "consents.yaml:1:1 'consents' is required"),
        ("", "consents.yaml:1:1 the file is empty"),
    ],
)
def test_a_file_of_another_kind(tmp_path, text, problem):
    assert problem in told(tmp_path, text)


def test_a_token_in_clear_is_refused_and_not_shown(tmp_path):
    (problem,) = told(tmp_path, "consents: [{id: one, tenant: a, bank: b, access_token: CANARY}]")
    assert problem.startswith("consents.yaml:1:56 consents[0].access_token: is not a reference: ")
    assert "CANARY" not in problem


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(Refused, match="can not be read: No such file"):
        read_consents(tmp_path / "none.yaml", Secrets(tmp_path, {}), lambda: NOW)
