import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

PEERS = pathlib.Path(__file__).with_name("peers.py")
NEEDED = ("nginx", "wrk", "haproxy", "taskset")


def run(*arguments):
    return subprocess.run([sys.executable, str(PEERS), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="the bench needs two processors")
@pytest.mark.skipif(missing := [name for name in NEEDED if not shutil.which(name)], reason=f"no {', '.join(missing)}")
def test_the_bench_tells_rows_and_bars_and_ends_with_one_line_of_json():
    proxies = "gateway,gateway-plain,aiohttp-bare"
    done = run("--rows", "1", "--runs", "1", "--seconds", "1", "--pages", "2", "--only", proxies, "--capacity")
    if "is another bench running?" in done.stderr:
        pytest.skip("another bench is running")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    rows = told["rows"]
    assert {f"{name}/1" for name in proxies.split(",")} <= rows.keys()
    assert rows["handshakes"]["handshakes_per_second"] > 0
    assert rows["connections"]["connections_per_mb"] > 0
    assert rows["half-peak/1"]["failed"] == 0
    assert rows["filter/jwt"]["cpu_us"] > 0
    asked_now = {(bar["work"], bar["against"]): bar["bar"] for bar in told["bars"] if bar["due"] == "now"}
    assert asked_now == {
        ("gateway/100", "nginx-lua/100"): 1.0,
        ("gateway/20", "aiohttp-bare/20"): 2.8,
        ("gateway-plain/20", "envoy/20"): 3.5,
    }


def test_an_unknown_name_is_refused_in_one_line():
    done = run("--only", "ngnix")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "peers.py: error: --only: there is no ngnix"
