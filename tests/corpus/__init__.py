"""Where the corpus of recorded bank answers lies, on machines that have one.

It is third-party data: tests read it in place, nothing of it is copied, and a test that needs it skips with `NEEDED`.
"""

import os
from pathlib import Path


def _locate() -> Path | None:
    """BANK_CORPUS names the folder; else it is looked for beside the checkout."""
    named = os.environ.get("BANK_CORPUS")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "corpus"
    return folder if (folder / "recorded").is_dir() else None


CORPUS: Path | None = _locate()
NEEDED = "the corpus of recorded bank answers is not here (BANK_CORPUS names its folder)"
