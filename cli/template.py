"""The spreadsheet that a school fills in: references, classes and names are there already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from cli.language import say
from cli.outcome_files import COLUMNS

CHOICES: Final[dict[str, list[str]]] = {
    "attended": ["是", "否"],
    "by": ["监护人", "照护人"],
    "kind": ["电话", "家访"],
    "outcome": ["已告知", "无人接听", "拒绝", "约定再联系"],
    "decision": ["确认", "排除", "异议", "处理异议"],
}


def write_template(
    path: Path,
    kind: str,
    names: Mapping[str, tuple[str, str]],
    view: Mapping[str, Any],
    proposed: Mapping[str, tuple[str, str]] | None = None,
) -> int:
    """Write the sheet and return its number of rows.

    Args:
        path: the file to write.
        kind: a key of `COLUMNS`.
        names: (class id, name) by reference.
        view: the stage's line of the board; names its classes.
        proposed: (proposal, why) by reference, to read while deciding; `record` does not read them back.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(str(path), options)
    sheet = workbook.add_worksheet(kind)
    text = workbook.add_format({"num_format": "@"})
    columns = COLUMNS[kind] if kind == "sessions" else ("student", "class", "name", *COLUMNS[kind])
    if proposed:
        columns = (*columns, "proposal", "why")
    bold = workbook.add_format({"bold": True})
    sheet.write_row(0, 0, columns, bold)
    sheet.set_column(0, len(columns) - 1, 18, text)
    sheet.freeze_panes(1, 0)
    rows: list[tuple[str, ...]]
    if kind == "sessions":
        classes = list(view.get("classes", {})) or sorted({class_id for class_id, _ in names.values()})
        rows = [(f"m-{class_id}", class_id, "") for class_id in classes]
    else:
        rows = [(reference, class_id, name) for reference, (class_id, name) in names.items()]
    for number, row in enumerate(rows, start=1):
        sheet.write_row(number, 0, row, text)
        if proposed:
            sheet.write_row(number, len(columns) - 2, proposed.get(row[0], ("", "")), text)
    for position, column in enumerate(columns):
        if column in CHOICES and rows:
            message = {"validate": "list", "source": CHOICES[column], "error_message": say("请选择", "choose one")}
            sheet.data_validation(1, position, len(rows), position, message)
    workbook.close()
    return len(rows)
