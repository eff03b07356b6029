"""The command line: `python starter.py …`, installed as `diversion`."""

from __future__ import annotations

from cli.entry import run
from cli.run_main import run_main


def main() -> None:
    """Run the command that `sys.argv` names and end the process with its exit code."""
    run_main(run)


if __name__ == "__main__":
    main()
