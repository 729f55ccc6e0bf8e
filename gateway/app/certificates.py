"""The TLS of all listeners: read as one set, renewed while connections come and go, or refused as a whole.

`renew` is all that a process needs to be told: it reads the files anew, and what did not change is left as it is.
"""

import asyncio
import functools
import pathlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from gateway.files import Problem, Refused
from gateway.secrets import CertificateUnusable
from gateway.settings import BalancedSettings, ListenerSettings, Settings, TlsSettings
from gateway.telemetry.calls import Telemetry
from gateway.web.balancer import Balancer
from gateway.web.listeners import Front, Listener
from gateway.web.tls import Tls, build_tls
from gateway.web.trust import read_trust


class Certificates:
    """Certificates, keys, authorities and revocation lists of the listeners `names`; `last_refusal` tells why not."""

    def __init__(self, settings: Settings, telemetry: Telemetry, names: Collection[str]) -> None:
        self.last_refusal: tuple[str, ...] = ()
        self._settings = settings
        self._names = names
        self._metrics, self._log = telemetry.metrics, telemetry.log
        self._present: dict[str, Front] = {}
        self._renewing = asyncio.Lock()

    def load(self) -> Mapping[str, Front]:
        """Reads the files; name of each listener -> what newcomers meet. Blocks. Raises Refused with every problem."""
        fresh, problems = {}, []
        for name, listener in named_listeners(self._settings):
            if name not in self._names:
                continue
            before = self._present.get(name, Front())
            at = f"listeners.{name}.tls"
            try:
                tls = self._tls(name, listener.tls, before.tls) if listener.tls is not None else None
                at = f"listeners.{name}.balancer"
                fresh[name] = Front(tls, self._balancer(name, listener, before.balancer))
            except CertificateUnusable as error:
                problems.append(Problem("settings", 1, 1, at, str(error)))
        if problems:
            raise Refused(problems)
        self._present = fresh
        for name, front in fresh.items():
            if front.tls is not None:
                self._metrics.certificate(name, front.tls.ends)
            for part, trust in front.trusts():
                self._metrics.certificate(f"{name}:{part}", trust.ends)
            ends = [trust.lists_end for _, trust in front.trusts() if trust.lists_end is not None]
            self._metrics.revocation_lists(name, min(ends, default=None))
        return fresh

    def _tls(self, name: str, settings: TlsSettings, before: Tls | None) -> Tls:
        return build_tls(
            settings,
            self._settings.secrets,
            observe=self._metrics.handshake_failed(name),
            handshake_timeout=float(self._settings.limits.handshake_timeout),
            before=before,
        )

    def _balancer(self, name: str, listener: ListenerSettings, before: Balancer | None) -> Balancer | None:
        settings = listener.balancer if isinstance(listener, BalancedSettings) else None
        if settings is None:
            return None
        trust = None
        if settings.client_ca is not None:
            now = datetime.now(UTC)
            trust = read_trust(settings.client_ca, settings.revocation_lists, self._settings.secrets, now)
        if before is not None and before.judges_as(trust):
            return before
        ignored = functools.partial(self._metrics.claim_ignored, name)
        return Balancer(settings, trust, ignored, functools.partial(self._metrics.preface_refused, name))

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
            changed = [name for name, front in fresh.items() if name in listeners and listeners[name].front != front]
            for name in changed:
                await listeners[name].renew(fresh[name])
        self._log.info("certificates read", changed=changed)
        return True

    def files(self) -> frozenset[pathlib.Path]:
        """The files that all of it is read from."""
        references: list[str] = []
        for _name, listener in named_listeners(self._settings):
            if listener.tls is not None:
                references += [listener.tls.certificate, listener.tls.key]
            for part in (listener.tls, listener.balancer if isinstance(listener, BalancedSettings) else None):
                if part is not None and part.client_ca is not None:
                    references += [part.client_ca, *part.revocation_lists]
        found = (self._settings.secrets.path(reference) for reference in references)
        return frozenset(path for path in found if path is not None)

    def ends(self) -> dict[str, datetime]:
        """When the certificate of each listener that has one ends."""
        return {name: front.tls.ends for name, front in self._present.items() if front.tls is not None}


def named_listeners(settings: Settings) -> list[tuple[str, ListenerSettings]]:
    """The listeners that are set up, by name."""
    found = [(name, getattr(settings.listeners, name)) for name in ("service", "public", "admin", "health")]
    return [(name, listener) for name, listener in found if listener is not None]
