"""One module or package per dialect, and in `banks/` a file per bank; loaded by name, never imported by the engine."""
