"""A daily report's rows, from a file or from the command line; names become references here and go no further."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli import outcome_values as values
from cli.failures import usage
from cli.language import say
from registry.classes import canonical_class
from registry.problems import InputRejected
from registry.sheets import decoded, read_table
from registry.store import Registry

COLUMNS: Final = ("class", "present", "on_leave", "unexplained", "joined", "left")
COUNTS: Final = ("present", "on_leave", "joined", "left")
MOST_ROWS: Final = 100


async def report_rows(path: Path, registry: Registry, campaign: str, school: str) -> list[dict[str, Any]]:
    """Read the rows of a CSV, XLSX or JSON file with the columns of `COLUMNS`.

    `unexplained` holds references, or names of pupils of the row's class, with ; or 、 between.

    Raises:
        InputRejected: ATTENDANCE_FILE_MISSING, ATTENDANCE_FILE_INVALID, ATTENDANCE_VALUE_INVALID, STUDENT_NOT_FOUND,
            STUDENT_AMBIGUOUS; with file, row and column, never a value.
    """
    table = _json(path)
    if table is None:
        table = list(read_table(path, COLUMNS, missing="ATTENDANCE_FILE_MISSING", invalid="ATTENDANCE_FILE_INVALID"))
    if not table or len(table) > MOST_ROWS:
        raise _invalid_file(path)
    year = int(campaign.rsplit("/", 1)[1])
    rows: list[dict[str, Any]] = []
    for number, cells in table:
        place = f"{path.name}: row {number}"
        class_id = canonical_class(values.plain(cells.get("class")), year)
        if class_id is None:
            raise _invalid(f"{place} column class", "2023-01", "2023-01")
        row: dict[str, Any] = {"class_id": class_id}
        for name in COUNTS:
            row[name] = _count(cells.get(name), f"{place} column {name}", required=name == "present")
        row["unexplained"] = [
            await _student(registry, campaign, school, class_id, cell, f"{place} column unexplained")
            for cell in values.listed(cells.get("unexplained"))
        ]
        rows.append(row)
    return rows


def class_rows(campaign: str, given: Sequence[str]) -> list[dict[str, Any]]:
    """Read rows of the command line: CLASS=PRESENT[,LEAVE[,JOINED,LEFT]][:stu_…+stu_…].

    Raises:
        Failure: CLASS_ROW_INVALID (2).
    """
    year = int(campaign.rsplit("/", 1)[1])
    rows = [_class_row(text, year) for text in given]
    if any(row is None for row in rows):
        raise usage(
            "CLASS_ROW_INVALID",
            say("班级一行的写法不对。", "A class's row is malformed."),
            place="--class",
            remedy=say(
                "请写成 2023-01=38，或 2023-01=36,1:stu_…（到校、请假、无故未到的学生）。",
                "Write it as 2023-01=38, or 2023-01=36,1:stu_… (present, on leave, pupils absent without a reason).",
            ),
        )
    return [row for row in rows if row is not None]


def zero_rows(sizes: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """Return the rows of a zero report: every pupil of the register who is in no dropout case is there."""
    return [{"class_id": class_id, "present": size - cases} for class_id, (size, cases) in sorted(sizes.items())]


def _class_row(text: str, year: int) -> dict[str, Any] | None:
    name, _, rest = text.partition("=")
    counted, _, absent = rest.partition(":")
    class_id = canonical_class(name.strip(), year)
    numbers = counted.split(",")
    students = [values.student(part) for part in absent.split("+") if part]
    sizes = (1, 2, 4)
    if class_id is None or len(numbers) not in sizes or not all(part.strip().isdecimal() for part in numbers):
        return None
    if not all(students):
        return None
    counts = dict(zip(COUNTS, map(int, numbers), strict=False))
    return {"class_id": class_id, **counts, "unexplained": students}


def _json(path: Path) -> list[tuple[int, dict[str, Any]]] | None:
    """Return the objects of a JSON list with their numbers from 1, None where the file is no JSON."""
    if not path.is_file():
        return None
    text = decoded(path.read_bytes())
    if text is None or text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid_file(path) from None
    if not isinstance(content, list) or not all(isinstance(item, dict) and {*item} <= {*COLUMNS} for item in content):
        raise _invalid_file(path)
    return list(enumerate(content, start=1))


def _count(cell: Any, place: str, *, required: bool) -> int:
    text = values.plain(cell)
    if not text and not required:
        return 0
    if not text.isdecimal() or len(text) > 4:  # noqa: PLR2004 - no class has ten thousand pupils
        raise _invalid(place, "整数，如 38", "a whole number, as 38")
    return int(text)


async def _student(registry: Registry, campaign: str, school: str, class_id: str, cell: str, place: str) -> str:
    reference = values.student(cell)
    if reference is not None:
        return reference
    try:
        return await registry.resolve(campaign, school, class_id, cell)
    except InputRejected as unknown:
        unknown.place = place
        raise


def _invalid(place: str, zh: str, en: str) -> InputRejected:
    return InputRejected(
        "ATTENDANCE_VALUE_INVALID",
        message_zh="该单元格的内容无法识别。",
        message_en="This cell cannot be understood.",
        place=place,
        remedy_zh=f"应为：{zh}。",
        remedy_en=f"It must be: {en}.",
    )


def _invalid_file(path: Path) -> InputRejected:
    listed = ", ".join(COLUMNS)
    return InputRejected(
        "ATTENDANCE_FILE_INVALID",
        message_zh="文件无法识别，或没有内容。",
        message_en="The file cannot be understood, or has no rows.",
        place=path.name,
        remedy_zh=f"请存为带表头 {listed} 的 CSV 或 XLSX，或由对象组成的 JSON 列表；attendance template 可生成。",
        remedy_en=f"Save it as CSV or XLSX with the header {listed}, or as a JSON list of objects; "
        "`attendance template` writes one.",
    )
