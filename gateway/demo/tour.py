"""Runs the tour: puts the stage up, shows every step, then stays until Ctrl-C or SIGTERM, and leaves nothing behind."""

import contextlib
import pathlib
import signal
import tempfile
import threading
from collections.abc import Iterator

from gateway.demo.children import ChildFailed
from gateway.demo.folder import CONSENTS
from gateway.demo.screen import Screen
from gateway.demo.stage import Stage, put_up
from gateway.demo.steps import STEPS
from gateway.demo.steps.proving import StepFailed


class TourFailed(Exception):
    """Something was not as the tour says; the message is one line."""


def run(*, once: bool, folder: pathlib.Path | None, screen: Screen) -> None:
    """The tour; without `once` it stays up after it.

    `folder` keeps the files (it must be empty); without it they are in a temporary folder that goes with the tour.
    Raises TourFailed. KeyboardInterrupt before the end of the steps is the caller's; after them it ends the stay.
    """
    with _ended_by_sigterm(), contextlib.ExitStack() as stack:
        root = folder or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-demo-")))
        try:
            with screen.doing("making certificates and tokens, starting three banks' worth of servers and a gateway"):
                stage = stack.enter_context(put_up(root))
            _show(stage, screen)
        except (ChildFailed, StepFailed, FileExistsError) as error:
            raise TourFailed(str(error)) from None
        # Whoever reads that it is done may end it there and then.
        with contextlib.suppress(KeyboardInterrupt):
            screen.title(f"All {len(STEPS)} steps did what they say.")
            if not once:
                _say_where(stage, screen)
                _stay(stage)


def _show(stage: Stage, screen: Screen) -> None:
    for number, step in enumerate(STEPS, 1):
        screen.title(f"{number}/{len(STEPS)} {step.title}")
        try:
            step.run(stage, screen)
        except OSError as error:
            raise StepFailed(f"{step.title}: a call got no answer ({type(error).__name__}: {error})") from error


def _stay(stage: Stage) -> None:
    """Until a signal, or until one of the processes has ended, which none should."""
    never = threading.Event()
    while all(child.running for child in stage.children):
        never.wait(1.0)
    ended = ", ".join(child.name for child in stage.children if not child.running)
    raise TourFailed(f"{ended} has ended; the logs are in {stage.folder.logs}")


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say_where(stage: Stage, screen: Screen) -> None:
    read = stage.folder.write_addresses(
        {"SERVICE": stage.service, "ADMIN": stage.admin, "HEALTH": stage.health, "BANKS": stage.simulator_admin}
    )
    screen.title("It stays up until Ctrl-C.")
    screen.lines(
        [
            f"service          {stage.service}/v1/accounts",
            f"admin page       {stage.admin}/",
            f"the contract     {stage.admin}/docs",
            f"state            {stage.admin}/status",
            f"metrics          {stage.health}/metrics",
            f"banks and faults {stage.simulator_admin}/banks",
            f"files and logs   {stage.folder.root}",
        ]
    )
    fault = '{"faults": [{"kind": "429", "retry_after": "60"}]}'
    screen.title("In another shell")
    screen.lines(
        [
            f". {read}",
            *(f"call -H 'Consent-Id: {one.id}' $SERVICE/v1/accounts" for one in CONSENTS),
            f"call $SERVICE/v1/banks/{CONSENTS[0].bank}",
            f"curl -X PUT $BANKS/banks/{CONSENTS[0].simulated}/faults -d '{fault}'",
        ]
    )
