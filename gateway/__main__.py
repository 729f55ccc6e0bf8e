"""The command line: `gateway`, and `python -m gateway`."""

from gateway.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
