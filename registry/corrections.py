"""The rejected rows of a roster as a workbook that the school corrects and sends back. CLI `roster check --errors`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from registry.layout import Header, Line, lines_of
from registry.problems import RowProblem
from registry.roster_rows import Roster
from registry.sheets import Cell, Sheet, text_of, title_of

ROW_TITLE: Final = "行号"
PROBLEM_TITLE: Final = "问题"
DIGITS_KEPT: Final = 10**15
"""From here a number in a cell has lost digits."""

_SHEET_NAME = re.compile(r"(?!')[^\[\]:*?/\\]{1,31}(?<!')")


def write_corrections(path: Path, sheets: Sequence[Sheet], roster: Roster) -> int:
    """Write the rejected rows, each sheet under its own header and with all its columns, every cell as text.

    Two columns follow: the row's number in the original, and what is wrong with it. A class from merged cells is
    written into each row. Nothing in a cell becomes a formula or a link.

    Args:
        path: the workbook to write.
        sheets: what `open_roster` returned.
        roster: what `judge` made of them.

    Returns:
        The number of rows written; with 0 no file is written.
    """
    if not roster.rejected:
        return 0
    import xlsxwriter  # noqa: PLC0415 - only where a workbook is written

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(str(path), options)
    text = workbook.add_format({"num_format": "@"})
    bold = workbook.add_format({"num_format": "@", "bold": True})
    used: set[str] = set()
    for sheet in sheets:
        problems = {problem.row: problem for problem in roster.rejected if problem.sheet == sheet.name}
        if not problems:
            continue
        page = workbook.add_worksheet(_sheet_name(sheet.name, used))
        at, header = 0, None
        for line in lines_of(sheet):
            if line.number not in problems or line.header is None or line.reason is not None:
                continue
            if line.header is not header:
                header = line.header
                kept = _kept(sheet, header)
                for cells in _header_rows(sheet, header, kept):
                    page.write_row(at, 0, cells, bold)
                    at += 1
            page.write_row(at, 0, _row(sheet, line, kept, problems[line.number]), text)
            at += 1
        page.set_column(0, len(kept) + 1, 18, text)
    workbook.close()
    return len(roster.rejected)


def _kept(sheet: Sheet, header: Header) -> list[int]:
    """Return the columns to write: all but the two that an earlier file of this kind has added."""
    rows = sheet.rows[header.first : header.first + header.height]
    width = max(*map(len, rows), *(at + 1 for at in header.positions.values()))
    added = {at for row in rows for at, cell in enumerate(row) if title_of(cell) in {ROW_TITLE, PROBLEM_TITLE}}
    return [at for at in range(width) if at not in added]


def _header_rows(sheet: Sheet, header: Header, kept: list[int]) -> list[list[str]]:
    """Return the header on one row; the titles of one over two rows are joined, since merged cells are not kept."""
    last = sheet.rows[header.first + header.height - 1]
    titles = [text_of(last[at]) if at < len(last) else "" for at in kept]
    if header.height > 1:
        for what, position in header.positions.items():
            titles[kept.index(position)] = header.titles[what]
    return [[*titles, ROW_TITLE, PROBLEM_TITLE]]


def _row(sheet: Sheet, line: Line, kept: list[int], problem: RowProblem) -> list[str]:
    assert line.header is not None
    row = dict(enumerate(sheet.rows[line.number - 1]))
    if "class" in line.cells:
        row[line.header.positions["class"]] = line.cells["class"]
    told = f"{problem.column}：{problem.text('zh')}"
    return [*(_as_text(row.get(at, "")) for at in kept), str(problem.row), told]


def _as_text(cell: Cell) -> str:
    """Return a cell as text. A number that has lost digits stays visibly one: as text it could pass for an identity."""
    if isinstance(cell, int | float) and abs(cell) >= DIGITS_KEPT:
        return f"{cell:.14E}"
    return text_of(cell)


def _sheet_name(name: str, used: set[str]) -> str:
    """Return a sheet's name where a workbook may have it, else a default one, which is no class."""
    if not _SHEET_NAME.fullmatch(name) or name.casefold() in used:
        name = next(f"Sheet{number}" for number in range(1, len(used) + 2) if f"sheet{number}" not in used)
    used.add(name.casefold())
    return name
