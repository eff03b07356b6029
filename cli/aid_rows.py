"""Aid lists and months of attendance, from a sheet to what the rules take; an account's number goes no further."""

from __future__ import annotations

import base64
import hmac
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli import outcome_values as values
from cli.language import say
from domain.aid_commands import LONGEST_STUDY, MOST_ROWS, PAYER
from domain.family_act import SCHOOL
from domain.stream import CODE
from registry.problems import InputRejected
from registry.sheets import read_table

ENTITLED: Final = ("student", "name", "year", "kind", "school", "payer", "account", "first")
ATTENDED: Final = ("student", "name", "month", "evidence")
"""Columns of the two sheets; `name` is for whoever fills a sheet in, and is not read."""

KINDS: Final = {
    **dict.fromkeys(("涉农专业", "涉农", "agriculture"), "AGRICULTURE"),
    **dict.fromkeys(("家庭经济困难", "困难", "hardship"), "HARDSHIP"),
}
YEARS: Final = {"一年级": "1", "二年级": "2", "三年级": "3", "一": "1", "二": "2", "三": "3"}
BUREAU: Final = ("bureau", "县教育局", "教育局", "资助中心")
_MONTH: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})(?:月|[-/.]\d{1,2})?")
_REMEDY: Final = {
    "student": ("学生编号 stu_…，aid template 已填好", "the pupil's reference stu_…, as `aid template` has it"),
    "year": ("在读年级，1 或 2", "the year of study, 1 or 2"),
    "kind": ("涉农专业、家庭经济困难，或政策中的代码", "agriculture, hardship, or a code of the policy"),
    "school": ("接收学校 10 位标识码", "the receiving school's 10 digits"),
    "payer": ("发放单位 10 位标识码，或 县教育局；空白即接收学校", "10 digits, or bureau; empty is the school itself"),
    "account": ("发放账户", "the account"),
    "first": ("起始月份，如 2026-09；空白即学年开始", "the first month, as 2026-09; empty is the school year's"),
    "month": ("月份，如 2026-09", "a month, as 2026-09"),
    "evidence": (
        "学籍、书面材料、见到本人或电话核实",
        "register, document, seen or call",
    ),
}

Rows = list[tuple[int, dict[str, Any]]]
"""The file's own row numbers, and the fields."""


def entitled_rows(path: Path, pepper: bytes) -> Rows:
    """Read an aid list.

    Args:
        path: CSV or XLSX with the columns of `ENTITLED`.
        pepper: keys the reference of an account; the same account has the same reference, and nobody can try numbers.

    Raises:
        InputRejected: AID_FILE_MISSING, AID_FILE_INVALID, AID_VALUE_INVALID with the place, never a value.
    """
    rows: Rows = []
    for number, cells in _table(path, ENTITLED):
        read = _Cells(path, number, cells)
        school = read.one("school", values.school(cells["school"]))
        year = values.plain(cells["year"])
        fields = {
            "student": read.one("student", values.student(cells["student"])),
            "study_year": int(read.one("year", _study_year(YEARS.get(year, year)))),
            "kind": read.one("kind", _kind(cells["kind"])),
            "school": school,
            "payer": read.one("payer", _payer(cells["payer"]) if values.plain(cells["payer"]) else school),
            "account": read.one("account", account_reference(cells["account"], pepper)),
        }
        if values.plain(cells["first"]):
            fields["first"] = read.one("first", month(cells["first"]))
        rows.append((number, fields))
    return rows


def attended_rows(path: Path) -> Rows:
    """Read months of attendance; a row without a grade of evidence was not filled in and is passed over.

    Raises:
        InputRejected: as `entitled_rows`.
    """
    rows: Rows = []
    for number, cells in _table(path, ATTENDED):
        if not values.plain(cells["evidence"]):
            continue
        read = _Cells(path, number, cells)
        fields = {
            "student": read.one("student", values.student(cells["student"])),
            "month": read.one("month", month(cells["month"])),
            "evidence": read.one("evidence", values.word("evidence", cells["evidence"])),
        }
        rows.append((number, fields))
    if not rows:
        raise _invalid_file(path, ATTENDED)
    return rows


