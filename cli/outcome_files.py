"""Outcome files (CSV, XLSX, JSON) as rows of cells by column, with the file's own row numbers.

Names are resolved to references here, in the registry, and go no further (CLI contract, Files).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli import outcome_values as values
from registry.classes import canonical_class
from registry.problems import InputRejected
from registry.sheets import decoded, read_sheets, text_of, title_of
from registry.store import Registry

TITLES: Final[dict[str, tuple[str, ...]]] = {
    "student": ("student", "学生编号", "编号", "学生"),
    "class": ("class", "班级", "班级名称"),
    "name": ("name", "姓名", "学生姓名"),
    "meeting": ("meeting", "场次", "家长会", "会议"),
    "classes": ("classes", "班级", "参会班级"),
    "attended": ("attended", "到会", "是否到会"),
    "by": ("by", "到会人", "由谁到会"),
    "kind": ("kind", "方式", "回访方式"),
    "at": ("at", "时间", "日期"),
    "outcome": ("outcome", "结果", "回访结果"),
    "decision": ("decision", "决定"),
    "help": ("help", "帮扶", "帮扶内容"),
    "reason": ("reason", "理由", "理由代码"),
    "raised_by": ("raised_by", "提出人"),
}
"""Column → its titles; the first is the one that the contract and the template use."""

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "attendance": ("meeting", "attended", "by"),
    "followups": ("kind", "at", "outcome"),
    "sessions": ("meeting", "classes", "at"),
    "decisions": ("decision", "help", "reason"),
}
"""Kind of file → its columns; all but `sessions` have the pupil's too."""

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "attendance": ("meeting", "attended"),
    "followups": ("kind", "at", "outcome"),
    "sessions": ("meeting", "classes", "at"),
    "decisions": ("decision",),
}
MOST_ROWS: Final = 20_000


@dataclass(frozen=True)
class Row:
    """One line of a file, with its number there and its cells as the rules want them."""

    number: int
    fields: dict[str, Any]


def rejected(code: str, zh: str, en: str, place: str, remedy_zh: str, remedy_en: str) -> InputRejected:
    """Return a rejection of a file."""
    return InputRejected(code, message_zh=zh, message_en=en, place=place, remedy_zh=remedy_zh, remedy_en=remedy_en)


async def read_outcomes(path: Path, kind: str, registry: Registry, campaign: str, school: str) -> list[Row]:
    """Read a file of outcomes of a school.

    Raises:
        InputRejected: RECORD_FILE_MISSING, RECORD_FILE_INVALID, RECORD_COLUMN_MISSING, RECORD_VALUE_INVALID,
            STUDENT_NOT_FOUND, STUDENT_AMBIGUOUS; with file, row and column, never a value.
    """
    year = int(campaign.rsplit("/", 1)[1])
    table = _table(path, kind)
    names = {**dict.fromkeys(COLUMNS[kind])}
    rows: list[Row] = []
    for number, cells in table:
        fields: dict[str, Any] = {}
        if kind != "sessions":
            fields["student"] = await _student(registry, campaign, school, year, cells, f"{path.name}: row {number}")
        for column in names:
            fields[column] = _value(kind, column, cells, year, f"{path.name}: row {number} column {column}")
        if kind == "decisions":
            fields["raised_by"] = values.word("raised_by", cells.get("raised_by")) or "STAFF"
        rows.append(Row(number, fields))
    return rows


# -- inside -------------------------------------------------------------------------------------------------------


