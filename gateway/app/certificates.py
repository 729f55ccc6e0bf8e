"""The TLS of all listeners: read as one set, renewed while connections come and go, or refused as a whole.

`renew` is all that a process needs to be told: it reads the files anew, and what did not change is left as it is.
"""

import asyncio
import pathlib
from collections.abc import Mapping

from gateway.files import Problem, Refused
from gateway.secrets import CertificateUnusable
from gateway.settings import ListenerSettings, Settings
from gateway.telemetry import Telemetry
from gateway.web.listeners import Listener
from gateway.web.tls import Tls, build_tls


class Certificates:
    """Certificates, keys, authorities and revocation lists of one process's listeners; `last_refusal` tells why not."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self.last_refusal: tuple[str, ...] = ()
        self._settings = settings
        self._metrics, self._log = telemetry.metrics, telemetry.log
        self._present: dict[str, Tls] = {}
        self._renewing = asyncio.Lock()

    def load(self) -> Mapping[str, Tls]:
        """Reads the files; name of each listener that has TLS -> its TLS. Blocks. Raises Refused with every problem."""
        fresh, problems = {}, []
        for name, listener in named_listeners(self._settings):
            if listener.tls is not None:
                try:
                    fresh[name] = build_tls(
                        listener.tls,
                        self._settings.secrets,
                        observe=self._metrics.handshake_failed(name),
                        handshake_timeout=float(self._settings.limits.handshake_timeout),
                        before=self._present.get(name),
                    )
                except CertificateUnusable as error:
                    problems.append(Problem("settings", 1, 1, f"listeners.{name}.tls", str(error)))
        if problems:
            raise Refused(problems)
        self._present = fresh
        for name, tls in fresh.items():
            self._metrics.certificate(name, tls.ends)
            if tls.trust is not None:
                self._metrics.certificate(f"{name}:client_ca", tls.trust.ends)
                self._metrics.revocation_lists(name, tls.trust.lists_end)
        return fresh

    async def renew(self, listeners: Mapping[str, Listener]) -> bool:
        """Reads the files anew and gives them to the listeners; whether they serve now. The old go on otherwise."""
        async with self._renewing:
            try:
                fresh = await asyncio.to_thread(self.load)
            except Refused as refused:
                self.last_refusal = tuple(str(problem) for problem in refused.problems)
                self._metrics.certificates_refused()
                self._log.warning("certificates refused, the old ones go on", problems=list(self.last_refusal))
                return False
            self.last_refusal = ()
            changed = [name for name, tls in fresh.items() if name in listeners and listeners[name].tls is not tls]
            for name in changed:
                await listeners[name].renew(fresh[name])
        self._log.info("certificates read", changed=changed)
        return True

    def files(self) -> frozenset[pathlib.Path]:
        """The files that all of it is read from."""
        found: set[pathlib.Path | None] = set()
        for _name, listener in named_listeners(self._settings):
            if listener.tls is not None:
                tls = listener.tls
                references = (tls.certificate, tls.key, tls.client_ca, *tls.revocation_lists)
                found.update(self._settings.secrets.path(one) for one in references if one is not None)
        return frozenset(path for path in found if path is not None)

    def state(self) -> dict[str, str]:
        """When the certificate of each listener ends (RFC 3339)."""
        return {name: tls.ends.isoformat() for name, tls in self._present.items()}


def named_listeners(settings: Settings) -> list[tuple[str, ListenerSettings]]:
    """The listeners that are set up, by name."""
    found = [(name, getattr(settings.listeners, name)) for name in ("service", "public", "admin", "health")]
    return [(name, listener) for name, listener in found if listener is not None]
