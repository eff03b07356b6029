"""The bureau's tables of targets and of figures for pressure flags: CSV or XLSX, taken as they stand or refused.

A table of targets has one row for a school, or one for each of its classes where they are shared out already. Counts
only: a column of marks or names is no column of these tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from registry.classes import canonical_class
from registry.problems import InputRejected
from registry.sheets import read_sheets, text_of, title_of

Sentence = tuple[str, str]

TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "school": ("school", "学校标识码", "学校"),
    "class": ("class", "班级", "班级名称"),
    "quota": ("quota", "指标", "任务数"),
}
FIGURES: Final[dict[str, tuple[str, ...]]] = {
    "school": TARGETS["school"],
    "class": TARGETS["class"],
    "graduates": ("graduates", "毕业生数"),
    "pool": ("pool", "生源数"),
    "applications": ("applications", "填报数"),
    "plan": ("plan", "计划数"),
    "intents": ("intents", "意向登记数"),
    "vocational_intents": ("vocational_intents", "意向中职数"),
    "low_informed": ("low_informed", "低分段告知数"),
    "low_consents": ("low_consents", "低分段同意数"),
    "low_intents": ("low_intents", "低分段意向登记数"),
    "low_vocational": ("low_vocational", "低分段意向中职数"),
    "other_informed": ("other_informed", "其他告知数"),
    "other_consents": ("other_consents", "其他同意数"),
    "other_intents": ("other_intents", "其他意向登记数"),
    "other_vocational": ("other_vocational", "其他意向中职数"),
}
"""Key → titles of its column; the first is the key in English."""

LARGEST: Final = 100_000
MOST_ROWS: Final = 20_000
_SCHOOL: Final = re.compile(r"[0-9]{10}")
_DIGITS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)

_WHOLE: Final[Sentence] = (
    "请用表头为“学校标识码、指标”的 CSV 或 XLSX 表格，需要时加“班级”；各列见 docs/cli.md。",
    "Use a CSV or XLSX table with the columns `school, quota`, and `class` where needed; see docs/cli.md.",
)


@dataclass(frozen=True)
class TargetTable:
    """What a table of targets says.

    Attributes:
        schools: each school's heads; the sum of its classes where it has rows by class.
        classes: of schools with rows by class, the heads of each.
    """

    schools: dict[str, int]
    classes: dict[str, dict[str, int]]


def read_targets(path: Path, year: int) -> TargetTable:
    """Read a table of targets.

    Args:
        path: CSV or XLSX.
        year: of graduation; classes are written as schools write them.

    Raises:
        InputRejected: TARGETS_FILE_MISSING, TARGETS_FILE_INVALID, TARGETS_ROW_TWICE, with the place.
    """
    schools: dict[str, int] = {}
    classes: dict[str, dict[str, int]] = {}
    for where, row in _rows(path, TARGETS, required=("school", "quota")):
        school, class_id = _school(where, row), _class(where, row, year)
        heads = _count(where, row, "quota")
        whole = school in schools and school not in classes
        if whole or (class_id is None and school in classes) or class_id in classes.get(school, ()):
            raise _twice(where)
        schools[school] = schools.get(school, 0) + heads
        if class_id is not None:
            classes.setdefault(school, {})[class_id] = heads
    return TargetTable(schools, classes)


def read_figures(path: Path, year: int) -> dict[tuple[str, str | None], dict[str, Any]]:
    """Read a table of figures for pressure flags, by school and class; None as class is the school.

    The values are the fields of `domain.pressure.PressureFigures`, without the quota.

    Raises:
        InputRejected: TARGETS_FILE_MISSING, TARGETS_FILE_INVALID, TARGETS_ROW_TWICE, with the place.
    """
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for where, row in _rows(path, FIGURES, required=("school",)):
        key = (_school(where, row), _class(where, row, year))
        if key in found:
            raise _twice(where)
        given = [name for name in FIGURES if name not in ("school", "class") and row[name]]
        counts: dict[str, Any] = {name: _count(where, row, name) for name in given}
        for band, name in (("low", "low_band"), ("other", "others")):
            pairs = (("informed", "consents"), ("intents", "vocational"))
            own = {column: counts.pop(f"{band}_{column}", None) for pair in pairs for column in pair}
            for whole, part in pairs:
                if (own[whole] is None) != (own[part] is None) or (own[part] or 0) > (own[whole] or 0):
                    raise _rejected(
                        "TARGETS_FILE_INVALID",
                        f"{where}{band}_{part}",
                        (
                            "告知数与同意数、意向数与中职数须成对填写，且后者不多于前者。",
                            "Informed and consents, intents and vocational stand in pairs; the second is no more.",
                        ),
                        ("请核对这两列。", "Compare the two columns."),
                    )
            if any(number is not None for number in own.values()):
                counts[name] = {column: number for column, number in own.items() if number is not None}
        found[key] = counts
    return found


# -- inside -------------------------------------------------------------------------------------------------------


def _rows(
    path: Path, columns: Mapping[str, tuple[str, ...]], *, required: tuple[str, ...]
) -> list[tuple[str, dict[str, str]]]:
    """Return the place and the cells of every row, by key; an absent column's cell is empty."""
    if not path.is_file():
        raise _rejected(
            "TARGETS_FILE_MISSING",
            path.name,
            ("找不到表格文件。", "The table does not exist."),
            ("请检查路径。", "Check the path."),
        )
    sheets = read_sheets(path)
    rows = [(number, row) for number, row in sheets[0].numbered() if any(map(text_of, row))] if sheets else []
    if not 1 < len(rows) <= MOST_ROWS + 1:
        raise _rejected("TARGETS_FILE_INVALID", path.name, ("文件无法识别。", "The file cannot be understood."), _WHOLE)
    titles = [title_of(cell).lower() for cell in rows[0][1]]
    places = {key: titles.index(title) for key, names in columns.items() for title in names if title in titles}
    header = f"{path.name}: row {rows[0][0]} column "
    for key in required:
        if key not in places:
            raise _rejected("TARGETS_FILE_INVALID", f"{header}{key}", ("缺少此列。", "This column is missing."), _WHOLE)
    for number, title in enumerate(titles):
        if title and number not in places.values():
            raise _rejected(
                "TARGETS_FILE_INVALID", f"{header}{number + 1}", ("没有这一列。", "There is no such column."), _WHOLE
            )
    return [
        (
            f"{path.name}: row {number} column ",
            {key: text_of(row[places[key]]) if key in places and places[key] < len(row) else "" for key in columns},
        )
        for number, row in rows[1:]
    ]


