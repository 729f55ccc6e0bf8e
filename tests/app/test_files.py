"""Files of all layers, read whole: problems of every kind at once, and a hash that follows contents alone."""

import json
import os

import pytest

from gateway.app.files import DIALECTS, content_hash, find_bank, load_dialects, read_files, readers
from gateway.files import Layers, Refused, shipped
from tests.app.house import BANK, ROUTES, write


def layers(tmp_path) -> Layers:
    (tmp_path / "files").mkdir(exist_ok=True)
    return Layers.over_shipped((tmp_path / "files",))


def told(found: Layers) -> list[str]:
    with pytest.raises(Refused) as caught:
        read_files(found)
    return [str(problem) for problem in caught.value.problems]


def test_what_ships_becomes_a_set(tmp_path):
    found = read_files(layers(tmp_path))
    assert {bank.profile.dialect for bank in found.banks.values()} == set(DIALECTS)
    assert {row.operation for row in found.rows()} >= {"accounts.list", "transactions.list", "banks.list"}
    assert found.content_hash == content_hash(found.layers)
    assert json.loads(found.openapi())["openapi"].startswith("3.1")


def test_problems_of_mappings_banks_and_policies_are_told_at_once(tmp_path):
    write(tmp_path, "policies/open.yaml", ROUTES.replace("GET", "GTE"))
    write(tmp_path, "adapters/banks/mine.yaml", BANK.replace("title", "titel") % ("x", "x"))
    write(tmp_path, "mappings/stet/accounts.list.yaml", "mapping: [\n")
    write(tmp_path, "mappings/stet/mine/accounts.list.yaml", "mapping: stet/mine/accounts.list\nextends: stet/none\n")
    found = told(layers(tmp_path))
    folder = f"{tmp_path}/files/"
    assert [one.split(":")[0].removeprefix(folder) for one in found] == sorted(
        one.split(":")[0].removeprefix(folder) for one in found
    )
    assert {one.split(":")[0].removeprefix(folder) for one in found} == {
        "adapters/banks/mine.yaml",
        "mappings/stet/accounts.list.yaml",
        "mappings/stet/mine/accounts.list.yaml",
        "policies/open.yaml",
    }


def test_a_layer_of_its_own_can_not_do_without_mappings(tmp_path):
    bank = BANK % ("x", "x")
    for folder in ("policies", "adapters/banks", "mappings"):
        (tmp_path / "files" / folder).mkdir(parents=True)
    for name in ("mappings/canonical", "mappings/mapping.schema.json", "adapters/banks/bank.schema.json"):
        (tmp_path / "files" / name).symlink_to(shipped() / name)
    (tmp_path / "files" / "policies" / "policy.schema.json").symlink_to(shipped() / "policies/policy.schema.json")
    write(tmp_path, "adapters/banks/mine.yaml", bank)
    found = told(Layers((tmp_path / "files",)))
    assert found == sorted(
        f"adapters/banks/mine.yaml:2:10 dialect: no mapping reads uk_openbanking/{operation}"
        for operation in load_dialects()["uk_openbanking"].OPERATIONS
    )


# -- the hash ---------------------------------------------------------------------------------------------------------
def test_the_hash_is_of_paths_and_contents_and_nothing_else(tmp_path):
    found = layers(tmp_path)
    path = write(tmp_path, "policies/open.yaml", ROUTES)
    before = content_hash(found)
    os.utime(path, (1, 1))
    path.chmod(0o600)
    assert content_hash(found) == before
    path.write_text(path.read_text() + "\n")
    changed = content_hash(found)
    path.rename(path.with_name("other.yaml"))
    renamed = content_hash(found)
    path.with_name("other.yaml").unlink()
    gone = content_hash(found)
    assert len({before, changed, renamed, gone}) == 4
    write(tmp_path, "policies/open.yaml", ROUTES)
    assert content_hash(found) == before


def test_where_one_file_ends_and_the_next_begins_counts(tmp_path):
    found = layers(tmp_path)
    write(tmp_path, "policies/zz-1.yaml", "one")
    write(tmp_path, "policies/zz-2.yaml", "two")
    before = content_hash(found)
    (tmp_path / "files" / "policies" / "zz-2.yaml").unlink()
    for length in ("", "3\0"):
        write(tmp_path, "policies/zz-1.yaml", f"onepolicies/zz-2.yaml\0{length}two")
        assert content_hash(found) != before


def test_a_config_map_that_is_swapped_for_an_equal_one_is_the_same(tmp_path):
    found = layers(tmp_path)
    folder = tmp_path / "files" / "policies"
    for version in ("1", "2", "3"):
        held = folder / f"..{version}"
        held.mkdir(parents=True)
        (held / "open.yaml").write_text(ROUTES if version != "3" else ROUTES.replace("open", "shut"))
    (folder / "open.yaml").symlink_to("..data/open.yaml")
    hashes = []
    for version in ("1", "2", "3"):
        (folder / "..new").symlink_to(f"..{version}")
        (folder / "..new").rename(folder / "..data")
        hashes.append(content_hash(found))
    assert hashes[0] == hashes[1] != hashes[2]


# -- banks and dialects by name ---------------------------------------------------------------------------------------
def test_a_banks_data_are_found_by_name_abstract_or_not(tmp_path):
    found = layers(tmp_path)
    write(tmp_path, "adapters/banks/mine.yaml", "extends: albion-sandbox\nzone: Europe/Paris\n")
    mine, base = find_bank(found, "mine"), find_bank(found, "albion")
    assert (mine.name, mine.zone, mine.dialect) == ("mine", "Europe/Paris", "uk_openbanking")
    assert mine.lineage == ("mine", "albion-sandbox", "albion")
    assert (base.name, base.bic, base.lineage) == ("albion", "ALBNGB2LXXX", ("albion",))


def test_a_bank_that_is_not_there_or_not_sound_is_refused(tmp_path):
    found = layers(tmp_path)
    with pytest.raises(Refused, match=r"no such bank file \(did you mean 'albion'"):
        find_bank(found, "albio")
    write(tmp_path, "adapters/banks/mine.yaml", "extends: albon\n")
    with pytest.raises(Refused, match="albon"):
        find_bank(found, "mine")


def test_every_dialect_offers_what_the_engine_asks_for():
    for name, dialect in load_dialects().items():
        assert name == dialect.NAME
        assert dialect.VERSIONS
        assert dialect.OPERATIONS
    assert all(callable(reader) for reader in readers().values())
    assert ("berlin_group", "camt") in readers()
