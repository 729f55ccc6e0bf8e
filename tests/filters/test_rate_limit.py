import pytest

from gateway.errors import BankFailed, RateLimited, StoreUnavailable
from gateway.exchange import Consent
from tests.filters.calling import DEFAULTS, Consents, a_record


def policy(*windows, second=""):
    limit = f"{{name: rate_limit, windows: [{', '.join(windows)}]}}"
    routes = "routes:\n  - {name: accounts-list, method: GET, path: /v1/accounts, operation: accounts.list}\n" + second
    return DEFAULTS + f"    - {{name: consent}}\n    - {limit}\n" + routes


BURST = "{name: burst, key: [tenant], limit: 2, window: 1s}"
DAILY = "{name: daily, key: [consent], limit: 5, window: 1d}"
OTHER_ROUTE = "  - {name: accounts-get, method: GET, path: '/v1/accounts/{account_id}', operation: accounts.get}\n"


async def test_the_fields_are_those_of_the_draft(gateway_of):
    gateway = gateway_of(policy(BURST, DAILY))
    headers = dict((await gateway.call(headers=gateway.authorised())).headers)
    assert headers["RateLimit-Policy"] == '"burst";q=2;w=1,"daily";q=5;w=86400'
    assert headers["RateLimit"] == '"burst";r=1;t=1,"daily";r=4;t=17280'


async def test_a_spent_window_is_a_429_that_says_how_long(gateway_of):
    gateway, record = gateway_of(policy(BURST, DAILY)), a_record()
    for _ in range(2):
        await gateway.call(headers=gateway.authorised())
    with pytest.raises(RateLimited) as caught:
        await gateway.call(headers=gateway.authorised(), record=record)
    assert caught.value.members == {"violated-policies": ["burst"]}
    assert caught.value.type_uri == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    headers = dict(caught.value.headers)
    assert headers["RateLimit"] == '"burst";r=0;t=1,"daily";r=3;t=34560'
    assert headers["Retry-After"] == "1"
    assert headers["x-fapi-interaction-id"], "what stands before the limit adds its fields too"
    assert record.limited_by == "burst"
    assert len(gateway.innermost.exchanges) == 2
    gateway.clock.passed = 1
    await gateway.call(headers=gateway.authorised())


async def test_retry_after_is_never_less_than_what_the_spent_windows_tell(gateway_of):
    gateway = gateway_of(
        policy(
            "{name: one, key: [tenant], limit: 1, window: 10s}", "{name: two, key: [tenant], limit: 1, window: 100s}"
        )
    )
    await gateway.call(headers=gateway.authorised())
    with pytest.raises(RateLimited) as caught:
        await gateway.call(headers=gateway.authorised())
    assert dict(caught.value.headers)["Retry-After"] == "100"
    assert caught.value.members["violated-policies"] == ["one", "two"]


async def test_a_failure_of_the_bank_tells_what_is_left(gateway_of):
    gateway = gateway_of(policy(BURST))
    gateway.innermost.answer = BankFailed()
    with pytest.raises(BankFailed) as caught:
        await gateway.call(headers=gateway.authorised())
    assert dict(caught.value.headers)["RateLimit"] == '"burst";r=1;t=1'


async def spent(gateway, *calls):
    """Which of the calls, in their order, are refused."""
    refused = []
    for number, (path, headers) in enumerate(calls):
        try:
            await gateway.call(path, headers=headers)
        except RateLimited:
            refused.append(number)
    return refused


def consents():
    return Consents(
        Consent(id="consent-1", tenant="acme", bank="havel"),
        Consent(id="consent-2", tenant="acme", bank="havel"),
        Consent(id="consent-3", tenant="acme", bank="albion"),
        Consent(id="consent-1", tenant="umbrella", bank="havel"),
    )