def _table(path: Path, kind: str) -> list[tuple[int, dict[str, Any]]]:
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
    wanted = COLUMNS[kind] if kind == "sessions" else ("student", "class", "name", *COLUMNS[kind])
    if kind == "decisions":
        wanted = (*wanted, "raised_by")
    table = _json(path)
    if table is None:
        table = _sheet(path, wanted)
    else:
        table = [(number, {column: _first(item, column) for column in wanted}) for number, item in table]
    present = {column for _, cells in table for column, cell in cells.items() if cell is not None}
    needed = list(REQUIRED[kind])
    if kind != "sessions" and "student" not in present:
        needed = ["class", "name", *needed]
    lacking = [column for column in needed if column not in present]
    if not table or lacking:
        columns = ", ".join(("student", *COLUMNS[kind]) if kind != "sessions" else COLUMNS[kind])
        raise rejected(
            "RECORD_COLUMN_MISSING",
            f"文件没有内容，或缺少列：{'、'.join(lacking)}。",
            f"The file has no rows, or lacks columns: {', '.join(lacking)}.",
            f"{path.name}: row 1",
            f"第一行应为表头：{columns}；也可用班级和姓名代替 student。record template 可生成模板。",
            f"The first row must be the header: {columns}; class and name may stand for student. "
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
    except ValueError:
        raise _invalid_file(path) from None
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise _invalid_file(path)
    return list(enumerate(content, start=1))


def _first(item: Mapping[str, Any], column: str) -> Any:
    return next((item[title] for title in TITLES[column] if item.get(title) is not None), None)


def _sheet(path: Path, wanted: tuple[str, ...]) -> list[tuple[int, dict[str, Any]]]:
    sheets = read_sheets(path)
    if not sheets:
        raise _invalid_file(path)
    rows = [(number, row) for number, row in sheets[0].numbered() if any(text_of(cell) for cell in row)]
    if not rows:
        raise _invalid_file(path)
    titles = [title_of(cell).lower() for cell in rows[0][1]]
    places = {column: titles.index(title) for column in wanted for title in reversed(TITLES[column]) if title in titles}
    return [
        (number, {column: row[place] if place < len(row) else "" for column, place in places.items()})
        for number, row in rows[1:]
    ]


async def _student(
    registry: Registry, campaign: str, school: str, year: int, cells: Mapping[str, Any], place: str
) -> str:
    if values.plain(cells.get("student")):
        reference = values.student(cells["student"])
        if reference is None:
            raise _invalid(f"{place} column student")
        return reference
    class_id = canonical_class(values.plain(cells.get("class")), year)
    if class_id is None:
        raise _invalid(f"{place} column class")
    if not values.plain(cells.get("name")):
        raise _invalid(f"{place} column name")
    try:
        return await registry.resolve(campaign, school, class_id, text_of(cells["name"]))
    except InputRejected as unknown:
        unknown.place = f"{place} column name"
        raise


def _value(kind: str, column: str, cells: Mapping[str, Any], year: int, place: str) -> Any:
    """Return a cell's value; None only where the column may be empty."""
    cell = cells.get(column)
    empty = cell != [] and not values.plain(cell) if not isinstance(cell, list) else False
    if empty and column not in REQUIRED[kind]:
        return None
    match column:
        case "meeting":
            value: Any = values.label(cell)
        case "attended":
            value = values.yes_no(cell)
        case "at":
            value = values.moment(cell)
        case "classes":
            found = [canonical_class(part, year) for part in values.listed(cell)]
            value = found if found and all(found) else None
        case "help":
            value = values.helps(cell)
        case "reason":
            value = values.reason(cell)
        case _:
            value = values.word(column, cell)
    if value is None:
        raise _invalid(place)
    return value


_MEANT: Final[dict[str, tuple[str, str]]] = {
    "student": ("编号以 stu_ 开头", "a reference that starts with stu_"),
    "class": ("班级，如 九年级（3）班", "a class, as 2022-03"),
    "name": ("姓名", "a name"),
    "meeting": ("场次编号：小写字母、数字和连字符", "a meeting's reference: lower-case letters, digits, hyphens"),
    "classes": ("以分号隔开的班级", "classes separated by ;"),
    "attended": ("是或否", "是 or 否 (yes or no)"),
    "by": ("监护人或照护人", "guardian or caregiver"),
    "kind": ("电话或家访", "call or home_visit"),
    "outcome": ("已告知、无人接听、拒绝或约定再联系", "reached, no_answer, refused or call_back"),
    "at": ("时间，如 2024-12-05 18:30", "a time, as 2024-12-05 18:30"),
    "decision": ("确认、排除、异议或处理异议", "confirm, exclude, contest or resolve"),
    "help": ("学习、出勤、告知，以分号隔开；没有则写 无", "study, attendance, information, separated by ; or none"),
    "reason": ("理由代码：大写字母、数字和下划线", "a reason code: capitals, digits, underscores"),
}


def _invalid(place: str) -> InputRejected:
    zh, en = _MEANT[place.rsplit(" ", 1)[1]]
    return rejected(
        "RECORD_VALUE_INVALID",
        "该单元格的内容无法识别。",
        "This cell cannot be understood.",
        place,
        f"应为：{zh}。",
        f"It must be: {en}.",
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
