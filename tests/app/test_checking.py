"""A gateway's settings checked with all that they name, and no door opened."""

import pathlib

import pytest

from gateway import settings
from gateway.app.checking import check_whole
from gateway.files import Refused
from tests.app.house import BANK, build, write

pytestmark = pytest.mark.usefixtures("few_files")


def check(path: pathlib.Path) -> tuple[str, ...]:
    """What is told of a settings file, problem by problem; nothing where it is sound."""
    try:
        check_whole(settings.load({}, path))
    except Refused as refused:
        return tuple(str(problem) for problem in refused.problems)
    return ()


@pytest.fixture
def house(tmp_path: pathlib.Path) -> pathlib.Path:
    return build(tmp_path)


def test_what_would_serve_is_sound(house: pathlib.Path) -> None:
    found = check_whole(settings.load({}, house))
    assert {"one", "two"} <= set(found.banks)


def test_files_certificates_and_settings_are_told_of_at_once(house: pathlib.Path) -> None:
    root = house.parent
    (root / "secrets/server.key").write_text("no key")
    write(root, "adapters/banks/two.yaml", BANK % ("two", "two") + "titel: twice\n")
    told = check(house)
    assert any("listeners.service.tls" in one and "file:server.key" in one for one in told)
    assert any("two.yaml:9:1" in one and "did you mean 'title'" in one for one in told)


def test_a_bank_that_is_not_there_is_told_of(house: pathlib.Path) -> None:
    house.write_text(house.read_text().replace("banks: [one, two]", "banks: [one, twoo]"))
    [told] = check(house)
    assert "'twoo' is not a bank that can be served (did you mean 'two'?)" in told


def test_a_banks_secret_that_leads_nowhere_is_told_of(house: pathlib.Path) -> None:
    certificates = "certificates: {certificate: 'file:banks/gone.pem', key: 'file:banks/gone.key'}\n"
    write(house.parent, "adapters/banks/two.yaml", BANK % ("two", "two") + certificates)
    told = check(house)
    assert told
    assert all("file:banks/gone" in one for one in told)


def test_limits_that_each_worker_would_count_for_itself_are_told_of(house: pathlib.Path) -> None:
    house.write_text(house.read_text() + "workers: 2\n")
    told = check(house)
    assert any(
        "policies/service.yaml" in one and "2 workers would each let the whole limit through" in one for one in told
    )
