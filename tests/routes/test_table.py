import pytest

from gateway.errors import MethodNotAllowed, MethodUnknown, NotFound
from gateway.files import Layers, Refused
from gateway.routes import RouteTable, read, rows
from gateway.secrets import Secrets
from gateway.upstreams import Upstreams
from tests.filters.calling import Gateway

POLICY = """
routes:
  - {name: banks, method: GET, path: /v1/banks, operation: banks.list, public: true, timeout: 3s, body_limit: 5B}
  - {name: bank, method: GET, path: '/v1/banks/{bank}', operation: banks.get, public: true}
  - {name: ledger, method: [POST, PUT], path: '/v1/banks/{bank}', upstream: {url: 'http://ledger.test'}, public: true}
  - {name: reports, method: [OPTIONS, GET], path: '/reports/{rest*}', upstream: {url: 'http://r.test'}, public: true}
"""


@pytest.fixture
async def table(tmp_path):
    return Gateway(tmp_path, POLICY).table


def test_a_match_has_facts_and_raw_parameters(table):
    match = table.match("GET", "/v1/banks/a%C3%A9;")
    assert match.parameters == {"bank": "a%C3%A9;"}
    facts = table.match("GET", "/v1/banks").route
    assert (facts.name, facts.method, facts.template, facts.operation) == ("banks", "GET", "/v1/banks", "banks.list")
    assert (facts.timeout, facts.body_limit) == (3.0, 5)


def test_one_route_of_two_methods(table):
    assert {method: table.match(method, "/v1/banks/x").route.name for method in ("GET", "POST", "PUT")} == {
        "GET": "bank",
        "POST": "ledger",
        "PUT": "ledger",
    }


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/banks/", "/V1/banks", "/v1/Banks", "/v1/banks/a/b", "/v1/%62anks", "/reports", ""]
)
def test_what_no_template_matches_is_not_found(table, path):
    with pytest.raises(NotFound):
        table.match("GET", path)


def test_a_method_that_the_path_does_not_take_names_those_that_it_does(table):
    with pytest.raises(MethodNotAllowed) as caught:
        table.match("DELETE", "/v1/banks/x")
    assert dict(caught.value.headers) == {"Allow": "GET, HEAD, POST, PUT"}
    with pytest.raises(MethodNotAllowed) as caught:
        table.match("OPTIONS", "/v1/banks")
    assert dict(caught.value.headers) == {"Allow": "GET, HEAD"}


def test_options_where_it_is_routed(table):
    assert table.match("OPTIONS", "/reports/x").route.name == "reports"


def test_head_is_served_wherever_get_is(table):
    assert table.match("HEAD", "/v1/banks").route.name == "banks"
    with pytest.raises(NotFound):
        table.match("HEAD", "/v2")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "get", "PROPFIND", "", "GET "])
def test_case_30_methods_that_are_not_known(table, method):
    with pytest.raises(MethodUnknown):
        table.match(method, "/v1/banks")


def test_rows_are_what_people_are_shown(table, tmp_path):
    shown = [(row.method, row.template, row.operation or row.upstream, row.filters, row.place) for row in table.rows()]
    assert shown[0] == ("GET", "/reports/{rest*}", "http://r.test", (), "policies/one.yaml:6")
    assert [row[0] for row in shown] == ["GET", "OPTIONS", "GET", "GET", "POST", "PUT"]
    assert rows(read(Layers((tmp_path,)))) == table.rows(), "the same without anything being built"


def test_scopes_are_in_the_rows():
    shown = {row.name: row.scopes for row in rows(read(Layers.over_shipped()))}
    assert shown["balances-list"] == ("balances",)
    assert shown["banks-list"] == ()


async def test_routes_with_equal_settings_share_a_filter(tmp_path):
    policy = """
defaults: {filters: [{name: rate_limit, windows: [{name: w, key: [route], limit: 1, window: 1s}]}]}
routes:
  - {name: a, method: GET, path: /v1/banks, operation: banks.list, public: true}
  - {name: b, method: GET, path: '/v1/banks/{bank}', operation: banks.get, public: true}
"""
    gateway = Gateway(tmp_path, policy)
    await gateway.call("/v1/banks")
    await gateway.call("/v1/banks/x")
    assert len(gateway.counters) == 2


def test_an_empty_table_finds_nothing():
    table = RouteTable((), None, {})
    with pytest.raises(NotFound):
        table.match("GET", "/")
    assert table.rows() == ()


def test_an_upstreams_secrets_that_can_not_be_used_are_told_with_their_place(tmp_path):
    policy = """
routes:
  - {name: a, method: GET, path: /a, public: true, upstream: {url: 'https://a.test', tls: {ca: 'file:none'}}}
  - {name: b, method: GET, path: /b, public: true, upstream: {url: 'https://b.test', tls: {ca: 'file:junk'}}}
"""
    (tmp_path / "junk").write_text("no certificate")
    upstreams = Upstreams(Secrets(tmp_path, {}).read)
    with pytest.raises(Refused) as caught:
        Gateway(tmp_path, policy, upstream=upstreams.handler)
    told = [str(problem) for problem in caught.value.problems]
    assert told[0].startswith("policies/one.yaml:3:91 routes[a].upstream.tls: file:none: ")
    assert told[1].startswith("policies/one.yaml:4:91 routes[b].upstream.tls: ")
