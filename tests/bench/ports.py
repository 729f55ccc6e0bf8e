"""Where everything of the bench listens, all of it on loopback; configurations name these as @NAME@."""

import socket

PORTS = {
    "BANK": 19700,
    "BANK_TLS": 19701,
    "BANK_COUNT": 19702,
    "OTLP": 19703,
    "REDIS": 19704,
    "GATEWAY": 19710,
    "GATEWAY_ADMIN": 19711,
    "GATEWAY_HEALTH": 19712,
    "HAPROXY": 19713,
    "NGINX": 19720,
    "ENVOY": 19721,
    "AIOHTTP": 19722,
    "NGINX_LUA": 19723,
    "NODE_PASS": 19724,
    "NODE_HAND": 19725,
    "NODE_JSONATA": 19726,
}


def filled(template: str, **places: object) -> str:
    """A configuration with its @NAMES@ replaced by ports and places."""
    for name, value in {**PORTS, **places}.items():
        template = template.replace(f"@{name}@", str(value))
    return template


def require_free() -> None:
    """Ends the bench where a port is taken: two of them at once would measure each other."""
    taken = []
    for name, port in PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(f"{port} ({name})")
    if taken:
        raise SystemExit(f"bench: these ports are taken, is another bench running? {', '.join(taken)}")
