"""The folders that files come from: what ships, and over it an operator's folders, by relative path.

A later layer's file hides an earlier one of the same relative path; `extends` finds its base through all of them.
Layers that are `held` have all contents in memory, as they stood at one time: what is hashed, checked, compiled and
handed to other processes is then the same, whatever happens in the folders meanwhile.
"""

import functools
import os
import pathlib
import re
from collections.abc import Iterator, Mapping

import msgspec

from gateway.files.problems import Problem
from gateway.files.reading import Loaded, read_yaml

SHIPPED = ("mappings", "policies", "adapters/banks")
_DEEPEST = 8


def shipped() -> pathlib.Path:
    """The folder that holds the packages `mappings`, `policies` and `adapters`, in a checkout and in a wheel alike."""
    return pathlib.Path(__file__).parents[2]


class Layers(msgspec.Struct, frozen=True):
    """Roots from first to last; a file of the last that has it is the one.

    `held` has the content of every file, by its whole path, where it was read beforehand; None for one that could not
    be. Paths are texts there: a worker that is handed a thousand of them must not stand still to make objects of them.
    """

    roots: tuple[pathlib.Path, ...]
    held: Mapping[str, bytes | None] | None = None

    @classmethod
    def over_shipped(cls, folders: tuple[pathlib.Path, ...] = ()) -> "Layers":
        """What ships, with an operator's folders laid over it."""
        return cls((shipped(), *folders))

    def hold(self) -> "Layers":
        """These layers with all contents read now. Blocks."""
        held: dict[str, bytes | None] = {}
        for root in self.roots:
            for folder in SHIPPED:
                for path in _walk(root / folder):
                    try:
                        held[str(path)] = path.read_bytes()
                    except OSError:
                        if path.exists():  # not so a link that leads nowhere, nor a file that has just gone
                            held[str(path)] = None
        return Layers(self.roots, held)

    def find(self, folder: str, pattern: str) -> dict[str, pathlib.Path]:
        """Relative path (POSIX) -> file, of all layers, sorted; `pattern` is pathlib's, below `folder`.

        Names that begin with a dot or `..` (a ConfigMap's own links) are passed over.
        """
        found: dict[str, pathlib.Path] = {}
        for root in self.roots:
            found.update({path.relative_to(root).as_posix(): path for path in self._below(root, folder, pattern)})
        return dict(sorted(found.items()))

    def locate(self, relative: str) -> pathlib.Path | None:
        """The file of the last layer that has it."""
        return next(iter(self.places(relative)), None)

    def places(self, relative: str) -> tuple[pathlib.Path, ...]:
        """The files of all layers that have it, the last layer's first."""
        paths = [root / relative for root in reversed(self.roots)]
        return tuple(path for path in paths if (path.is_file() if self.held is None else str(path) in self.held))

    def content(self, path: pathlib.Path) -> bytes:
        """The bytes of a file of the layers. Raises OSError."""
        held = self.held.get(str(path)) if self.held is not None else None
        return path.read_bytes() if held is None else held

    def display(self, path: pathlib.Path) -> str:
        """How a problem names a file: relative to what ships, else as the operator wrote the folder."""
        first = self.roots[0]
        return path.relative_to(first).as_posix() if path.is_relative_to(first) else str(path)

    def read(self, path: pathlib.Path) -> tuple[Loaded | None, list[Problem]]:
        """Reads one file of the layers; a file that can not be opened is a problem too."""
        name = self.display(path)
        try:
            content = self.content(path)
        except OSError as error:
            return None, [Problem(name, 1, 1, "", f"can not be read: {error.strerror}")]
        return read_yaml(name, content)

    def _below(self, root: pathlib.Path, folder: str, pattern: str) -> Iterator[pathlib.Path]:
        if self.held is not None:
            matches = _glob(f"{root / folder}/", pattern).fullmatch
            yield from (pathlib.Path(path) for path in self.held if matches(path))
            return
        for path in (root / folder).glob(pattern):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
                yield path


def _walk(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """All files below, also through links to folders; not what a name with a dot before it holds."""
    for place, folders, names in os.walk(folder, followlinks=True):
        deep = len(pathlib.Path(place).parts) - len(folder.parts) >= _DEEPEST  # a link to a folder above has no end
        folders[:] = [] if deep else [name for name in folders if not name.startswith(".")]
        yield from (pathlib.Path(place, name) for name in names if not name.startswith("."))


@functools.lru_cache(maxsize=64)
def _glob(start: str, pattern: str) -> re.Pattern[str]:
    """What pathlib's glob finds below a folder, of its `*` and `**/`."""
    steps = {"**/": "(?:[^/]+/)*", "*": "[^/]*"}
    parts = re.split(r"(\*\*/|\*)", pattern)
    return re.compile(re.escape(start) + "".join(steps.get(part, re.escape(part)) for part in parts))
