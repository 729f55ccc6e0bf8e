import pathlib

import pytest

from gateway.files import Refused
from gateway.simulator.data_file import SHIPPED, read_banks

SMALL = """
banks:
  corbel:
    title: Corbel Bank
    dialect: berlin_group
    version: "1.3.11"
    zone: Europe/Berlin
    bic: CORBDEFFXXX
    base_path: /api/v1
    port: 18499
    accesses: [{token: simulator-only.corbel, consent: corbel-consent}]
    accounts:
      - {id: c-1, name: Current, kind: current, holder: Runa Feld, balances: {EUR: "1.00"}, habits: [life]}
    habits:
      life: [{kind: card, party: Kiosk, text: KIOSK, between: ["-9.50", "-1.10"], every_days: 2}]
"""


def test_the_shipped_file_has_a_bank_of_each_dialect_and_version() -> None:
    banks = read_banks()
    assert {(bank.dialect, bank.version) for bank in banks.values()} == {
        ("uk_openbanking", "3.1.11"),
        ("uk_openbanking", "4.0"),
        ("berlin_group", "1.3.11"),
        ("stet", "1.5"),
    }
    tokens = [access.token for bank in banks.values() for access in bank.accesses]
    assert all(token.startswith("simulator-only.") for token in tokens)


def test_a_small_file_is_enough(tmp_path: pathlib.Path) -> None:
    assert list(read_banks((_file(tmp_path, SMALL),))) == ["corbel"]


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("title: Corbel", "tittle: Corbel", ":4:5 banks.corbel.tittle: unknown key 'tittle' (did you mean 'title'?)"),
        ("dialect: berlin_group", "dialect: berlin_groop", ":5:14 banks.corbel.dialect: 'berlin_groop' is not one of"),
        ('"1.3.11"', '"1.3.4"', ":6:14 banks.corbel.version: berlin_group is simulated in: 1.3.11"),
        ("Europe/Berlin", "Europe/Berlinn", ":7:11 banks.corbel.zone: 'Europe/Berlinn' is no time zone"),
        ("base_path: /api/v1", "base_path: /api/v1/", "'/api/v1/' is not a path without a trailing slash"),
        ('EUR: "1.00"', "EUR: 1.00", "accounts[Current].balances.EUR: must be text"),
        ('EUR: "1.00"', 'Eur: "1.00"', "'Eur' is not a currency's three capital letters"),
        ("habits: [life]", "habits: [lfe]", "there are no habits 'lfe' (did you mean 'life'?)"),
        ("habits: [life]", "habits: [life], linked_account: c-9", "there is no account 'c-9' (did you mean 'c-1'?)"),
        (", every_days: 2", "", "habits.life[0]: needs one of 'every_days' and 'monthly'"),
        ('"-9.50", "-1.10"', '"-1.10", "-9.50"', "the smaller amount stands first"),
        ("every_days: 2", "every_days: 2, currency: USD", "the account has no balance in USD"),
        ("port: 18499", "port: 18499\n    quirks: {empty_is_204: true}", "'empty_is_204' is a quirk of stet"),
        (
            "port: 18499",
            "port: 18499\n    requires: {signed_requests: {}, signed_messages: {key_id: ours}}",
            "one header 'Signature' can not be both this and 'signed_requests'",
        ),
        (
            "port: 18499",
            "port: 18499\n    requires: {signed_messages: {key_id: ours, covered: ['@status']}}",
            "a component of RFC 9421: a field's name in small letters, '@method', ...",
        ),
        ("consent: corbel-consent", "consent: x, accounts: [c-2]", "there is no account 'c-2'"),
        ("port: 18499", "port: 18499\n    port: 18500", "the key 'port' stands twice"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: pathlib.Path, right: str, wrong: str, problem: str) -> None:
    file = _file(tmp_path, SMALL.replace(right, wrong))
    with pytest.raises(Refused) as refused:
        read_banks((file,))
    assert any(problem in str(one) for one in refused.value.problems), [str(one) for one in refused.value.problems]


def test_all_problems_are_told_at_once(tmp_path: pathlib.Path) -> None:
    text = SMALL.replace("Europe/Berlin", "Mars/Olympus").replace('"1.3.11"', '"2.0"').replace("[life]", "[lief]")
    with pytest.raises(Refused) as refused:
        read_banks((_file(tmp_path, text),))
    assert [problem.line for problem in refused.value.problems] == [6, 7, 13]


def test_a_bank_of_the_same_name_or_port_in_another_file_is_a_problem(tmp_path: pathlib.Path) -> None:
    first = _file(tmp_path, SMALL)
    second = tmp_path / "second.yaml"
    second.write_text(SMALL)
    with pytest.raises(Refused) as refused:
        read_banks((first, second))
    messages = [problem.message for problem in refused.value.problems]
    assert messages == ["a bank 'corbel' stands in another file", "18499 is the port of 'corbel'"]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refused, match="can not be read: No such file"):
        read_banks((SHIPPED, tmp_path / "absent.yaml"))


def _file(folder: pathlib.Path, text: str) -> pathlib.Path:
    file = folder / "banks.yaml"
    file.write_text(text)
    return file
