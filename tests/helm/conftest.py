"""Of the gateways that stand in this process, one dialect is enough here too."""

from tests.app.conftest import few_files, one_dialect

__all__ = ["few_files", "one_dialect"]
