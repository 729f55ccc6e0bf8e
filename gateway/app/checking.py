"""All that a gateway reads before it opens its doors, read by the same code and judged, and no door opened.

Whatever would keep `serve` from serving on this machine is told at once: files, banks and their secrets, keys,
consents, certificates. Only what others must answer for is not asked: no port is taken, no bank and no Redis called.
"""

import asyncio
import io
import pathlib

from gateway.app.certificates import Certificates, named_listeners
from gateway.app.counting import uncounted
from gateway.app.files import FileSet
from gateway.app.serving import Serving
from gateway.files import Layers, Problem, Refused
from gateway.settings import Settings
from gateway.telemetry.calls import Telemetry, TelemetrySettings


def check_whole(settings: Settings, folders: tuple[pathlib.Path, ...] = ()) -> FileSet:
    """The files that a gateway of these settings would serve, `folders` laid over them.

    Not to be called in a running loop. Raises Refused with every problem of files, secrets and certificates.
    """
    telemetry = Telemetry(TelemetrySettings(log_stream=io.BytesIO()))
    try:
        return asyncio.run(_check(settings, Layers.over_shipped((*settings.files, *folders)), telemetry))
    finally:
        telemetry.close()


async def _check(settings: Settings, layers: Layers, telemetry: Telemetry) -> FileSet:
    problems: list[Problem] = []
    try:
        Certificates(settings, telemetry, [name for name, _ in named_listeners(settings)]).load()
    except Refused as refused:
        problems += refused.problems
    try:
        files = await _prepare(Serving(settings, telemetry), layers)
        problems += uncounted(files, settings.redis, settings.workers)
    except Refused as refused:
        problems += refused.problems
    if problems:
        raise Refused(problems)
    return files


async def _prepare(serving: Serving, layers: Layers) -> FileSet:
    try:
        return (await serving.prepare(layers)).files
    finally:
        await serving.close()
