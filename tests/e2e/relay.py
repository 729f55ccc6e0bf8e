"""Somebody between the gateway and a bank: passes every exchange on, changed as a test says.

Both sides trust it (it has the bank's certificate and the gateway's), so that nothing but a signature can tell.
"""

import contextlib
import http.client
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import msgspec

from gateway.demo.folder import Folder

_SECONDS = 10.0
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


class Passing(msgspec.Struct, frozen=True):
    """A request or an answer on its way; `first` is what is of the first line: `GET /path`, or the status."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def value(self, name: str) -> str:
        """The value of a header that is there once."""
        [found] = [value for key, value in self.headers if key.lower() == name]
        return found

    def replaced(self, name: str, old: str, new: str) -> "Passing":
        """With `new` for `old`, which must be there, in the value of a header."""
        value = self.value(name)
        assert old in value
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name)
        return msgspec.structs.replace(self, headers=(*kept, (name, value.replace(old, new, 1))))

    def without(self, *names: str) -> "Passing":
        """Without headers."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in names)
        return msgspec.structs.replace(self, headers=kept)


Change = Callable[[Passing], Passing]


def unchanged(passing: Passing) -> Passing:
    """What the relay does unless it is told otherwise."""
    return passing


class Relay:
    """Listens from its making; answers once it is `opened`. `request` and `answer` are what it does to either."""

    def __init__(self) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.request: Change = unchanged
        self.answer: Change = unchanged
        self.upstream = ""
        self.outward = ssl.create_default_context()

    @contextlib.contextmanager
    def opened(self, folder: Folder, upstream: str) -> Iterator["Relay"]:
        """Passes on to `upstream` (a URL; its path does not matter) with the credentials of a demo's folder."""
        self.upstream = urlsplit(upstream).netloc
        self.outward = ssl.create_default_context(cafile=str(folder.secrets / "banks/simulator-ca.pem"))
        self.outward.load_cert_chain(folder.secrets / "banks/client.pem", folder.secrets / "banks/client.key")
        inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        inward.load_cert_chain(folder.banks / "server.pem", folder.banks / "server.key")
        self._server.socket = inward.wrap_socket(self._server.socket, server_side=True)
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _handler(relay: Relay) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = relay.request(Passing(f"GET {self.path}", tuple(self.headers.items())))
            method, _, target = asked.first.partition(" ")
            bank = http.client.HTTPSConnection(relay.upstream, timeout=_SECONDS, context=relay.outward)
            with contextlib.closing(bank):
                # The Host is the gateway's: the bank sees the address that was called, and signed.
                bank.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
                for name, value in asked.headers:
                    if name.lower() not in _HOP:
                        bank.putheader(name, value)
                bank.endheaders()
                response = bank.getresponse()
                told = Passing(str(response.status), tuple(response.getheaders()), response.read())
            told = relay.answer(told)
            self.send_response_only(int(told.first))
            for name, value in told.headers:
                if name.lower() not in {*_HOP, "content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler
