"""What the tour shows: coloured and with a moving progress in a terminal, plain lines everywhere else."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 120
_INDENT = (0, 0, 0, 2)


class Screen:
    """Where the tour is shown."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console.width = _PLAIN_WIDTH

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Says what is being done while it is done."""
        if self._console.is_terminal:
            with self._console.status(what):
                yield
        else:
            self._console.print(f"{what} ...", markup=False)
            yield

    def title(self, text: str) -> None:
        """Begins a part."""
        self._console.print()
        self._console.print(Text(text, style="bold"))

    def say(self, text: str, style: str = "") -> None:
        """One paragraph below a title."""
        self._show(Text(text, style=style))

    def asked(self, text: str) -> None:
        """What is called."""
        self._show(Text(f"> {text}", style="cyan"))

    def proved(self, text: str) -> None:
        """What was checked, and holds."""
        self._show(Text.assemble(("✓ ", "green"), text))

    def failed(self, text: str) -> None:
        """What was checked, and does not hold."""
        self._show(Text.assemble(("✗ ", "bold red"), text))

    def document(self, document: Mapping[str, Any], *names: str) -> None:
        """Some members of a document as JSON."""
        chosen = {name: document[name] for name in names if name in document}
        self.lines(json.dumps(chosen, indent=2, ensure_ascii=False).splitlines(), style="dim")

    def columns(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows of equal length, side by side."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in headings:
            table.add_column(heading, overflow="ellipsis", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._show(table)

    def lines(self, lines: Sequence[str], style: str = "") -> None:
        """Lines that are not wrapped, so that they can be copied."""
        for line in lines:
            self._console.print(Text(f"  {line}", style=style), soft_wrap=True)

    def drawing(self, drawing: RenderableType) -> None:
        """Anything that rich can draw."""
        self._show(drawing)

    def _show(self, shown: RenderableType) -> None:
        self._console.print(Padding(shown, _INDENT, expand=False), soft_wrap=False)
