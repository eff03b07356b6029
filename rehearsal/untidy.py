"""Rosters of a synthetic county as schools really send them, with traps planted and counted. DOMAIN §5.2.

Twins, one name twice in a class, a pupil on two schools' rosters, parents apart, lost phone numbers; titles, units,
totals, signatures, merged classes, a sheet a class, headers over two rows, GB18030; and a file of typing errors.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from registry.identity import check_digit
from rehearsal.county import HEADER, Row, new_workbook, write_sheets

Classes = dict[str, list[list[Row]]]
"""Rows by class by school."""

NAME, CLASS, ID, GENDER, BIRTH, GUARDIAN, PHONE, MARK = range(8)
SECOND: Final = ("第二监护人姓名", "第二监护人电话", "第二监护人邮箱")
UNTIDY_HEADER: Final = (*HEADER, *SECOND)
LEAST_CLASS: Final = 6
"""Pupils that a school's first class needs for the traps."""

APART_EVERY, LOST_EVERY = 7, 11


def plant(classes: Classes, taken: set[str]) -> dict[str, Any]:
    """Change rows and give each the columns of a second guardian.

    Returns:
        How many there are: pairs of twins, pairs of one name in a class, pupils on two rosters, pupils with two
        guardians, pupils without a phone number.
    """
    twins = same_name = 0
    for school in classes.values():
        if len(school[0]) >= LEAST_CLASS:
            first = school[0]
            first[1] = _twin(first[0], first[1], taken)
            first[3] = (first[2][NAME], *first[3][1:])
            twins, same_name = twins + 1, same_name + 1
    schools = list(classes.values())
    moved = int(len(schools) > 1)
    if moved:
        there = schools[1][-1]
        pupil = schools[0][-1][-1]
        there.append((pupil[NAME], there[0][CLASS], *pupil[ID:]))
    apart = lost = 0
    for school in schools:
        position = 0
        for of_class in school:
            for index, row in enumerate(of_class):
                position += 1
                is_apart, is_lost = position % APART_EVERY == 0, position % LOST_EVERY == 0
                second = (f"{row[GUARDIAN]}云", f"100{_digits(row):08d}", "") if is_apart else ("", "", "")
                of_class[index] = (*row[:PHONE], "" if is_lost else row[PHONE], *row[PHONE + 1 :], *second)
                apart, lost = apart + is_apart, lost + is_lost
    return {
        "twins": twins,
        "same_name_in_class": same_name,
        "moved": moved,
        "two_guardians": apart,
        "phone_missing": lost,
    }


def write_untidy(directory: Path, classes: Classes, year: int) -> dict[str, str]:
    """Write each school's roster in a layout of its own and return the files' names by school."""
    layouts: tuple[tuple[str, Callable[[Path, list[list[Row]], int], None]], ...] = (
        ("xlsx", _titled),
        ("xlsx", _sheet_a_class),
        ("csv", _gb18030),
        ("xlsx", _two_row_header),
    )
    files = {}
    for index, (code, rows) in enumerate(classes.items()):
        ending, write = layouts[index % len(layouts)]
        files[code] = f"{code}.{ending}"
        write(directory / files[code], rows, year)
    return files


def write_typos(path: Path, classes: Classes, year: int) -> dict[str, int]:
    """Write a roster whose rows all hold one typing error each, and return the expected codes with their numbers."""
    source = next(iter(classes.values()))[0][0][: len(HEADER)]
    number = str(source[ID])
    wrong_digit = number[:17] + ("0" if number[17] != "0" else "1")
    no_day = f"{number[:10]}0230{number[14:17]}"
    typos: tuple[tuple[str, int, str | int | float], ...] = (
        ("NAME_MISSING", NAME, "　"),
        ("CLASS_MISSING", CLASS, "八年级1班"),
        ("ID_MISSING", ID, ""),
        ("ID_TRUNCATED", ID, number[:16]),
        ("ID_TRUNCATED", ID, int(number[:15] + "000")),
        ("ID_CHECK_DIGIT", ID, wrong_digit),
        ("ID_DATE", ID, no_day + check_digit(no_day)),
        ("GENDER_CONFLICT", GENDER, "女" if source[GENDER] == "男" else "男"),
        ("BIRTH_CONFLICT", BIRTH, "20010101"),
        ("SCORE_INVALID", MARK, "优"),
        ("PHONE_INVALID", PHONE, str(source[PHONE])[:10]),
    )
    rows: list[Row] = []
    for position, (_, column, value) in enumerate(typos):
        own = str(_sibling(number, position))
        changed = (*source[:ID], own, "男" if int(own[16]) % 2 else "女", *source[BIRTH:])
        if column == GENDER:
            value = "女" if int(own[16]) % 2 else "男"  # noqa: PLW2901 - the error depends on the row's own number
        rows.append((*changed[:column], value, *changed[column + 1 :]))
    write_sheets(path, {"Sheet1": [HEADER, *rows]}, year)
    counted: dict[str, int] = {}
    for code, _, _ in typos:
        counted[code] = counted.get(code, 0) + 1
    return counted


