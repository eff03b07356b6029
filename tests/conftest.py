"""What holds for all tests: the terminal that they happen to run in is nobody's expectation."""

from __future__ import annotations

import os

# A process that runs a part of the tests is given the width of the terminal that they were started in.
os.environ.pop("COLUMNS", None)
