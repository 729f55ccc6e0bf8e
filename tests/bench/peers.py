"""Measures the gateway beside other proxies in one run, and says which bars it holds.

The figure is processor microseconds a request (user and system, with child processes) of a proxy's processes: it holds
on a noisy machine where requests a second do not. Every proxy runs on processor 0; the bank (nginx that serves 64 pages
a size, over TLS to the gateway), the load (wrk), the receiver of traces, and the haproxy that presents a certificate to
the gateway share processor 1.

nginx, envoy, aiohttp-bare and node-pass pass a page through. nginx-lua and node-hand map it with code written by hand
for this one page, node-jsonata declaratively; each must emit the gateway's own page, which is compared for every page
before anything is measured. The gateway runs as it ships: mutual TLS, a bound token, scopes, rate limits, a consent,
the bank called over TLS with a certificate, one call in ten traced, metrics and a line of log for each call.

A row with a failed answer, a broken connection, or another count at the bank than of answers is void. A ratio is the
median over the interleaved runs. The last line is everything as JSON. A reference that the machine lacks is named.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from tests.bench import capacity, pages
from tests.bench.agreement import Disagreement, compare, settled
from tests.bench.bars import BARS, HEADING, Bar, Told
from tests.bench.filter_costs import filter_costs
from tests.bench.installation import BANK, ROOT, install
from tests.bench.load import PROXY_PROCESSOR, Load, Run, exported, files_loaded
from tests.bench.ports import require_free
from tests.bench.proxies import (
    GATEWAY,
    MAPPED,
    ORDER,
    PLAIN,
    Missing,
    Proxy,
    install_modules,
    start,
    start_bank,
    start_gateway,
)

Table = dict[str, list[Run]]


def say(line: str) -> None:
    """One line of what the bench tells; nothing where there is nothing to say."""
    if line:
        print(line, flush=True)  # noqa: T201 - this is a command, and its table is what it is for


def main() -> None:
    """Parses, measures, prints."""
    options = _options()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("bench: two processors are needed, one for the proxies and one for the load")
    require_free()
    sizes = [int(size) for size in options.rows.split(",")]
    chosen = [name for name in ORDER if not options.only or name in options.only.split(",")]
    accounts = [account for size in sizes for account in pages.names(size, options.pages)]
    with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        install(folder, accounts)
        for size in sizes:
            pages.write(folder / "www", size, options.pages)
        start_bank(folder, stack)
        proxies = _start(chosen, folder, stack, accounts[0])
        _agree(proxies, accounts)
        table = _measure(proxies, folder, sizes, options)
        whole = not options.only and not options.quick
        inside = _inside(folder) if whole else {}
        borne = _borne(proxies, folder, table, sizes, options.runs) if whole or options.capacity else {}
    rows = _told(table, inside)
    for name, figures in borne.items():
        say(f"{name:21}" + "  ".join(f"{figure} {unit}" for unit, figure in figures.items()))
    bars = [Told(bar, _ratio(bar, table, inside)) for bar in BARS]
    say(f"\n{HEADING}")
    for told in bars:
        say(told.line)
    say(json.dumps({"bars": [entry for told in bars for entry in told.entries], "rows": {**rows, **borne}}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="1,20,100", help="sizes of pages, in rows")
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs")
    parser.add_argument("--seconds", type=int, default=3, help="length of one run of one row")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--pages", type=int, default=pages.PAGES, help="distinct pages a size")
    parser.add_argument("--only", default="", help=f"names, with commas between: {', '.join(ORDER)}")
    parser.add_argument("--quick", action="store_true", help="two runs of two seconds: to see that it works")
    parser.add_argument(
        "--capacity", action="store_true", help="with --only: what a gateway bears, and its filters cost"
    )
    options = parser.parse_args()
    if options.quick:
        options.runs, options.seconds = 2, 2
    unknown = set(filter(None, options.only.split(","))) - set(ORDER)
    if unknown:
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}")
    return options


def _start(chosen: list[str], folder: pathlib.Path, stack: contextlib.ExitStack, account: str) -> list[Proxy]:
    if any(name.startswith("node") for name in chosen):
        say(install_modules())
    proxies: list[Proxy] = []
    for name in chosen:
        if name in {GATEWAY, PLAIN}:
            continue
        try:
            proxies.append(start(name, folder, stack, account))
        except Missing as missing:
            say(f"{name} is skipped, this machine lacks {missing}")
    if {GATEWAY, PLAIN} & {*chosen}:
        try:
            proxies = [one for one in start_gateway(folder, stack, account) if one.name in chosen] + proxies
        except Missing as missing:
            say(f"{GATEWAY} is skipped, this machine lacks {missing}")
    return proxies


def _agree(proxies: list[Proxy], accounts: list[str]) -> None:
    """Ends the bench where one that maps gives another page than the gateway."""
    mapped = [proxy for proxy in proxies if proxy.name in MAPPED]
    if len(mapped) < 2 or mapped[0].name != GATEWAY:
        return
    for account in accounts:
        expected = settled(mapped[0].get(account))
        if not expected["transactions"] or expected["incomplete"]:
            raise SystemExit(f"bench: the gateway's page {account} of bank '{BANK}' is empty or incomplete")
        for proxy in mapped[1:]:
            try:
                compare(expected, settled(proxy.get(account)))
            except Disagreement as disagreement:
                raise SystemExit(
                    f"bench: no ratio can be given: {proxy.name}, page {account}: {disagreement}"
                ) from None
    say(f"{', '.join(proxy.name for proxy in mapped)} agree on all {len(accounts)} pages")


def _measure(proxies: list[Proxy], folder: pathlib.Path, sizes: list[int], options: argparse.Namespace) -> Table:
    for proxy in proxies:
        for size in sizes:
            paths = [proxy.path(account) for account in pages.names(size, options.pages)]
            _paths(folder, proxy, size).write_text("\n".join(paths))
    table: Table = {}
    load = Load(options.connections, options.seconds)
    before = exported()
    for number in range(options.runs):
        for size in sizes:
            for proxy in proxies:
                run = _run(load, proxy, _paths(folder, proxy, size))
                table.setdefault(f"{proxy.name}/{size}", []).append(run)
        say(f"run {number + 1} of {options.runs} is done")
    if any(proxy.name == GATEWAY for proxy in proxies) and exported() == before:
        raise SystemExit("bench: the gateway exported no traces")
    return table


def _run(load: Load, proxy: Proxy, paths: pathlib.Path) -> Run:
    if proxy.name not in {GATEWAY, PLAIN}:
        return load.measure(proxy.process, proxy.url, paths, proxy.headers)
    before = files_loaded()
    run = load.measure(proxy.process, proxy.url, paths, proxy.headers)
    if files_loaded() != before:
        return run._replace(void="files of the gateway changed, and were loaded anew, during the run")
    return run


def _paths(folder: pathlib.Path, proxy: Proxy, size: int) -> pathlib.Path:
    return folder / f"{proxy.name}-{size}.paths"


def _inside(folder: pathlib.Path) -> dict[str, float]:
    command = [
        "taskset",
        "-c",
        PROXY_PROCESSOR,
        sys.executable,
        "-m",
        "tests.bench.inside",
        str(folder / "shared.json"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        say(f"what is measured inside one process failed: {done.stderr.strip().splitlines()[-1]}")
        return {}
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _borne(
    proxies: list[Proxy], folder: pathlib.Path, table: Table, sizes: list[int], runs: int
) -> dict[str, dict[str, float]]:
    """What the gateway bears and what its filters cost, the longer the more runs; nothing where it does not run."""
    gateway = next((proxy for proxy in proxies if proxy.name == GATEWAY), None)
    if gateway is None:
        return {}
    told: dict[str, dict[str, float]] = {
        "handshakes": capacity.handshakes(gateway, folder, 300 * runs),
        "connections": capacity.connections(gateway, folder, 400 * runs),
    }
    for size in sizes:
        peak = statistics.median(run.rps for run in table[f"{GATEWAY}/{size}"])
        told[f"half-peak/{size}"] = capacity.at_half_peak(folder, peak, _paths(folder, gateway, size), 2 * runs)
    return told | {name: {"cpu_us": figure} for name, figure in filter_costs().items()}


def _told(table: Table, inside: dict[str, float]) -> dict[str, dict[str, object]]:
    """Prints the rows; they are returned as the last line has them."""
    say(f"\n{'proxy':16}{'rows':>5}{'cpu_us':>10}{'rps':>9}{'p50_ms':>9}{'p99_ms':>9}")
    rows: dict[str, dict[str, object]] = {}
    for name, runs in table.items():
        middle = {field: round(statistics.median(getattr(run, field) for run in runs), 2) for field in Run._fields[:-1]}
        void = next((run.void for run in runs if run.void), "")
        rows[name] = {**middle, "void": void} if void else dict(middle)
        proxy, _, size = name.partition("/")
        say(
            f"{proxy:16}{size:>5}"
            + "".join(f"{middle[field]:{9 + (field == 'cpu_us')}}" for field in middle)
            + f"  {void}"
        )
    for name, figure in inside.items():
        unit = "seconds" if name.startswith("load") else "cpu_us"
        rows[name] = {unit: figure}
        say(f"{name:21}{figure:10} {unit}")
    return rows


def _ratio(bar: Bar, table: Table, inside: dict[str, float]) -> float | None:
    """The median over the runs; none where a row is missing or void."""
    if bar.work in inside:
        return round(inside[bar.work] / inside.get(bar.against, 1.0), 3)
    mine, theirs = table.get(bar.work, []), table.get(bar.against, [])
    if not mine or not theirs or any(run.void for run in (*mine, *theirs)):
        return None
    return round(statistics.median(one.cpu_us / other.cpu_us for one, other in zip(mine, theirs, strict=True)), 3)


if __name__ == "__main__":
    main()
