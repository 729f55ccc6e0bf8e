"""`gateway check`, `routes`, `openapi`, and what keeps `serve` from serving."""

import json
import pathlib
import socket

from tests.app.house import build
from tests.cli.commands import gateway, refused

BROKEN = {
    "policies/accounts.yaml": (
        "extends: service.yaml\nroutes:\n  - {name: a, method: GTE, path: /v1/a, operation: accounts.list}\n"
    ),
    "adapters/banks/mine.yaml": "extends: albion\ntitel: Mine\nenvironment: sandbox\n",
    "mappings/stet/mine/accounts.list.yaml": (
        "mapping: stet/mine/accounts.list\nextends: stet/accounts.list\nversion: 1\n"
        "fields: {lable: $.name, usage: {const: NO}}\n"
    ),
    "mappings/stet/mine/balances.list.yaml": "[\n",
}
PLACES = [
    ("adapters/banks/mine.yaml", 2, 1, "unknown key 'titel' (did you mean 'title'?)"),
    ("mappings/stet/mine/accounts.list.yaml", 4, 40, "YAML 1.1 reads it as a truth value"),
    ("mappings/stet/mine/balances.list.yaml", 2, 1, "not YAML"),
    ("policies/accounts.yaml", 3, 23, "'GTE' is not one of"),
]


def layer(folder: pathlib.Path, **files: str) -> pathlib.Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_what_ships_is_sound():
    ended = gateway("check")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode().endswith(" mappings: no problems\n")


def test_what_ships_as_data(inside):
    code, answer, told = inside("check", "--format", "json")
    report = json.loads(answer)
    assert (code, told, report["ok"], report["problems"]) == (0, [], True, [])
    assert set(report["counts"]) == {"routes", "banks", "mappings"}
    assert len(report["hash"]) == 64


def test_every_problem_of_every_file_is_told_with_its_place(inside, tmp_path):
    layer(tmp_path, **BROKEN)
    told = refused("check", "--files", str(tmp_path))
    assert told[-1] == f"gateway: {len(told) - 1} problems"
    for name, line, column, message in PLACES:
        found = [one for one in told if one.startswith(f"{tmp_path}/{name}:{line}:{column} ")]
        assert any(message in one for one in found), (name, told)
    assert told[:-1] == sorted(told[:-1])

    code, answer, nothing = inside("check", "--format", "json", "--files", str(tmp_path))
    report = json.loads(answer)
    assert (code, nothing, report["ok"]) == (1, [], False)
    assert [
        "{file}:{line}:{column}".format(**one) + (f" {one['where']}:" if one["where"] else "") + f" {one['message']}"
        for one in report["problems"]
    ] == told[:-1]


def test_routes_as_a_table_and_as_data(inside):
    table = gateway("routes").stdout.decode().splitlines()
    assert table[0].split() == ["METHOD", "PATH", "LEADS", "TO", "FILTERS", "WRITTEN", "AT"]
    rows = json.loads(inside("routes", "--format", "json")[1])
    assert len(rows) == len(table) - 1
    (row,) = [row for row in rows if row["operation"] == "transactions.list"]
    assert (row["method"], row["template"]) == ("GET", "/v1/accounts/{account_id}/transactions")
    assert row["filters"][:3] == ["headers", "mtls", "jwt"]
    assert row["place"].startswith("policies/accounts.yaml:")
    (line,) = [line for line in table if "transactions.list" in line]
    assert row["place"] in line
    assert "headers → mtls → jwt" in line


def test_the_contract_of_ones_own_routes(inside, tmp_path):
    route = "{name: mine, method: GET, path: /mine/banks, operation: banks.list, public: true}"
    layer(tmp_path, **{"policies/banks.yaml": "routes: []\n", "policies/mine.yaml": f"routes:\n  - {route}\n"})
    document = json.loads(inside("openapi", "--files", str(tmp_path))[1])
    assert document["openapi"].startswith("3.1")
    assert "/mine/banks" in document["paths"]
    assert "/v1/banks" not in document["paths"]


# -- serve ------------------------------------------------------------------------------------------------------------
def test_without_settings_the_variable_is_named(inside, monkeypatch):
    monkeypatch.delenv("GATEWAY_SETTINGS", raising=False)
    assert inside("serve") == (
        1,
        "",
        [
            "environment:1:1 GATEWAY_SETTINGS: is not set: it names the settings file (gateway.yaml)",
            "gateway: 1 problem",
        ],
    )


def test_settings_that_are_wrong_are_told_with_their_places(inside, tmp_path):
    settings = build(tmp_path)
    settings.write_text(settings.read_text().replace("keys", "kyes"))
    code, _, told = inside("serve", "--settings", str(settings))
    assert (code, told) == (
        1,
        [
            f"{settings}:1:1 'keys' is required",
            f"{settings}:9:1 kyes: unknown key 'kyes' (did you mean 'keys'?)",
            "gateway: 2 problems",
        ],
    )


def test_a_bank_that_can_not_be_served_is_named(tmp_path):
    settings = build(tmp_path)
    settings.write_text(settings.read_text().replace("[one, two]", "[one, albion]"))
    told = refused("serve", "--settings", "gateway.yaml", folder=tmp_path)
    assert told == [
        "settings:1:1 banks: 'albion' is not a bank that can be served (did you mean 'albion-sandbox'?)",
        "gateway: 1 problem",
    ]


def test_a_port_that_is_taken_is_named(tmp_path):
    settings = build(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings.write_text(
            settings.read_text().replace("health: {address: '127.0.0.1:0'", f"health: {{address: '{address}'")
        )
        ended = gateway("serve", "--settings", "gateway.yaml", folder=tmp_path)
    assert ended.returncode == 1
    told = [line for line in ended.stderr.decode().splitlines() if line.startswith("gateway: ")]
    assert len(told) == 1
    assert "health" in told[0]
    assert address in told[0]


def test_settings_are_checked_with_all_that_they_name(tmp_path):
    settings = build(tmp_path)
    (tmp_path / "secrets/server.pem").write_text("no certificate")
    (tmp_path / "files/adapters/banks/two.yaml").write_text("extends: albion\ntitel: Two\n")
    told = refused("check", "--settings", str(settings))
    assert any(one.startswith(f"{tmp_path}/files/adapters/banks/two.yaml:2:1 ") for one in told)
    assert any("listeners.service.tls" in one for one in told)

    settings.write_text("listeners: {}\n")
    assert any("'keys' is required" in one for one in refused("check", "--settings", str(settings)))


def test_several_workers_are_refused_where_each_would_count_for_itself(tmp_path):
    build(tmp_path)
    (tmp_path / "gateway.yaml").write_text((tmp_path / "gateway.yaml").read_text() + "workers: 2\n")
    for command in ("serve", "check"):
        told = refused(command, "--settings", "gateway.yaml", folder=tmp_path)
        assert len(told) == 3
        for line, place in zip(told, ("policies/accounts.yaml:8:7", "policies/service.yaml:16:7"), strict=False):
            assert line.startswith(f"{place} defaults.filters[rate_limit]: 2 workers would each let the whole limit")
            assert line.endswith("set 'redis' in the settings, or serve with one")
