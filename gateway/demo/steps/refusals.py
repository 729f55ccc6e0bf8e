"""What the gateway refuses, and how it says so: one alert of TLS, everything else a problem of RFC 9457."""

from gateway.demo.calls import Service
from gateway.demo.folder import CATALOGUE_LIMIT
from gateway.demo.screen import Screen
from gateway.demo.stage import Stage
from gateway.demo.steps.proving import ALBION, prove, prove_problem, records


def no_certificate(stage: Stage, screen: Screen) -> None:
    """Refused in the handshake."""
    screen.asked("a TLS handshake without a client certificate")
    alert = Service(stage, certificate=None).shake_hands()
    screen.say(f"the gateway ends it with the alert {alert}")
    prove(screen, alert is not None and "CERTIFICATE_REQUIRED" in alert, "refused before a byte of HTTP was read")


def stolen_token(stage: Stage, screen: Screen) -> None:
    """Refused by the binding of RFC 8705."""
    screen.asked("GET /v1/accounts with the certificate of `reports` and the token of `ledger`")
    answer = Service(stage, certificate="reports", token="ledger").get("/v1/accounts", ALBION.id)  # noqa: S106 - a file's name
    prove_problem(screen, answer, 401, "unauthenticated")


def missing_scope(stage: Stage, screen: Screen) -> None:
    """Refused by the route's scopes."""
    service = Service(stage, token="ledger-accounts-only")  # noqa: S106 - a file's name
    page = records(screen, service.get("/v1/accounts", ALBION.id), "accounts", ALBION)
    screen.asked("GET /v1/accounts/{account_id}/transactions with a token for accounts only")
    prove_problem(
        screen, service.get(f"/v1/accounts/{page[0]['id']}/transactions", ALBION.id), 403, "insufficient_scope"
    )


def another_tenant(stage: Stage, screen: Screen) -> None:
    """Answered as if it did not exist."""
    screen.asked(f"GET /v1/accounts by `reports`, of another tenant, with Consent-Id {ALBION.id}")
    answer = Service(stage, certificate="reports", token="reports").get("/v1/accounts", ALBION.id)  # noqa: S106 - a file's name
    prove_problem(screen, answer, 404, "not_found")


def over_the_limit(stage: Stage, screen: Screen) -> None:
    """Refused with the time to wait."""
    service = Service(stage)
    screen.asked(
        f"GET /v1/banks, {CATALOGUE_LIMIT + 1} times: the demo's policy allows {CATALOGUE_LIMIT} in 30 seconds"
    )
    answers = [service.get("/v1/banks") for _ in range(CATALOGUE_LIMIT + 1)]
    allowed = [answer.status for answer in answers[:-1]] == [200] * CATALOGUE_LIMIT
    prove(screen, allowed, f"{CATALOGUE_LIMIT} calls are answered, and each answer says what is left")
    last = answers[-1]
    screen.say(f"RateLimit: {last.headers.get('ratelimit')}   Retry-After: {last.headers.get('retry-after')}")
    prove_problem(screen, last, 429, "rate_limited")
    prove(screen, last.headers.get("retry-after", "").isdigit(), "and Retry-After says how long to wait")
