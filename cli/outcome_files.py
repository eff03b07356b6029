"""Outcome files (CSV, XLSX, JSON) as rows of values by column, with the file's own row numbers.

Names are resolved to references here, in the registry, and go no further (CLI contract, Files).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli import outcome_values as values
from cli.outcome_kinds import CLASS, KINDS, NAME, STUDENT, Column, Kind
from registry.problems import InputRejected
from registry.sheets import decoded, read_sheets, text_of, title_of
from registry.store import Registry

MOST_ROWS: Final = 20_000


@dataclass(frozen=True)
class Row:
    """One line of a file, with its number there and its cells as the rules want them."""

    number: int
    fields: dict[str, Any]


@dataclass(frozen=True)
class Outcomes:
    """What a file says: its rows, and how many were left as the template had them."""

    rows: list[Row]
    blank: int


async def read_outcomes(path: Path, kind: str, registry: Registry, campaign: str, school: str) -> Outcomes:
    """Read a file of outcomes of a school; a row that holds nothing but what a template gave is passed over.

    Raises:
        InputRejected: RECORD_FILE_MISSING, RECORD_FILE_INVALID, RECORD_COLUMN_MISSING, RECORD_FILE_BLANK,
            RECORD_VALUE_INVALID, STUDENT_NOT_FOUND, STUDENT_AMBIGUOUS; with file, row and column, never a value.
    """
    form = KINDS[kind]
    year = int(campaign.rsplit("/", 1)[1])
    rows: list[Row] = []
    blank = 0
    for number, cells in _table(path, form):
        if form.pupils and not _answered(form, cells):
            blank += 1
            continue
        place = f"{path.name}: row {number}"
        fields: dict[str, Any] = {}
        if form.pupils:
            fields["student"] = await _student(registry, campaign, school, year, cells, place)
        for column in form.columns:
            fields[column.name] = _value(column, form, cells.get(column.name), year, place)
        if kind == "decisions":
            fields["raised_by"] = values.word("raised_by", cells.get("raised_by")) or "STAFF"
        rows.append(Row(number, fields))
    if not rows:
        raise _blank_file(path)
    return Outcomes(rows, blank)


# -- inside -------------------------------------------------------------------------------------------------------


def _answered(form: Kind, cells: Mapping[str, Any]) -> bool:
    """Tell whether somebody has filled a row in."""
    return any(not _empty(cells.get(name)) for name in form.names if name not in form.given)


def _empty(cell: Any) -> bool:
    """Tell whether a cell says nothing; an empty JSON list says that there is nothing."""
    return not isinstance(cell, list) and not values.plain(cell)


def _table(path: Path, form: Kind) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows that are not blank: their numbers and cells by column."""
    if not path.is_file():
        raise rejected(
            "RECORD_FILE_MISSING",
            "找不到文件。",
            "There is no such file.",
            path.name,
            "请检查路径。",
            "Check the path.",
        )
    table = _json(path)
    if table is None:
        table = _sheet(path, form.all_columns)
    else:
        table = [(number, {one.name: _first(item, one) for one in form.all_columns}) for number, item in table]
    present = {name for _, cells in table for name, cell in cells.items() if cell is not None}
    needed = list(form.required)
    if form.pupils and STUDENT.name not in present:
        needed = [CLASS.name, NAME.name, *needed]
    lacking = [name for name in needed if name not in present]
    if not table or lacking:
        titles = ", ".join((STUDENT.name, *form.names) if form.pupils else form.names)
        raise rejected(
            "RECORD_COLUMN_MISSING",
            f"文件没有内容，或缺少列：{'、'.join(lacking)}。",
            f"The file has no rows, or lacks columns: {', '.join(lacking)}.",
            f"{path.name}: row 1",
            f"第一行应为表头：{titles}；也可用班级和姓名代替 student。record template 可生成模板。",
            f"The first row must be the header: {titles}; class and name may stand for student. "
            "`record template` writes one.",
        )
    if len(table) > MOST_ROWS:
        raise _invalid_file(path)
    return table


def _json(path: Path) -> list[tuple[int, dict[str, Any]]] | None:
    """Return the objects of a JSON list with their numbers from 1, None where the file is no JSON."""
    text = decoded(path.read_bytes())
    if text is None or text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or lists within lists without end
        raise _invalid_file(path) from None
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise _invalid_file(path)
    return list(enumerate(content, start=1))


def _first(item: Mapping[str, Any], column: Column) -> Any:
    titles = (column.name, *column.titles)
    return next((item[title] for title in titles if item.get(title) is not None), None)


def _sheet(path: Path, wanted: tuple[Column, ...]) -> list[tuple[int, dict[str, Any]]]:
    sheets = read_sheets(path)
    if not sheets:
        raise _invalid_file(path)
    rows = [(number, row) for number, row in sheets[0].numbered() if any(text_of(cell) for cell in row)]
    if not rows:
        raise _invalid_file(path)
    titles = [title_of(cell).lower() for cell in rows[0][1]]
    places = {
        column.name: titles.index(title)
        for column in wanted
        for title in reversed((column.name, *column.titles))
        if title in titles
    }
    return [
        (number, {name: row[place] if place < len(row) else "" for name, place in places.items()})
        for number, row in rows[1:]
    ]


async def _student(
    registry: Registry, campaign: str, school: str, year: int, cells: Mapping[str, Any], place: str
) -> str:
    if values.plain(cells.get(STUDENT.name)):
        reference = values.student(cells[STUDENT.name])
        if reference is None:
            raise _invalid(STUDENT, place)
        return reference
    class_id = CLASS.read(cells.get(CLASS.name), year)
    if class_id is None:
        raise _invalid(CLASS, place)
    if not values.plain(cells.get(NAME.name)):
        raise _invalid(NAME, place)
    try:
        return await registry.resolve(campaign, school, class_id, text_of(cells[NAME.name]))
    except InputRejected as unknown:
        unknown.place = f"{place} column {NAME.name}"
        raise


def _value(column: Column, form: Kind, cell: Any, year: int, place: str) -> Any:
    """Return a cell's value; None only where the column may be empty."""
    if _empty(cell) and column.name in form.optional:
        return None
    value = column.read(cell, year)
    if value is None:
        raise _invalid(column, place)
    return value


def rejected(code: str, zh: str, en: str, place: str, remedy_zh: str, remedy_en: str) -> InputRejected:
    """Return a rejection of a file."""
    return InputRejected(code, message_zh=zh, message_en=en, place=place, remedy_zh=remedy_zh, remedy_en=remedy_en)


def _invalid(column: Column, place: str) -> InputRejected:
    return rejected(
        "RECORD_VALUE_INVALID",
        "该单元格的内容无法识别。",
        "This cell cannot be understood.",
        f"{place} column {column.name}",
        f"应为：{column.zh}。",
        f"It must be: {column.en}.",
    )


def _blank_file(path: Path) -> InputRejected:
    return rejected(
        "RECORD_FILE_BLANK",
        "文件中没有一行填写了内容，没有可登记的。",
        "No row of the file is filled in: there is nothing to record.",
        path.name,
        "请填写模板中的空列，未填的行不会登记。",
        "Fill in the empty columns of the template; a row that is left as it was is not recorded.",
    )


def _invalid_file(path: Path) -> InputRejected:
    return rejected(
        "RECORD_FILE_INVALID",
        "文件无法识别。",
        "The file cannot be understood.",
        path.name,
        "请存为带表头的 CSV 或 XLSX，或由对象组成的 JSON 列表，至多 20000 行。",
        "Save it as CSV or XLSX with a header, or as a JSON list of objects, at most 20,000 rows.",
    )