@pytest.mark.parametrize(
    ("key", "refused"),
    [
        ("tenant", [1, 2, 3, 4]),
        ("principal", [2, 3, 4, 5]),
        ("consent", [1, 4, 5]),
        ("bank", [1, 2, 4, 5]),
        ("route", [1, 2, 3, 5]),
        ("tenant, consent", [1, 4]),
        ("bank, route", [1, 2, 5]),
        ("tenant, principal, consent, bank, route", []),
    ],
)
async def test_keys_say_who_shares(gateway_of, key, refused):
    gateway = gateway_of(
        policy(f"{{name: w, key: [{key}], limit: 1, window: 1h}}", second=OTHER_ROUTE), consents=consents()
    )
    books, ledger = gateway.authorised(), gateway.authorised(client_id="ledger")
    umbrella = gateway.authorised(tenant="umbrella")
    calls = [
        ("/v1/accounts", books),
        ("/v1/accounts", ledger),
        ("/v1/accounts", {**books, "Consent-Id": "consent-2"}),
        ("/v1/accounts", {**books, "Consent-Id": "consent-3"}),
        ("/v1/accounts/1", books),
        ("/v1/accounts", umbrella),
    ]
    assert await spent(gateway, *calls) == refused


async def test_a_window_of_the_same_name_and_figures_is_one_over_all_routes(gateway_of):
    own = OTHER_ROUTE.replace("}\n", ", filters: [{name: rate_limit, windows: [" + BURST + "]}]}\n")
    gateway = gateway_of(policy(BURST, DAILY, second=own))
    calls = [("/v1/accounts", gateway.authorised()), ("/v1/accounts/1", gateway.authorised())] * 2
    assert await spent(gateway, *calls) == [2, 3]


class Away:
    """Shared counters that can not be asked."""

    async def take(self, _takings):
        raise StoreUnavailable(headers=(("Retry-After", "1"),))


def policy_when_away(mode):
    return policy(BURST).replace("name: rate_limit,", f"name: rate_limit, when_unavailable: {mode},")


@pytest.fixture
def away_from(gateway_of):
    """A gateway whose policy says what holds while shared counters are away, and they are."""
    return lambda text: gateway_of(text, counters=Away())


async def test_closed_lets_no_call_through(away_from):
    gateway, record = away_from(policy_when_away("closed")), a_record()
    with pytest.raises(StoreUnavailable) as caught:
        await gateway.call(headers=gateway.authorised(), record=record)
    headers = dict(caught.value.headers)
    assert (headers["Retry-After"], headers["RateLimit-Policy"]) == ("1", '"burst";q=2;w=1')
    assert "RateLimit" not in headers
    assert record.limits_unshared == "closed"
    assert not gateway.innermost.exchanges


async def test_open_lets_every_call_through_and_tells_no_figure_that_it_lacks(away_from):
    gateway, record = away_from(policy_when_away("open")), a_record()
    for _ in range(5):
        headers = dict((await gateway.call(headers=gateway.authorised(), record=record)).headers)
    assert headers["RateLimit-Policy"] == '"burst";q=2;w=1'
    assert "RateLimit" not in headers
    assert record.limits_unshared == "open"


@pytest.mark.parametrize("text", [policy_when_away("local"), policy(BURST)], ids=["said", "where nothing is said"])
async def test_local_counts_by_itself_with_the_same_figures(away_from, text):
    gateway, record = away_from(text), a_record()
    for _ in range(2):
        answer = await gateway.call(headers=gateway.authorised())
    assert dict(answer.headers)["RateLimit"] == '"burst";r=0;t=1'
    with pytest.raises(RateLimited):
        await gateway.call(headers=gateway.authorised(), record=record)
    assert (record.limited_by, record.limits_unshared) == ("burst", "local")


async def test_three_windows_are_as_good_as_one(gateway_of):
    gateway = gateway_of(policy(BURST, DAILY, "{name: hourly, key: [principal, bank], limit: 9, window: 1h}"))
    headers = dict((await gateway.call(headers=gateway.authorised())).headers)
    assert headers["RateLimit"] == '"burst";r=1;t=1,"daily";r=4;t=17280,"hourly";r=8;t=400'
