from __future__ import annotations

import csv
import io
import re
from datetime import date
from pathlib import Path

import pytest
from registry_samples import CLASS_YEAR, id_number, pupil_row, write_xlsx

from registry.problems import ROW_SENTENCES, InputRejected
from registry.roster import read_roster
from rehearsal.county import HEADER


def csv_bytes(encoding: str, *rows: dict[str, object]) -> bytes:
    """Return rows as a CSV file in an encoding."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def test_a_good_row_is_read_exactly(roster_of):
    """Marks become tenths, the class canonical, the birthday the number's own; nothing is rejected or warned of."""
    roster = roster_of(pupil_row(1))
    (pupil,) = roster.accepted
    assert (roster.rejected, roster.warnings, roster.blank_rows) == ((), (), 0)
    assert (pupil.class_id, pupil.mark_tenths, pupil.absence_days, pupil.informed) == ("2023-01", 3455, 0, True)
    assert (pupil.birth_date, pupil.id_number) == (date(2011, 3, 5), id_number(1))
    assert (pupil.name, pupil.guardian_phone, pupil.row, pupil.sheet) == ("例云溪", "10000000001", 2, "Sheet1")


REJECTED = [
    ("NAME_MISSING", "姓名", {"姓名": " \u200b"}),
    ("CLASS_MISSING", "班级", {"班级": ""}),
    ("CLASS_MISSING", "班级", {"班级": "八年级1班"}),
    ("ID_MISSING", "身份证号", {"身份证号": ""}),
    ("ID_TRUNCATED", "身份证号", {"身份证号": 990001201103050000}),
    ("ID_TRUNCATED", "身份证号", {"身份证号": "990001201103050000"}),
    ("ID_CHECK_DIGIT", "身份证号", {"身份证号": "990001201109010016"}),
    ("ID_DATE", "身份证号", {"身份证号": "990001201102290018"}),
    ("GENDER_CONFLICT", "性别", {"性别": "女"}),
    ("BIRTH_CONFLICT", "出生日期", {"出生日期": "2011-03-06"}),
    ("BIRTH_CONFLICT", "出生日期", {"出生日期": "20110230"}),
    ("SCORE_INVALID", "期中成绩", {"期中成绩": "优"}),
    ("SCORE_INVALID", "期中成绩", {"期中成绩": 700.5}),
    ("SCORE_INVALID", "期中成绩", {"期中成绩": -1}),
    ("SCORE_INVALID", "期中成绩", {"期中成绩": 345.25}),
    ("SCORE_INVALID", "期中成绩", {"期中成绩": "NaN"}),
    ("PHONE_INVALID", "监护人电话", {"监护人电话": "1234567"}),
]


@pytest.mark.parametrize(("code", "column", "changes"), REJECTED)
def test_each_fault_rejects_its_row_with_place_and_code(roster_of, code, column, changes):
    """The good row before it stays; the bad one is named by sheet, row and column."""
    roster = roster_of(pupil_row(2), pupil_row(1, **changes))
    (problem,) = roster.rejected
    assert (problem.code, problem.column, problem.row, problem.sheet) == (code, column, 3, "Sheet1")
    assert len(roster.accepted) == 1
    assert problem.message == ROW_SENTENCES[code][0]


def test_of_two_rows_with_one_number_the_later_is_rejected(roster_of):
    """Also where the earlier one fell for another reason, and whatever the way of writing."""
    roster = roster_of(
        pupil_row(1), pupil_row(1, 身份证号=f" {id_number(1)}"), pupil_row(2, 监护人电话="1"), pupil_row(2)
    )
    assert [(problem.row, problem.code) for problem in roster.rejected] == [
        (3, "ID_DUPLICATE"),
        (4, "PHONE_INVALID"),
        (5, "ID_DUPLICATE"),
    ]
    assert len(roster.accepted) == 1


def test_only_the_first_code_in_the_promised_order_is_given(roster_of):
    """A row with every fault has one entry; mending the first shows the next."""
    faults: dict[str, object] = {
        "姓名": "",
        "班级": "",
        "身份证号": "",
        "性别": "女",
        "出生日期": "19000101",
        "期中成绩": "x",
        "监护人电话": "x",
    }
    order = []
    for title in list(faults):
        (problem,) = roster_of(pupil_row(1, **faults)).rejected
        order.append(problem.code)
        del faults[title]
    expected = "NAME_MISSING CLASS_MISSING ID_MISSING GENDER_CONFLICT BIRTH_CONFLICT SCORE_INVALID PHONE_INVALID"
    assert order == expected.split()