def account_reference(cell: str, pepper: bytes) -> str | None:
    """Return the reference of an account: a digest under the installation's secret, the same for the same account."""
    text = re.sub(r"[\s-]+", "", unicodedata.normalize("NFKC", cell)).upper()
    if not text:
        return None
    key = hmac.digest(pepper, f"aid account\n{text}".encode(), "sha256")
    return "acc_" + base64.b32encode(key[:10]).decode().lower()


def month(cell: str) -> str | None:
    """Return a month, "2026-09"; a whole date is its month."""
    found = _MONTH.fullmatch(values.plain(cell))
    if found is None or not 1 <= int(found[2]) <= 12:  # noqa: PLR2004 - the months of a year
        return None
    return f"{found[1]}-{int(found[2]):02d}"


def write_sheet(
    path: Path, titles: Sequence[str], rows: Sequence[Mapping[str, str]], choices: Sequence[str] = ()
) -> int:
    """Write a sheet of text cells and return its number of rows; `choices` are offered in the last column."""
    import xlsxwriter  # noqa: PLC0415 - only where a workbook is written

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(str(path), options)
    sheet = workbook.add_worksheet("aid")
    text = workbook.add_format({"num_format": "@"})
    sheet.write_row(0, 0, titles, workbook.add_format({"bold": True}))
    sheet.set_column(0, len(titles) - 1, 18, text)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, start=1):
        sheet.write_row(number, 0, [row.get(title, "") for title in titles], text)
    if choices and rows:
        offered = {"validate": "list", "source": list(choices), "error_message": say("请选择", "choose one")}
        sheet.data_validation(1, len(titles) - 1, len(rows), len(titles) - 1, offered)
    workbook.close()
    return len(rows)


# -- inside -----------------------------------------------------------------------------------------------------


class _Cells:
    """One row of a file: reads its cells, or says where one cannot be understood."""

    def __init__(self, path: Path, number: int, cells: Mapping[str, str]) -> None:
        self._place = f"{path.name}: row {number}"
        self._cells = cells

    def one(self, column: str, value: str | None) -> str:
        """Return what a cell was read as.

        Raises:
            InputRejected: AID_VALUE_INVALID.
        """
        if value is not None:
            return value
        zh, en = _REMEDY[column]
        raise InputRejected(
            "AID_VALUE_INVALID",
            message_zh="该单元格的内容无法识别。",
            message_en="This cell cannot be understood.",
            place=f"{self._place} column {column}",
            remedy_zh=f"应为：{zh}。",
            remedy_en=f"It must be: {en}.",
        )


def _table(path: Path, titles: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    table = read_table(path, titles, missing="AID_FILE_MISSING", invalid="AID_FILE_INVALID")
    if not 0 < len(table) <= MOST_ROWS:
        raise _invalid_file(path, titles)
    return table


def _study_year(text: str) -> str | None:
    return text if text.isdecimal() and len(text) == 1 and 1 <= int(text) <= LONGEST_STUDY else None


def _kind(cell: str) -> str | None:
    text = values.plain(cell)
    return KINDS.get(text.lower(), text if re.fullmatch(CODE, text) else None)


def _payer(cell: str) -> str | None:
    text = values.plain(cell)
    if text.lower() in BUREAU:
        return "bureau"
    return text if re.fullmatch(PAYER, text) and re.fullmatch(SCHOOL, text) else None


def _invalid_file(path: Path, titles: Sequence[str]) -> InputRejected:
    listed = ", ".join(titles)
    return InputRejected(
        "AID_FILE_INVALID",
        message_zh="文件没有填写内容，或行数过多。",
        message_en="The file has no row that is filled in, or too many rows.",
        place=path.name,
        remedy_zh=f"请填写表头为 {listed} 的表格，最多 {MOST_ROWS} 行；aid template 可生成。",
        remedy_en=f"Fill in a sheet with the header {listed}, at most {MOST_ROWS} rows; `aid template` writes one.",
    )