def _twin(one: Row, other: Row, taken: set[str]) -> Row:
    """Return the other row as the twin of the first: the next free number of the same birthday, the same family."""
    number = str(one[ID])
    twin = next(candidate for step in (1, 2) if (candidate := _sibling(number, step)) not in taken)
    taken.add(twin)
    gender = "男" if int(twin[16]) % 2 else "女"
    name = f"{str(one[NAME])[0]}{str(other[NAME])[1:]}"
    return (name, one[CLASS], twin, gender, one[BIRTH], one[GUARDIAN], one[PHONE], *other[MARK:])


def _sibling(number: str, step: int) -> str:
    """Return the number that many sequence numbers further, of the same region and birthday."""
    body = f"{number[:14]}{(int(number[14:17]) + step) % 1000:03d}"
    return body + check_digit(body)


def _digits(row: Row) -> int:
    return int(str(row[ID])[9:17])


def _titled(path: Path, classes: list[list[Row]], year: int) -> None:
    """Title in merged cells, header in row 3, units under it, the class merged, total and signature at the end."""
    with new_workbook(path, year) as workbook:
        sheet = workbook.add_worksheet("Sheet1")
        middle = workbook.add_format({"align": "center", "valign": "vcenter"})
        sheet.merge_range(0, 0, 0, len(UNTIDY_HEADER) - 1, f"{year}届九年级学生花名册", middle)
        sheet.write_row(2, 0, UNTIDY_HEADER)
        sheet.write_row(3, 0, ("必填", "必填", "文本", "男/女", "YYYYMMDD", "", "11位手机号", "分", "天", "是/否"))
        sheet.set_column(BIRTH, BIRTH, None, None, {"hidden": True})
        at = 4
        for of_class in classes:
            for row in of_class:
                sheet.write_row(at, 0, (_padded(row[NAME]), "", *row[ID:]))
                at += 1
            first = at - len(of_class)
            if len(of_class) > 1:
                sheet.merge_range(first, CLASS, at - 1, CLASS, of_class[0][CLASS], middle)
            else:
                sheet.write(first, CLASS, of_class[0][CLASS])
        sheet.write_row(at, 0, ("合计", f"{sum(map(len, classes))}人"))
        sheet.write_row(at + 2, 0, ("填表人：", "", "审核人：", "", "联系电话："))


def _sheet_a_class(path: Path, classes: list[list[Row]], year: int) -> None:
    """A sheet a class, whose name is the class; a note that is no roster; no class column."""
    with new_workbook(path, year) as workbook:
        workbook.add_worksheet("说明").write(0, 0, "每班一张工作表。")
        for of_class in classes:
            sheet = workbook.add_worksheet(str(of_class[0][CLASS]))
            for number, row in enumerate((UNTIDY_HEADER, *of_class)):
                sheet.write_row(number, 0, (*row[:CLASS], *row[ID:]))


def _gb18030(path: Path, classes: list[list[Row]], year: int) -> None:
    """CSV as a spreadsheet program in China saves it, with a title and the header again before each class."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([f"{year}届九年级学生花名册"])
    for of_class in classes:
        writer.writerow(UNTIDY_HEADER)
        writer.writerows(of_class)
        writer.writerow(["小计", f"{len(of_class)}人"])
    path.write_bytes(text.getvalue().encode("gb18030"))


def _two_row_header(path: Path, classes: list[list[Row]], year: int) -> None:
    """Group titles over two rows of header, in the words of the national register's template."""
    groups = (
        ("学生信息", ("姓名", "班级名称", "身份证件号", "性别", "出生日期")),
        ("家庭成员1", ("姓名", "联系电话")),
        ("成绩与考勤", ("期中成绩", "缺勤天数", "已告知")),
        ("联系方式", ("监护人邮箱", "学生邮箱", "通知语言")),
        ("家庭成员2", ("姓名", "联系电话", "邮箱")),
    )
    with new_workbook(path, year) as workbook:
        sheet = workbook.add_worksheet("Sheet1")
        for at, (group, titles) in _placed(groups):
            if group in {"成绩与考勤", "联系方式"}:
                for column, title in enumerate(titles, start=at):
                    sheet.merge_range(0, column, 1, column, title)
            else:
                sheet.merge_range(0, at, 0, at + len(titles) - 1, group)
                sheet.write_row(1, at, titles)
        for number, row in enumerate((row for of_class in classes for row in of_class), start=2):
            sheet.write_row(number, 0, row)


def _placed(groups: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterator[tuple[int, tuple[str, tuple[str, ...]]]]:
    at = 0
    for group in groups:
        yield at, group
        at += len(group[1])


def _padded(name: str | float) -> str:
    """Return a name with blanks inside, as schools write it so that all look equally long."""
    return f"{str(name)[0]}　{str(name)[1:]}"
