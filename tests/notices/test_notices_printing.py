"""The workbook of letters on paper: a list to fill in, letters to hand out, slips that name nobody (FEATURES G13)."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook

from notices.printing import LETTERS_A_SHEET, MORE_COLUMNS, PaperLetter, lines_of, print_list, slip_number
from registry.sheets import read_table

OUTCOMES = ("HANDED_OVER", "SIGNED", "RETURNED")


def letter(number=1, **changes):
    """Return one family's letter, with canary values of its own."""
    own = {
        "notice_id": f"ntc_{number:032x}",
        "class_id": "2023-01",
        "pupil": f"例学生{number:04d}",
        "reader": f"例家长{number:04d}",
        "purpose": "家长会邀请",
        "lang": "zh",
        "subject": "家长会邀请",
        "text": f"例学生{number:04d}同学的家长：\n\n请来参加。\n",
        "template": "meeting_invitation/1",
        "digest": "d" * 64,
    }
    return PaperLetter(**{**own, **changes})


def book(*letters):
    """Write a workbook and open it again."""
    return CalamineWorkbook.from_filelike(BytesIO(print_list(letters, OUTCOMES, "请选择")))


def test_the_list_names_every_letter_and_can_be_read_back(tmp_path):
    """One row a letter, the outcome empty, in the columns that `notices done --file` reads."""
    path = tmp_path / "letters.xlsx"
    path.write_bytes(print_list([letter(1), letter(2)], OUTCOMES, "请选择"))
    rows = read_table(path, ("notice", "outcome"), optional=MORE_COLUMNS, missing="X", invalid="Y")
    assert [row["notice"] for _, row in rows] == [letter(1).notice_id, letter(2).notice_id]
    assert [(row["outcome"], row["name"], row["receipt"]) for _, row in rows] == [
        ("", f"例学生{number:04d}", slip_number(letter(number).notice_id)) for number in (1, 2)
    ]
    with zipfile.ZipFile(path) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert '<formula1>"HANDED_OVER,SIGNED,RETURNED"</formula1>' in sheet
    assert 'sqref="B2:B3"' in sheet


def test_each_letter_begins_on_a_page_of_its_own():
    """The breaks stand where the headings are; nothing of one letter stands on another's page."""
    letters = [letter(1), letter(2, text="一行\n二行\n三行\n例学生0002"), letter(3)]
    content = print_list(letters, OUTCOMES, "请选择")
    with zipfile.ZipFile(BytesIO(content)) as parts:
        sheet = parts.read("xl/worksheets/sheet2.xml").decode()
    breaks = [int(found) for found in re.findall(r'<brk id="(\d+)"', sheet)]
    assert "fitToPage" not in sheet  # a spreadsheet that fits pages takes no notice of breaks
    rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(1).to_python(skip_empty_area=False)
    pages = [rows[start:end] for start, end in zip([0, *breaks], [*breaks, len(rows)], strict=True)]
    for number, page in enumerate(pages, start=1):
        text = "\n".join(str(row[0]) for row in page)
        assert page[0] == ["家长会邀请"]
        assert slip_number(letter(number).notice_id) in text
        assert set(re.findall(r"例(?:学生|家长)(\d{4})", text)) == {f"{number:04d}"}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_slip_names_nobody(lang):
    """It is cut off and carried through the school: a number, no name, no class, no word of what the letter said."""
    lines = lines_of(letter(7, lang=lang))
    cut = next(at for at, line in enumerate(lines) if line.startswith("- - -"))
    slip = "\n".join(lines[cut:])
    assert slip_number(letter(7).notice_id) in slip
    assert not re.search(r"例学生|例家长|2023-01|ntc_|家长会", slip)
    assert ("不表示同意" if lang == "zh" else "agrees to nothing") in slip


def test_a_slips_number_is_the_letters_own():
    """The same for ever, another one for another letter, and of a shape that no answer code has."""
    numbers = [slip_number(letter(number).notice_id) for number in range(2000)]
    assert slip_number(letter(5).notice_id) == numbers[5]
    assert len(set(numbers)) == 2000
    assert all(re.fullmatch(r"\d{3}-\d{3}-\d{3}", number) for number in numbers)


def test_nothing_in_a_cell_becomes_a_formula_or_a_link():
    """A name comes from a roster, and a roster from anywhere."""
    trap = letter(1, pupil="=HYPERLINK(1)", reader="https://x.invalid", text="=1+1\nhttps://y.invalid\n@SUM(A1)")
    made = print_list([trap], OUTCOMES, "请选择")
    with zipfile.ZipFile(BytesIO(made)) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if "worksheets/sheet" in name]
    assert not any("<f>" in sheet or "hyperlink" in sheet for sheet in sheets)
    assert "=1+1" in [row[0] for row in book(trap).get_sheet_by_index(1).to_python()]


def test_many_letters_take_several_sheets():
    """A sheet takes at most 1023 breaks: the list stays one."""
    made = book(*(letter(number) for number in range(LETTERS_A_SHEET + 1)))
    assert made.sheet_names == ["list", "letters 1", "letters 2"]
    assert len(made.get_sheet_by_index(0).to_python()) == LETTERS_A_SHEET + 2
    assert book().sheet_names == ["list"]


def test_a_letters_repr_holds_nothing_of_the_family():
    """Errors and logs show reprs."""
    assert not re.search("例|请来", repr(letter()))
