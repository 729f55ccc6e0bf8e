"""The folders that files come from: what ships, and over it an operator's folders, by relative path.

A later layer's file hides an earlier one of the same relative path; `extends` finds its base through all of them.
"""

import pathlib

import msgspec

from gateway.files.problems import Problem
from gateway.files.reading import Loaded, read_yaml

SHIPPED = ("mappings", "policies", "adapters/banks")


def shipped() -> pathlib.Path:
    """The folder that holds the packages `mappings`, `policies` and `adapters`, in a checkout and in a wheel alike."""
    return pathlib.Path(__file__).parents[2]


class Layers(msgspec.Struct, frozen=True):
    """Roots from first to last; a file of the last that has it is the one."""

    roots: tuple[pathlib.Path, ...]

    @classmethod
    def over_shipped(cls, folders: tuple[pathlib.Path, ...] = ()) -> "Layers":
        """What ships, with an operator's folders laid over it."""
        return cls((shipped(), *folders))

    def find(self, folder: str, pattern: str) -> dict[str, pathlib.Path]:
        """Relative path (POSIX) -> file, of all layers, sorted; `pattern` is pathlib's, below `folder`.

        Names that begin with a dot or `..` (a ConfigMap's own links) are passed over.
        """
        found: dict[str, pathlib.Path] = {}
        for root in self.roots:
            for path in (root / folder).glob(pattern):
                relative = path.relative_to(root)
                if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                    found[relative.as_posix()] = path
        return dict(sorted(found.items()))

    def locate(self, relative: str) -> pathlib.Path | None:
        """The file of the last layer that has it."""
        for root in reversed(self.roots):
            path = root / relative
            if path.is_file():
                return path
        return None

    def display(self, path: pathlib.Path) -> str:
        """How a problem names a file: relative to what ships, else as the operator wrote the folder."""
        first = self.roots[0]
        return path.relative_to(first).as_posix() if path.is_relative_to(first) else str(path)

    def read(self, path: pathlib.Path) -> tuple[Loaded | None, list[Problem]]:
        """Reads one file of the layers; a file that can not be opened is a problem too."""
        name = self.display(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            return None, [Problem(name, 1, 1, "", f"can not be read: {error.strerror}")]
        return read_yaml(name, content)
