"""The table of edge cases says what is there: every case once, and no test that does not exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TABLE = PROJECT / "docs" / "edge-cases.md"
CASES = 47
SHOWN = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ADMITTED = ("not in this release", "in this release", "outside the system")
"""How a case without a test says that it has none."""


def rows() -> list[list[str]]:
    """Return the numbered rows of the table of cases, cell by cell."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if row[0].isdecimal()]


def named(text: str) -> list[tuple[str, str]]:
    """Return the tests that a text names."""
    return SHOWN.findall(text)


@cache
def collected(file: str) -> frozenset[str]:
    """Return the names that pytest collects from a file."""
    tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def missing(text: str) -> list[str]:
    """Return the tests that a text names and nobody has written."""
    return [
        f"{file}::{name}" for file, name in named(text) if not (PROJECT / file).is_file() or name not in collected(file)
    ]


def test_every_case_stands_in_the_table_once():
    """One row a case, in order, with four cells."""
    assert [int(row[0]) for row in rows()] == list(range(1, CASES + 1))
    assert {len(row) for row in rows()} == {4}


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"case {row[0]}")
def test_every_case_has_a_test_or_says_why_not(row):
    """What is not there is said in words."""
    assert named(row[3]) or any(word in row[2].lower() for word in ADMITTED)


def test_every_named_test_exists():
    """A renamed test turns this red, with its old name."""
    text = TABLE.read_text(encoding="utf-8")
    assert len(named(text)) > CASES
    assert missing(text) == []


def test_a_test_that_nobody_has_written_is_found():
    """A wrong file and a wrong name are both named."""
    wrong = "`tests/house/test_nowhere.py::test_one` and `tests/house/test_edge_table.py::test_two`"
    assert missing(wrong) == ["tests/house/test_nowhere.py::test_one", "tests/house/test_edge_table.py::test_two"]
