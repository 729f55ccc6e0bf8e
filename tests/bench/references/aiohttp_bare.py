"""Passes the page through, with aiohttp and nothing else: aiohttp_bare.py PORT BANK_PORT.

Tuned as far as it goes without leaving aiohttp: its low-level server, one session without cookies and decompression,
addresses made once, a garbage collector that stays out of the way.
"""

import asyncio
import gc
import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from yarl import URL


async def serve(port: int, bank: str) -> None:
    """Serves until it is killed."""
    session = ClientSession(
        connector=TCPConnector(limit=0),
        auto_decompress=False,
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=None, connect=None, sock_read=None),
        skip_auto_headers=["User-Agent", "Accept", "Accept-Encoding"],
    )
    request_bank = session._request  # without the wrapper that `async with` needs
    addresses: dict[str, URL] = {}

    async def handle(request: web.BaseRequest) -> web.Response:
        path = request.path_qs
        url = addresses.get(path)
        if url is None:
            url = addresses[path] = URL(bank + path, encoded=True)
        answer = await request_bank(request.method, url, allow_redirects=False)
        body = await answer.read()
        return web.Response(body=body, status=answer.status, headers={"Content-Type": "application/json"})

    server = web.Server(handle, access_log=None)
    await asyncio.get_running_loop().create_server(server, "127.0.0.1", port, backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    uvloop.run(serve(int(sys.argv[1]), f"http://127.0.0.1:{sys.argv[2]}"))
