"""Synthetic pupils for the registry's tests: the region 990001 does not exist."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import xlsxwriter

from registry.identity import check_digit
from rehearsal.county import HEADER

CAMPAIGN = "campaign/qingshan/2026"
SCHOOL = "9900010001"
CLASS_YEAR = 2026


def id_number(sequence: int = 1, born: date = date(2011, 3, 5)) -> str:
    """Return a valid number; odd sequences are male."""
    body = f"990001{born:%Y%m%d}{sequence:03d}"
    return body + check_digit(body)


def pupil_row(sequence: int = 1, **changes: object) -> dict[str, object]:
    """Return a good row by title; odd sequences are male."""
    row: dict[str, object] = {
        "姓名": f"例云{'山溪禾竹松石雨岚泉舟'[sequence % 10]}",
        "班级": "九年级1班",
        "身份证号": id_number(sequence),
        "性别": "男" if sequence % 2 else "女",
        "出生日期": "20110305",
        "监护人姓名": "例大川",
        "监护人电话": f"100{sequence:08d}",
        "期中成绩": 345.5,
        "缺勤天数": 0,
        "已告知": "是",
    }
    return {**row, **changes}


def write_xlsx(path: Path, *sheets: list[dict[str, object] | None], names: tuple[str, ...] = ()) -> Path:
    """Write sheets of rows by title; None is an empty row."""
    workbook = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False})
    for index, rows in enumerate(sheets):
        sheet = workbook.add_worksheet(names[index] if names else None)
        sheet.write_row(0, 0, HEADER)
        for number, row in enumerate(rows, start=1):
            if row is not None:
                sheet.write_row(number, 0, [row.get(title, "") for title in HEADER])
    workbook.close()
    return path
