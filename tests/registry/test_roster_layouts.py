from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import xlwt
from registry_samples import CLASS_YEAR, id_number, pupil_row

from registry.roster import Roster, read_roster

COLUMNS = ("姓名", "班级", "身份证号", "监护人电话")
MERGED = dict[tuple[int, int, int, int], object]


def cells(sequence: int, **changes: object) -> list[object]:
    """Return a good pupil's cells in the order of `COLUMNS`."""
    row = pupil_row(sequence, **changes)
    return [row[title] for title in COLUMNS]


def workbook(path: Path, sheets: dict[str, Sequence[Sequence[Any]]], merged: MERGED | None = None) -> Path:
    """Write sheets of plain rows; merged cells (first row, column, last row, column) go to the first sheet."""
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        for place, value in (merged or {}).items() if name == next(iter(sheets)) else ():
            sheet.merge_range(*place, value)
    book.close()
    return path


def read(path: Path) -> Roster:
    """Read a roster and require that every row is accounted for."""
    roster = read_roster(path, CLASS_YEAR, full_mark=700)
    assert len(roster.accepted) + len(roster.rejected) + len(roster.ignored) == roster.rows
    return roster


@pytest.fixture
def sheet(tmp_path: Path):
    """Return a function from plain rows to the roster read from one sheet of them."""

    def made(*rows: Sequence[Any], merged: MERGED | None = None, name: str = "Sheet1") -> Roster:
        return read(workbook(tmp_path / "r.xlsx", {name: rows}, merged))

    return made


def test_what_stands_around_the_pupils_is_named_and_ignored(sheet):
    """Title, header in row 3, how to fill in, total, signature, blank rows: each has its reason; row numbers stay."""
    roster = sheet(
        ["九年级学生花名册"],
        [],
        COLUMNS,
        ["必填", "必填", "文本", "11位手机号"],
        cells(1),
        [],
        cells(2),
        ["合 计", "2人"],
        [],
        ["填表人：", "", "审核：", "联系电话：10000000001"],
    )
    assert [pupil.row for pupil in roster.accepted] == [5, 7]
    assert (roster.rejected, [warning.code for warning in roster.warnings]) == ((), ["SCORE_UNKNOWN"] * 2)
    assert [(line.row, line.reason) for line in roster.ignored] == [
        (1, "TITLE"),
        (2, "BLANK"),
        (3, "HEADER"),
        (4, "UNIT_ROW"),
        (6, "BLANK"),
        (8, "TOTAL_ROW"),
        (9, "BLANK"),
        (10, "SIGNATURE_ROW"),
    ]


def test_a_header_below_the_tenth_row_with_content_is_none(sheet):
    """What is searched without end finds a header in somebody's notes; nine rows of title are enough."""
    assert len(sheet(*[["说明"]] * 9, COLUMNS, cells(1)).accepted) == 1
    with pytest.raises(Exception, match="ROSTER_NOT_RECOGNISED"):
        sheet(*[["说明"]] * 10, COLUMNS, cells(1))


@pytest.mark.parametrize(
    "row",
    [
        ["例云溪", "", "", ""],
        ["合云溪", "九年级1班", "", ""],
        ["", "九年级1班", "", "必填"],
        ["共山溪", "", "123", ""],
        ["校长生", "九年级1班", "12345", ""],
    ],
)
def test_an_incomplete_pupils_row_is_rejected_and_never_passed_over(sheet, row):
    """A name that begins like a label, a missing number: the school must hear of it."""
    assert [problem.row for problem in sheet(COLUMNS, row, cells(1)).rejected] == [2]


def test_a_label_does_not_hide_a_row_with_an_identity_number(sheet):
    """Whatever the first cell says, a row with a number is a pupil's."""
    roster = sheet(COLUMNS, ["合计", "九年级1班", id_number(1), ""])
    assert [pupil.row for pupil in roster.accepted] == [2]


@pytest.mark.parametrize(
    ("total", "warned"),
    [
        (["合计", "2人"], False),
        (["总计：3人"], True),
        (["合计", 2], False),
        (["合计", 3], True),
        (["共 3 名学生"], True),
        (["合计", "", "", "10000000001"], False),
    ],
)
def test_a_total_that_contradicts_the_rows_is_a_warning(sheet, total, warned):
    """Good and bad rows count: it is the school's number of pupils, not ours."""
    roster = sheet(COLUMNS, cells(1), cells(2, 班级=""), total)
    assert ("TOTAL_MISMATCH" in [warning.code for warning in roster.warnings]) is warned


