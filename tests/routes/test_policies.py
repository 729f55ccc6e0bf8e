import json
import pathlib
import shutil
from typing import Any

import msgspec
import pytest

from gateway.files import Layers, Refused, shipped
from gateway.files.quantities import duration, size
from gateway.filters import FILTERS
from gateway.filters.jwt import IssuerSettings
from gateway.routes import OPERATIONS, RoutePolicy, read
from gateway.upstreams import UpstreamSettings

REFUSED = pathlib.Path(__file__).parent / "refused"


def told(folder: pathlib.Path) -> str:
    with pytest.raises(Refused) as caught:
        read(Layers((folder,)))
    return "".join(f"{problem}\n" for problem in caught.value.problems)


@pytest.mark.parametrize("mistake", sorted(path.stem for path in REFUSED.glob("*.yaml")))
def test_a_mistake_is_told_exactly(mistake, tmp_path):
    (tmp_path / "policies").mkdir()
    shutil.copy(REFUSED / f"{mistake}.yaml", tmp_path / "policies")
    assert told(tmp_path) == (REFUSED / f"{mistake}.txt").read_text()


def layered(folder: pathlib.Path, **files: str) -> tuple[RoutePolicy, ...]:
    (folder / "policies").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "policies" / f"{name}.yaml").write_text(text)
    return read(Layers((folder,)))


BASE = """
defaults:
  timeout: 7s
  body_limit: 2KiB
  filters:
    - {name: headers}
    - {name: mtls, allow: [one]}
    - {name: rate_limit, windows: [{name: base, key: [route], limit: 1, window: 1s}]}
"""
AREA = """
extends: base.yaml
defaults:
  body_limit: 0B
  filters:
    - {name: timeout, after: 250ms}
    - {name: mtls, allow: [two, three]}
routes:
  - {name: plain, method: GET, path: /v1/banks, operation: banks.list}
  - name: own
    method: GET
    path: /v1/banks/{bank}
    operation: banks.get
    timeout: 1m
    filters:
      - {name: jwt, audience: a, issuers: [{issuer: i, keys: 'file:k'}]}
      - {name: rate_limit, windows: [{name: own, key: [bank], limit: 9, window: 2h}]}
"""


def test_defaults_lie_under_routes_and_filters_of_one_name_replace_each_other(tmp_path):
    plain, own = layered(tmp_path, base=BASE, area=AREA)
    assert [listed.name for listed in plain.filters] == ["headers", "timeout", "mtls", "rate_limit"]
    assert plain.listed("mtls").settings.allow == ("two", "three")
    assert plain.listed("timeout").settings.after == 0.25
    assert (plain.timeout, plain.body_limit) == (7.0, 0)
    assert [listed.name for listed in own.filters] == ["headers", "timeout", "mtls", "jwt", "rate_limit"]
    (window,) = own.listed("rate_limit").settings.windows
    assert (window.name, window.limit, window.window) == ("own", 9, 7200.0)
    assert own.timeout == 60.0


def test_a_route_has_bounds_even_where_nobody_wrote_any(tmp_path):
    (route,) = layered(
        tmp_path, one="routes: [{name: one, method: GET, path: /v1/banks, operation: banks.list, public: true}]"
    )
    assert (route.timeout, route.body_limit) == (30.0, 1024 * 1024)


def test_a_problem_of_a_default_names_the_route_and_where_the_filter_stands(tmp_path):
    base = BASE.replace("{name: mtls, allow: [one]}", "{name: scopes, all: [banks]}")
    route = "{name: one, method: GET, path: /v1/banks, operation: banks.list, public: true}"
    with pytest.raises(Refused) as caught:
        layered(tmp_path, base=base, area=f"extends: base.yaml\nroutes:\n  - {route}\n")
    assert [str(problem) for problem in caught.value.problems] == [
        "policies/area.yaml:3:5 routes[one]: 'scopes' (from policies/base.yaml:7): needs 'jwt': a token has the scopes"
    ]


def test_files_that_extend_each_other_in_turn(tmp_path):
    with pytest.raises(Refused) as caught:
        layered(tmp_path, a="extends: b.yaml\n", b="extends: a.yaml\n")
    assert [str(problem) for problem in caught.value.problems] == [
        "policies/a.yaml:1:10 extends: 'b.yaml' extends this file in turn",
        "policies/b.yaml:1:10 extends: 'a.yaml' extends this file in turn",
    ]


def test_problems_of_all_files_are_told_at_once_beside_those_of_sound_routes_in_a_broken_file(tmp_path):
    broken = "routes:\n  - {name: one, method: GTE, path: /a}\n"
    broken += "  - {name: two, method: GET, path: /v1/banks, operation: banks.list}\n"
    with pytest.raises(Refused) as caught:
        layered(tmp_path, b="routes: [\n", a=broken, c=broken.replace("/v1", "/v2"))
    assert [str(problem).split(" ")[0] for problem in caught.value.problems] == [
        "policies/a.yaml:2:25", "policies/a.yaml:3:5", "policies/b.yaml:2:1",
        "policies/c.yaml:2:25", "policies/c.yaml:3:5", "policies/c.yaml:3:12",
    ]  # fmt: skip


def test_an_operators_file_hides_the_shipped_one_of_its_name(tmp_path):
    ours = tmp_path / "ours"
    (ours / "policies").mkdir(parents=True)
    (ours / "policies" / "banks.yaml").write_text("routes: []\n")
    (ours / "policies" / "service.yaml").write_text(
        (shipped() / "policies" / "service.yaml").read_text().replace("https://gateway.example", "https://gateway.ours")
    )
    routes = read(Layers.over_shipped((ours,)))
    assert {route.name for route in routes} == {"accounts-list", "accounts-get", "balances-list", "transactions-list"}
    assert {route.listed("jwt").settings.audience for route in routes} == {"https://gateway.ours"}


def test_what_ships_is_sound():
    names = {route.name: route for route in read(Layers.over_shipped())}
    for route in names.values():
        assert not route.public
        assert route.listed("jwt").settings.binding == "certificate"
        assert [listed.name for listed in route.filters][:3] == ["headers", "mtls", "jwt"]
    assert {route.operation for route in names.values()} == set(OPERATIONS)


def test_the_schema_and_the_settings_say_the_same():
    definitions = json.loads((shipped() / "policies" / "policy.schema.json").read_text())["$defs"]
    kinds = {name: kind.settings for name, kind in FILTERS.items()}
    kinds |= {"issuer": IssuerSettings, "upstream": UpstreamSettings}
    assert definitions["filters"]["items"]["properties"]["name"]["enum"] == list(FILTERS)
    for name, kind in kinds.items():
        written = definitions[name]["properties"]
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        assert set(written) - {"name"} == set(fields), name
        assert definitions[name]["additionalProperties"] is False
        for field in fields.values():
            assert (field.name in definitions[name].get("required", [])) == field.required, (name, field.name)
            if "default" in written[field.name]:
                assert _said(written[field.name]["default"]) == field.default, (name, field.name)


def test_every_setting_is_described():
    schema = json.loads((shipped() / "policies" / "policy.schema.json").read_text())
    for name, definition in schema["$defs"].items():
        for key, written in definition.get("properties", {}).items():
            said = isinstance(written, dict) and (written.get("description") or "$ref" in written or "enum" in written)
            assert said or key in {"name", "tls", "windows"}, (name, key)


def _said(default: Any) -> Any:
    if isinstance(default, list):
        return tuple(default)
    for read_quantity in (duration, size):
        try:
            return read_quantity(default)
        except (ValueError, TypeError):
            continue
    return default
