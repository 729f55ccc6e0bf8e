"""What a listener speaks and whom it lets in, seen from a caller's side."""

import asyncio
import datetime as dt
import ssl

import pytest

from gateway.secrets import CertificateUnusable
from gateway.web.tls import build_tls
from tests.web.conftest import Serve, Trust

REFUSED = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_1_2_and_1_3_are_spoken(version: ssl.TLSVersion, serve: Serve, trust: Trust):
    place = await serve(context=await trust.context(), tls=trust.settings)
    client = await trust.client("a.example")
    client.minimum_version = client.maximum_version = version
    wire = await place.connect(client)
    assert (await wire.get()).status == 200
    spoken = wire.writer.get_extra_info("ssl_object")
    assert spoken.version() == version.name.replace("_", ".")
    assert "GCM" in spoken.cipher()[0] or "CHACHA20" in spoken.cipher()[0]
    assert spoken.cipher()[0].startswith(("ECDHE", "TLS_"))


async def test_1_1_is_not_spoken(serve: Serve, trust: Trust):
    place = await serve(context=await trust.context(), tls=trust.settings)
    client = await trust.client("a.example")
    client.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(REFUSED):
        await place.connect(client)


async def test_a_listener_of_1_3_refuses_1_2(serve: Serve, trust: Trust):
    place = await serve(context=await trust.context(minimum_version="1.3"), tls=trust.settings)
    client = await trust.client("a.example")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(REFUSED):
        await place.connect(client)


async def test_weak_ciphers_are_not_spoken(serve: Serve, trust: Trust):
    place = await serve(context=await trust.context(), tls=trust.settings)
    client = await trust.client("a.example")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("AES128-GCM-SHA256:ECDHE+AES:!AESGCM:@SECLEVEL=0")
    with pytest.raises(REFUSED):
        await place.connect(client)


async def test_a_required_certificate_is_asked_for_in_the_handshake(serve: Serve, trust: Trust):
    place = await serve(context=await trust.context(), tls=trust.settings)
    with pytest.raises(REFUSED):
        # In TLS 1.3 the alert arrives after the caller's side of the handshake is over.
        await (await place.connect(await trust.client())).get()


async def test_an_expired_certificate_is_refused(serve: Serve, trust: Trust):
    place = await serve(context=await trust.context(), tls=trust.settings)
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    client = await trust.client("a.example", not_after=yesterday, not_before=yesterday - dt.timedelta(days=9))
    with pytest.raises(REFUSED):
        await (await place.connect(client)).get()


def test_what_can_not_be_used_is_named_by_its_reference(trust: Trust):
    folder = trust.secrets.folder
    assert folder is not None
    (folder / "nonsense").write_text("canary")
    for changes, told in (
        ({"certificate": "file:nonsense"}, "file:nonsense, file:server.key: certificate and key must be in PEM form"),
        ({"key": "file:absent"}, "file:absent: "),
        ({"client_ca": "file:nonsense"}, "file:nonsense: must hold authorities' certificates in PEM form"),
        ({"client_ca": "env:ABSENT"}, "env:ABSENT: the variable ABSENT is not set"),
    ):
        settings = type(trust.settings)(
            **{
                "certificate": "file:server.pem",
                "key": "file:server.key",
                "client_ca": "file:clients.pem",
                **changes,
            }
        )
        with pytest.raises(CertificateUnusable) as refused:
            build_tls(settings, trust.secrets)
        assert str(refused.value).startswith(told)
        assert "canary" not in str(refused.value)


def test_the_end_of_the_certificate_is_known(trust: Trust):
    assert build_tls(trust.settings, trust.secrets).ends > dt.datetime.now(dt.UTC)
