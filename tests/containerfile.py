"""The Containerfile read into its stages, and its steps run in a folder that stands for the image's file system.

No container engine is asked: absolute paths of the image become paths below a folder, in which this interpreter's own
files stand for the base image. What pip would fetch by a lock is copied from where the tests run, if it is the very
version of the lock; every other step is run as it is written.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from typing import Any

from packaging.markers import Marker

ROOT = pathlib.Path(__file__).parents[1]
PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)(?: ; (.+?))? \\$", re.MULTILINE)
BASE = "/usr/local"
# What no image of Python brings, and what is large here.
_NOT_COPIED = shutil.ignore_patterns("test", "idlelib", "config-*", "site-packages", "tkinter", "ensurepip")


class Instruction:
    """One line of the Containerfile: its word, and the rest with continuations joined."""

    def __init__(self, word: str, rest: str) -> None:
        self.word, self.rest = word, rest

    def values(self) -> Any:
        """The JSON array of an exec form, else the words."""
        return json.loads(self.rest) if self.rest.startswith("[") else self.rest.split()


def stages() -> dict[str, list[Instruction]]:
    """Stage name -> instructions; the last is called `image`."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE)
    found: dict[str, list[Instruction]] = {}
    name = "before"
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if not line:
            continue
        word, _, rest = line.partition(" ")
        if word == "FROM":
            name = rest.partition(" AS ")[2] or "image"
        found.setdefault(name, []).append(Instruction(word, rest))
    return found


def pins(lock: str) -> dict[str, str]:
    """Name -> version of a lock file, for this platform."""
    found = PIN.findall((ROOT / lock).read_text())
    return {name: version for name, version, marker in found if not marker or Marker(marker).evaluate()}


class Image:
    """The steps of all stages, done below `root`; and how a container of it would be started."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self._lay_base()
        for name, instructions in stages().items():
            folder = "/"
            for each in instructions:
                if each.word == "WORKDIR":
                    folder = each.rest
                    self.path(folder).mkdir(parents=True, exist_ok=True)
                elif each.word == "COPY":
                    self._copy(each.rest.split(), folder)
                elif each.word == "RUN":
                    self._run(each.rest, folder)
            self.folder = folder if name == "image" else ""

    def path(self, path: str) -> pathlib.Path:
        """Where a path of the image is here."""
        return self.root / path.lstrip("/")

    def mapped(self, text: str) -> str:
        """A command's or variable's text with the image's paths exchanged for those here."""
        return re.sub(r"(?<![\w.-])/(?=(?:opt/gateway|wheel|etc/gateway|usr/local)\b)", f"{self.root}/", text)

    def environment(self) -> dict[str, str]:
        """The variables of a container, and what lets the interpreter find its library in another place."""
        found = {"PATH": f"{BASE}/bin:/usr/bin:/bin"}
        for each in stages()["image"]:
            if each.word == "ENV":
                for pair in each.rest.split():
                    name, _, value = pair.partition("=")
                    found[name] = value.replace("$PATH", found["PATH"])
        mapped = {name: self.mapped(value) for name, value in found.items()}
        return {**mapped, "LD_LIBRARY_PATH": str(self.path(f"{BASE}/lib"))}

    def last(self, word: str) -> Instruction:
        """The last instruction of this word in the last stage."""
        return [each for each in stages()["image"] if each.word == word][-1]

    def _lay_base(self) -> None:
        stdlib = pathlib.Path(sysconfig.get_path("stdlib"))
        library = self.path(f"{BASE}/lib")
        shutil.copytree(stdlib, library / stdlib.name, ignore=_NOT_COPIED)
        for shared in stdlib.parent.glob("libpython*.so*"):
            shutil.copy2(shared, library)
        (self.path(BASE) / "bin").mkdir()
        python = self.path(f"{BASE}/bin/python")
        shutil.copy2(pathlib.Path(sys._base_executable).resolve(), python)  # type: ignore[attr-defined]
        (library / stdlib.name / "site-packages").mkdir()
        self._lay({"pip": metadata.version("pip")}, library / stdlib.name / "site-packages")

    def _copy(self, words: list[str], folder: str) -> None:
        from_stage = words[0].startswith("--from=")
        *sources, target = words[from_stage:]
        if from_stage:
            assert sources == [target], "stages share one folder here, so what is copied must keep its place"
            return
        for source in sources:
            place = self.path(target if target.startswith("/") else f"{folder}/{target}")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / source, place / source if place.is_dir() else place)

    def _run(self, command: str, folder: str) -> None:
        lock = re.search(r"--require-hashes .*-r (\S+)", command)
        if lock:
            environment = re.search(r"--python (\S+)/bin/python", command)
            base = self.path(environment[1] if environment else BASE)
            [site] = base.glob("lib/python3*/site-packages")
            self._lay(pins(lock[1]), site)
            return
        variables = {
            "PATH": f"{self.path(BASE)}/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": str(self.path(f"{BASE}/lib")),
        }
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", self.mapped(command)],
            cwd=self.path(folder),
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    @staticmethod
    def _lay(wanted: dict[str, str], site: pathlib.Path) -> None:
        """Copies installed distributions, with what was compiled of them."""
        for name, version in wanted.items():
            found = metadata.distribution(name)
            assert found.version == version, f"{name} is {found.version} here and {version} in the lock: make setup"
            for file in found.files or ():
                source = pathlib.Path(str(found.locate_file(file)))
                if ".." not in file.parts and source.exists():
                    (site / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, site / file)


def unprivileged() -> dict[str, Any]:
    """How to start a process as the image's user, where the tests may choose; else as their own."""
    number = int(next(each.rest for each in stages()["image"] if each.word == "USER").partition(":")[0])
    return {"user": number, "group": number, "extra_groups": []} if os.geteuid() == 0 else {}
