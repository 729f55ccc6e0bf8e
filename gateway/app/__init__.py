"""The only place that wires parts together: settings and files become a gateway that serves.

`files` reads, checks and compiles whole sets of files; `generation` makes one ready to serve; `process` opens the doors
and swaps generations when files change.
"""

from gateway.app.files import FileSet, find_bank, load_dialects, read_files, readers
from gateway.app.process import Gateway, run

__all__ = ["FileSet", "Gateway", "find_bank", "load_dialects", "read_files", "readers", "run"]
