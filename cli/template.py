"""The spreadsheet that a school fills in: references, classes, names and what is known are there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import xlsxwriter

from cli.language import say
from cli.outcome_due import Line
from cli.outcome_kinds import KINDS, Kind

EMPTY_ROWS: Final = 50
"""Rows with drop-downs below the last one, for what is written down in addition."""

Names = Mapping[str, tuple[str, str]]
"""(class id, name) by reference."""


def rows_of(form: Kind, names: Names, lines: Sequence[Line]) -> list[dict[str, str]]:
    """Return the template's rows by column, in the order of classes; a pupil whom the registry forgot has no name."""
    place = {student: number for number, student in enumerate(names)}
    ordered = sorted(lines, key=lambda line: place.get(line.student, len(place)))
    return [
        {"student": line.student, "class": class_id, "name": name}
        | {column: cell for column, cell in line.cells.items() if column in form.names}
        for line in ordered
        for class_id, name in (names.get(line.student, ("", "")),)
    ]


def session_rows(classes: Sequence[str]) -> list[dict[str, str]]:
    """Return a row for each class: a meeting of its own, to be joined or split by whoever fills it in."""
    return [{"meeting": f"m-{class_id}", "classes": class_id} for class_id in classes]


def write_template(
    path: Path,
    kind: str,
    rows: Sequence[Mapping[str, str]],
    proposed: Mapping[str, tuple[str, str]] | None = None,
) -> int:
    """Write the sheet and return its number of rows.

    Args:
        path: the file to write.
        kind: a key of `KINDS`.
        rows: cells by column; the other cells stay empty.
        proposed: (proposal, why) by reference, to read while deciding; `record` does not read them back.
    """
    form = KINDS[kind]
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(str(path), options)
    sheet = workbook.add_worksheet(kind)
    text = workbook.add_format({"num_format": "@"})
    bold = workbook.add_format({"bold": True})
    columns = (*form.header, "proposal", "why") if proposed else form.header
    sheet.write_row(0, 0, columns, bold)
    sheet.set_column(0, len(columns) - 1, 18, text)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, start=1):
        sheet.write_row(number, 0, [row.get(column, "") for column in form.header], text)
        if proposed:
            sheet.write_row(number, len(form.header), proposed.get(row["student"], ("", "")), text)
    for column in form.columns:
        if column.choices:
            position = form.header.index(column.name)
            message = {
                "validate": "list",
                "source": list(column.choices),
                "error_message": say("请选择", "choose one"),
            }
            sheet.data_validation(1, position, len(rows) + EMPTY_ROWS, position, message)
    workbook.close()
    return len(rows)