def _school(where: str, row: Mapping[str, str]) -> str:
    if not _SCHOOL.fullmatch(row["school"]):
        raise _rejected(
            "TARGETS_FILE_INVALID",
            f"{where}school",
            ("学校标识码不是 10 位数字。", "The school's code has not 10 digits."),
            ("请把该列设为文本，填写 10 位学校标识码。", "Set the column to text and write the 10 digits."),
        )
    return row["school"]


def _class(where: str, row: Mapping[str, str], year: int) -> str | None:
    if not row["class"]:
        return None
    found = canonical_class(row["class"], year)
    if found is None:
        raise _rejected(
            "TARGETS_FILE_INVALID",
            f"{where}class",
            ("班级的写法不对，或不是本届九年级的班级。", "The class is malformed, or of another year."),
            ("请写成“九年级（1）班”。", "Write it as 九年级（1）班."),
        )
    return found


def _count(where: str, row: Mapping[str, str], key: str) -> int:
    if not _DIGITS.fullmatch(row[key]) or int(row[key]) > LARGEST:
        raise _rejected(
            "TARGETS_FILE_INVALID",
            f"{where}{key}",
            ("人数应为不小于 0 的整数。", "A number of heads is a whole number of at least 0."),
            ("请改为整数；没有的写 0。", "Write a whole number, 0 for none."),
        )
    return int(row[key])


def _twice(where: str) -> InputRejected:
    return _rejected(
        "TARGETS_ROW_TWICE",
        f"{where}school",
        ("该学校或班级在前面已出现。", "The school or class has a row already, further up."),
        ("每校一行，或每班一行，二者择一。", "Give each school one row, or each of its classes, one of the two."),
    )


def _rejected(code: str, place: str, what: Sentence, remedy: Sentence) -> InputRejected:
    return InputRejected(
        code, message_zh=what[0], message_en=what[1], place=place, remedy_zh=remedy[0], remedy_en=remedy[1]
    )