def test_a_header_repeated_for_each_class_is_no_pupil(sheet):
    """Its block's title neither; a subtotal counts its own block."""
    roster = sheet(
        COLUMNS, cells(1), ["小计", 1], ["九年级2班"], COLUMNS[::-1], cells(2, 班级="九(2)班")[::-1], ["小计", "2人"]
    )
    assert [pupil.class_id for pupil in roster.accepted] == ["2023-01", "2023-02"]
    reasons = [line.reason for line in roster.ignored]
    assert reasons == ["HEADER", "TOTAL_ROW", "TITLE", "REPEATED_HEADER", "TOTAL_ROW"]
    assert [warning.row for warning in roster.warnings if warning.code == "TOTAL_MISMATCH"] == [7]


def test_a_class_is_carried_within_merged_cells_and_nowhere_else(sheet):
    """Row 4 is part of the merge, row 5 is only blank."""
    rows = [COLUMNS, cells(1, 班级=""), cells(2, 班级=""), cells(3, 班级=""), cells(4, 班级="")]
    roster = sheet(*rows, merged={(1, 1, 3, 1): "九年级1班"})
    assert [(pupil.row, pupil.class_id) for pupil in roster.accepted] == [(row, "2023-01") for row in (2, 3, 4)]
    assert [(problem.row, problem.code) for problem in roster.rejected] == [(5, "CLASS_MISSING")]


@pytest.mark.parametrize(
    ("name", "class_id"),
    [
        ("九年级1班", "2023-01"),
        ("901", "2023-01"),
        ("9.12班", "2023-12"),
        ("九（3）班名单", "2023-03"),
        ("Sheet1", None),
        ("工作表1", None),
        ("1", None),
        ("八年级1班", None),
    ],
)
def test_a_sheets_name_is_the_class_where_there_is_no_class_column(sheet, name, class_id):
    """A default name, a bare number and another grade are no class: the row is rejected, not guessed."""
    roster = sheet(("姓名", "身份证号"), ["例云溪", id_number(1)], name=name)
    assert [pupil.class_id for pupil in roster.accepted] == ([class_id] if class_id else [])
    assert [problem.code for problem in roster.rejected] == ([] if class_id else ["CLASS_MISSING"])


def test_a_class_column_is_believed_before_the_sheets_name(sheet):
    """A blank class cell in a sheet with a name stays a missing class."""
    roster = sheet(COLUMNS, cells(1, 班级="九(2)班"), cells(2, 班级=""), name="九年级1班")
    assert [pupil.class_id for pupil in roster.accepted] == ["2023-02"]
    assert [problem.code for problem in roster.rejected] == ["CLASS_MISSING"]


def test_a_class_that_a_spreadsheet_took_for_a_decimal_is_missing(sheet):
    """9.1 as a number may have been 9.10."""
    roster = sheet(COLUMNS, cells(1, 班级=9.1), cells(2, 班级="9.10班"))
    assert [problem.code for problem in roster.rejected] == ["CLASS_MISSING"]
    assert [pupil.class_id for pupil in roster.accepted] == ["2023-10"]


def test_a_header_over_two_rows_is_read_with_its_groups(sheet):
    """姓名 under 家庭成员1 is a guardian's, not the pupil's; of the members, the lawful guardian is held."""
    number = id_number(1)
    roster = sheet(
        ["", "", "", "班级", "", "", "", "", "", ""],
        ["学生姓名", "身份证件号", "性别", "", "姓名", "联系电话", "是否监护人", "姓名", "联系电话", "是否监护人"],
        ["例云溪", number, "男", "九年级1班", "例大川", "10000000001", "否", "例小禾", "10000000002", "是"],
        merged={(0, 0, 0, 2): "学生信息", (0, 3, 1, 3): "班级", (0, 4, 0, 6): "家庭成员1", (0, 7, 0, 9): "家庭成员2"},
    )
    (pupil,) = roster.accepted
    assert (pupil.name, pupil.class_id) == ("例云溪", "2023-01")
    assert [(one.name, one.phone, one.email) for one in pupil.guardians] == [("例小禾", "10000000002", None)]
    assert [line.reason for line in roster.ignored] == ["HEADER", "HEADER"]


def test_the_optional_columns_of_a_household_are_read(sheet):
    """Addresses, languages, a second guardian; what cannot be read is unknown and a warning."""
    header = (*COLUMNS, "监护人邮箱", "学生邮箱", "第二监护人姓名", "第二监护人电话", "第二监护人邮箱", "通知语言")
    good = [*cells(1), "a＠example.invalid", "", "例小禾", "10000000002", "b@example.invalid", "English"]
    bad = [*cells(2), "a@", "b", "", "", "", "方言"]
    wrong = [*cells(3), "", "", "例小禾", "123", "", ""]
    roster = sheet(header, good, bad, wrong)
    one, two = roster.accepted
    assert [contact.email for contact in one.guardians] == ["a@example.invalid", "b@example.invalid"]
    assert (one.language, two.language, two.email, two.guardians[0].email) == ("en", "", "", "")
    assert [(problem.code, problem.column) for problem in roster.rejected] == [("PHONE_INVALID", "第二监护人电话")]
    assert [(warning.code, warning.column) for warning in roster.warnings if warning.code != "SCORE_UNKNOWN"] == [
        ("EMAIL_UNREADABLE", "学生邮箱"),
        ("EMAIL_UNREADABLE", "监护人邮箱"),
        ("LANGUAGE_UNREADABLE", "通知语言"),
    ]


