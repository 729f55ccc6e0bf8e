import functools
import io
import sys

import pytest

from gateway import cli
from gateway.mapping import library

once = functools.cache(library.read_library)


@pytest.fixture
def inside(monkeypatch, capfd):
    """Runs `gateway` in this process, which is quicker: the code, standard output, the lines of standard error."""

    monkeypatch.setattr(library, "read_library", once)  # no test changes a mapping between two commands

    def run(*arguments: str, given: bytes = b"") -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["gateway", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        sys.stdout.flush()
        written = capfd.readouterr()
        return int(ended.value.code or 0), written.out, written.err.splitlines()

    return run