def test_unknown_values_are_warnings_and_no_rejections(roster_of):
    """A pupil without a mark or phone is a pupil."""
    roster = roster_of(
        pupil_row(1, 期中成绩="", 监护人电话="", 缺勤天数="", 已告知=""),
        pupil_row(3, 期中成绩="缺考", 缺勤天数="多", 已告知="?"),
    )
    assert [(warning.row, warning.code) for warning in roster.warnings] == [
        (2, "SCORE_UNKNOWN"),
        (2, "PHONE_MISSING"),
        (3, "SCORE_UNKNOWN"),
        (3, "ABSENCE_UNREADABLE"),
        (3, "INFORMED_UNREADABLE"),
    ]
    assert [(p.mark_tenths, p.absence_days, p.informed) for p in roster.accepted] == [(None, None, None)] * 2


def test_an_unusual_age_is_a_warning(roster_of):
    """Twenty-one in the year of graduation is worth a look, no more."""
    roster = roster_of(pupil_row(1, 身份证号=id_number(1, date(2005, 3, 5)), 出生日期=""))
    assert [warning.code for warning in roster.warnings] == ["AGE_UNUSUAL"]


def test_blank_rows_are_counted_and_row_numbers_stay_the_spreadsheets(roster_of):
    """An empty row shifts nothing."""
    roster = roster_of(pupil_row(1), None, pupil_row(2))
    assert (roster.blank_rows, [pupil.row for pupil in roster.accepted]) == (1, [2, 4])


@pytest.mark.parametrize("born", ["20110305", 20110305, 40607, "2011.3.5", "2011-03-05", "2011/3/5", "2011年3月5日"])
def test_the_usual_ways_to_write_a_birthday_agree_with_the_number(roster_of, born):
    """Text, whole number and serial number mean the same day."""
    assert len(roster_of(pupil_row(1, 出生日期=born)).accepted) == 1


def test_all_sheets_with_the_header_are_read(tmp_path: Path):
    """Sheets without a header are passed over; a number may not repeat in another sheet."""
    path = write_xlsx(tmp_path / "r.xlsx", [pupil_row(1)], [pupil_row(1), pupil_row(2)], names=("甲", "乙"))
    roster = read_roster(path, CLASS_YEAR)
    assert [(pupil.sheet, pupil.row) for pupil in roster.accepted] == [("甲", 2), ("乙", 3)]
    assert [(problem.sheet, problem.row, problem.code) for problem in roster.rejected] == [("乙", 2, "ID_DUPLICATE")]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_in_every_usual_encoding(tmp_path: Path, encoding):
    """A file saved by Excel or WPS in China is GB18030; rare characters survive."""
    path = tmp_path / "roster.csv"
    path.write_bytes(csv_bytes(encoding, pupil_row(1, 姓名="例𠮷㛃"), pupil_row(2)))
    roster = read_roster(path, CLASS_YEAR)
    assert [pupil.name for pupil in roster.accepted] == ["例𠮷㛃", "例云禾"]
    assert roster.rejected == ()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04 broken", b"\x00\x01\x02", b"\xff\xff\xff"])
def test_a_file_that_is_no_roster_is_rejected_as_a_whole(tmp_path: Path, content):
    """No header, no workbook, no text: one error that names the file."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(InputRejected) as caught:
        read_roster(path, CLASS_YEAR)
    assert (caught.value.code, caught.value.place) == ("ROSTER_NOT_RECOGNISED", "x.xlsx")
    assert caught.value.remedy("en")


def test_a_missing_file_is_rejected(tmp_path: Path):
    """The name is given, the path is not."""
    with pytest.raises(InputRejected) as caught:
        read_roster(tmp_path / "none.xlsx", CLASS_YEAR)
    assert (caught.value.code, caught.value.place) == ("ROSTER_FILE_MISSING", "none.xlsx")


@pytest.mark.parametrize(("code", "_column", "changes"), REJECTED)
def test_problems_never_repeat_a_value(roster_of, code, _column, changes):
    """Canary: no planted name, number, phone or mark stands in what a person or a log gets to see."""
    row = (
        pupil_row(1, 姓名="例金丝雀", 监护人姓名="例母雀", **changes)
        if "姓名" not in changes
        else pupil_row(1, **changes)
    )
    shown = repr(roster_of(row)) + repr(roster_of(pupil_row(3, 姓名="例金丝雀")))
    values = {
        "例金丝雀",
        "例母雀",
        id_number(1),
        id_number(3),
        "20110305",
        "345.5",
        "3455",
        "10000000001",
        "10000000003",
    }
    assert code in shown
    assert not [
        value
        for value in values | {str(value) for value in changes.values() if str(value).strip()}
        if value in shown and not re.fullmatch(r"-?\d|x|女", value)
    ]