def test_the_better_title_wins_where_two_columns_could_be_meant(sheet):
    """联系电话 alone is the guardian's; beside 监护人联系电话 it is not."""
    row = ["例云溪", "九年级1班", id_number(1), "10000000009", "10000000001"]
    (pupil,) = sheet(("学生姓名", "班级名称", "身份证件号", "联系电话", "监护人联系电话"), row).accepted
    assert pupil.guardian_phone == "10000000001"


def test_sheets_without_a_table_are_counted_row_by_row(tmp_path):
    """Notes and help sheets are no roster; their rows are not lost either."""
    roster = read(workbook(tmp_path / "r.xlsx", {"说明": [["填表说明"], [], ["x"]], "名册": [COLUMNS, cells(1)]}))
    assert (roster.ignored_by_reason, roster.rows) == ({"HEADER": 1, "NO_TABLE": 3}, 5)


def test_text_outside_the_columns_is_no_pupil(sheet):
    """A serial number that was filled down is reported as such, not as a blank row."""
    roster = sheet(("序号", *COLUMNS), [1, *cells(1)], [2], [])
    assert [line.reason for line in roster.ignored] == ["HEADER", "OUTSIDE_COLUMNS"]


def test_signs_that_nobody_sees_change_nothing(sheet):
    """Full width, no-break and zero-width blanks, an apostrophe, a small x, a date with dots."""
    number = next(number for n in range(1, 99) if (number := id_number(n)).endswith("X"))
    wide = number.lower().translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    header = (" 姓\u3000名 *", "班级：", "身份证号\u200b", "出生日期", "监护人电话")
    roster = sheet(header, ["张\u3000×\u00a0", "九（１）班\u200b", f"'{wide}\u00a0", "2011. 3. 5", "１００-0000 0001"])
    (pupil,) = roster.accepted
    assert (pupil.name, pupil.class_id, pupil.id_number) == ("张\u3000×", "2023-01", number)
    assert pupil.guardian_phone == "10000000001"


def test_an_old_xls_file_reads_as_the_new_one(tmp_path):
    """A real BIFF file, as .xls and WPS .et are: merged class, title, a number as number, a date as date."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    sheet.write_merge(0, 0, 0, 4, "九年级学生花名册")
    for column, title in enumerate((*COLUMNS, "出生日期")):
        sheet.write(1, column, title)
    sheet.write_merge(2, 3, 1, 1, "九年级1班")
    as_date = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for row, sequence in enumerate((1, 2, 3), start=2):
        sheet.write(row, 0, "例云溪")
        sheet.write(row, 2, id_number(sequence) if sequence != 3 else 990001201103050000)
        sheet.write(row, 3, 10000000001)
        sheet.write(row, 4, date(2011, 3, 5), as_date)
    sheet.write(4, 1, "九年级1班")
    for ending in ("xls", "et"):
        book.save(str(tmp_path / f"r.{ending}"))
        roster = read(tmp_path / f"r.{ending}")
        assert [(pupil.row, pupil.class_id) for pupil in roster.accepted] == [(3, "2023-01"), (4, "2023-01")]
        assert [(problem.row, problem.code) for problem in roster.rejected] == [(5, "ID_TRUNCATED")]
        assert [line.reason for line in roster.ignored] == ["TITLE", "HEADER"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16"])
def test_a_csv_file_with_a_title_finds_its_delimiter(tmp_path, delimiter, encoding):
    """The first line holds none; the file's name is no class."""
    rows = [["九年级学生花名册"], COLUMNS, cells(1), cells(2, 班级="")]
    path = tmp_path / "九年级1班.csv"
    path.write_bytes("\r\n".join(delimiter.join(map(str, row)) for row in rows).encode(encoding))
    roster = read(path)
    assert [pupil.row for pupil in roster.accepted] == [3]
    assert [problem.code for problem in roster.rejected] == ["CLASS_MISSING"]


def test_a_hidden_column_is_read_like_any_other(tmp_path):
    """A contradiction does not go away because somebody hid it."""
    path = tmp_path / "r.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, (*COLUMNS, "性别"))
    sheet.write_row(1, 0, [*cells(1), "女"])
    sheet.set_column(4, 4, None, None, {"hidden": True})
    book.close()
    assert [problem.code for problem in read(path).rejected] == ["GENDER_CONFLICT"]
