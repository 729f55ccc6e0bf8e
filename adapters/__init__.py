"""One module or package per dialect, and one file per bank in `banks/`; loaded by name, never imported by the engine."""
