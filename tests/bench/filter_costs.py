"""What each filter costs by itself: a chain with it, less the same chain without it, in one process, without sockets.

The filters that it stands on are in both chains. A token is verified once and remembered, as in service.
"""

import asyncio
import pathlib
import statistics
import tempfile
import time

from multidict import CIMultiDict

from gateway.signatures.components import SignedRequest, read_component
from gateway.signatures.message import sign
from tests.filters.calling import Gateway
from tests.signatures.messages import signing_key
from tests.signatures.pems import public_pem

_SHARED = {
    "headers": "{name: headers}",
    "timeout": "{name: timeout, after: 5s}",
    "mtls": "{name: mtls}",
    "jwt": "{name: jwt, issuers: [{issuer: 'https://identity.test', keys: 'file:keys'}], "
    "audience: 'https://gateway.test', binding: certificate}",
    "scopes": "{name: scopes, all: [accounts]}",
    "consent": "{name: consent}",
    "rate_limit, one window": "{name: rate_limit, windows: [{name: a, key: [tenant], limit: 1000000000, window: 1m}]}",
    "rate_limit, two windows": "{name: rate_limit, windows: [{name: a, key: [tenant], limit: 1000000000, window: 1m}, "
    "{name: b, key: [consent], limit: 1000000000, window: 1m}]}",
    "signature": "{name: signature, origin: 'https://gateway.example', replay: allowed, callers: [{client: books, "
    "keys: [{id: books-1, algorithm: ES256, key: 'file:books.pem'}]}]}",
}
_STANDS_ON = {
    "headers": (),
    "timeout": (),
    "mtls": (),
    "jwt": ("mtls",),
    "scopes": ("mtls", "jwt"),
    "consent": ("mtls", "jwt"),
    "rate_limit, one window": ("mtls", "jwt", "consent"),
    "rate_limit, two windows": ("mtls", "jwt", "consent"),
    "signature": ("mtls", "jwt"),
}
_RUNS, _CALLS = 9, 400


def filter_costs() -> dict[str, float]:
    """Microseconds of processor a call, `filter/<name>`; the median of interleaved runs."""
    return asyncio.run(_measured())


async def _measured() -> dict[str, float]:
    chains = {
        stood: tuple(_SHARED[one] for one in stood)
        for name, below in _STANDS_ON.items()
        for stood in (below, (*below, name))
    }
    with tempfile.TemporaryDirectory() as folder:
        gateways = {
            stood: Gateway(_made(pathlib.Path(folder), number), _policy(filters))
            for number, (stood, filters) in enumerate(chains.items())
        }
        taken: dict[tuple[str, ...], list[float]] = {stood: [] for stood in chains}
        for _ in range(_RUNS):
            for stood, gateway in gateways.items():
                taken[stood].append(await _once(gateway))
    middle = {stood: statistics.median(runs) for stood, runs in taken.items()}
    return {f"filter/{name}": round(middle[(*below, name)] - middle[below], 2) for name, below in _STANDS_ON.items()}


async def _once(gateway: Gateway) -> float:
    headers = _signed(gateway.authorised(), gateway.clock.epoch)
    began = time.process_time()
    for _ in range(_CALLS):
        await gateway.call(headers=headers)
    taken = time.process_time() - began
    gateway.innermost.exchanges.clear()
    return taken * 1e6 / _CALLS


def _signed(headers: dict[str, str], now: int) -> dict[str, str]:
    """All chains are called alike: what is not asked for is carried and not looked at."""
    request = SignedRequest("GET", "https", "gateway.example", "/v1/accounts", None, CIMultiDict(headers))
    covered = [read_component(one) for one in ("@method", "@target-uri", "authorization", "consent-id")]
    return headers | dict(sign(request, covered, signing_key(), created=now, tag="fapi-2-request"))


def _made(folder: pathlib.Path, number: int) -> pathlib.Path:
    below = folder / str(number)
    below.mkdir()
    (below / "books.pem").write_bytes(public_pem("P-256"))
    return below


def _policy(filters: tuple[str, ...]) -> str:
    listed = "".join(f"\n      - {one}" for one in filters)
    public = "" if any("jwt" in one or "mtls" in one for one in filters) else "\n    public: true"
    return (
        "defaults: {timeout: 10s}\nroutes:\n  - name: plain\n    method: GET\n    path: /v1/accounts\n"
        f"    upstream: {{url: 'http://upstream.test'}}{public}\n    filters:{listed or ' []'}\n"
    )
