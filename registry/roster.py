"""A school's roster: which rows are pupils, which are rejected and why. DOMAIN §5.2, §5.3; CLI `roster check`.

Reading has three steps, so that untidy layouts can be added to one of them: `_layout` finds the table in a sheet,
`_Reader` judges its rows, `registry.sheets` opens the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from registry import identity
from registry.cells import birth_of, days_of, gender_of, informed_of, mark_of, phone_of
from registry.classes import canonical_class
from registry.problems import InputRejected, RowProblem
from registry.sheets import Cell, Sheet, read_sheets, text_of, title_of

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "name": ("姓名", "学生姓名"),
    "class": ("班级", "班级名称"),
    "id": ("身份证号", "身份证号码", "身份证件号", "身份证件号码"),
    "gender": ("性别",),
    "birth": ("出生日期", "出生年月日"),
    "guardian": ("监护人姓名", "监护人"),
    "phone": ("监护人电话", "监护人联系电话", "联系电话"),
    "mark": ("期中成绩", "期中总分"),
    "absence": ("缺勤天数", "无故缺勤天数"),
    "informed": ("已告知", "是否已告知"),
}
"""What a column holds → its titles; the first is the one that messages name."""

REQUIRED: Final = ("name", "id")
"""A row with these titles is a header. A table without a class column is read, and its rows lack a class."""

HIGHEST_MARK: Final = 1000
"""The bound, in whole marks, where the campaign's full mark is not known (`roster check` without a campaign)."""

USUAL_AGES: Final = range(12, 21)


@dataclass(frozen=True, slots=True)
class PupilRow:
    """An accepted row. Its `repr` shows the place only.

    Attributes:
        sheet: name of the sheet.
        row: the spreadsheet's own number.
        name: as written, outer blanks removed.
        class_id: canonical class id, `{entry_year}-{class_no:02d}`.
        id_number: normalised identity number.
        birth_date: from the identity number.
        guardian_name: may be empty.
        guardian_phone: 11 digits, or empty.
        mark_tenths: the mid-term mark in tenths of a mark, None where unknown.
        absence_days: days of unexplained absence this term, None where unknown.
        informed: whether the family was informed already, None where unknown.
    """

    sheet: str
    row: int
    name: str = field(repr=False)
    class_id: str = field(repr=False)
    id_number: str = field(repr=False)
    birth_date: date = field(repr=False)
    guardian_name: str = field(default="", repr=False)
    guardian_phone: str = field(default="", repr=False)
    mark_tenths: int | None = field(default=None, repr=False)
    absence_days: int | None = field(default=None, repr=False)
    informed: bool | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Roster:
    """What a file holds: one `PupilRow` or one rejection per row that is not blank; warnings on accepted rows."""

    accepted: tuple[PupilRow, ...]
    rejected: tuple[RowProblem, ...] = ()
    warnings: tuple[RowProblem, ...] = ()
    blank_rows: int = 0


@dataclass(frozen=True, slots=True)
class _Table:
    """A table found in a sheet: where its columns stand, how they are titled, and its rows."""

    sheet: str
    positions: dict[str, int]
    titles: dict[str, str]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]


def read_roster(path: Path, class_year: int, *, full_mark: int | None = None) -> Roster:
    """Read a roster from a workbook (XLSX, XLS) or a CSV file (byte-order mark, UTF-8, GB18030).

    All sheets with the header count. A row that is wrong is rejected under the first code that applies; nothing is
    repaired. An identity number that occurred before is a duplicate even where the earlier row was rejected.

    Args:
        path: the file.
        class_year: year of graduation of the roster's pupils.
        full_mark: highest mark in whole marks; None takes `HIGHEST_MARK`.

    Raises:
        InputRejected: `ROSTER_FILE_MISSING`, `ROSTER_NOT_RECOGNISED`.
    """
    if not path.is_file():
        raise InputRejected(
            "ROSTER_FILE_MISSING",
            message_zh="找不到名册文件。",
            message_en="The roster file does not exist.",
            place=path.name,
            remedy_zh="请检查路径。",
            remedy_en="Check the path.",
        )
    tables = [table for sheet in read_sheets(path) or () if (table := _layout(sheet)) is not None]
    if not tables:
        raise InputRejected(
            "ROSTER_NOT_RECOGNISED",
            message_zh="文件中没有含“姓名”和“身份证号”两列的表头，不是名册。",
            message_en="No sheet has a header with 姓名 and 身份证号: this is no roster.",
            place=path.name,
            remedy_zh="请在第一行写表头，存为未加密的 XLSX 或 CSV。",
            remedy_en="Write the header into the first row and save as XLSX without password, or as CSV.",
        )
    reader = _Reader(class_year, full_mark or HIGHEST_MARK)
    for table in tables:
        reader.read(table)
    return Roster(tuple(reader.accepted), tuple(reader.rejected), tuple(reader.warnings), reader.blank_rows)


def _layout(sheet: Sheet) -> _Table | None:
    """Find the table: its header is the first row with content."""
    rows = [(number, row) for number, row in sheet.numbered() if any(text_of(cell) for cell in row)]
    if not rows:
        return None
    first, header = rows[0]
    titles = [title_of(cell) for cell in header]
    positions = {
        what: titles.index(title) for what, names in COLUMNS.items() for title in reversed(names) if title in titles
    }
    if any(what not in positions for what in REQUIRED):
        return None
    named = {what: titles[positions[what]] if what in positions else names[0] for what, names in COLUMNS.items()}
    return _Table(sheet.name, positions, named, tuple(sheet.numbered())[first:])


class _Reader:
    """Judges rows; remembers the identity numbers of all tables of one file."""

    def __init__(self, class_year: int, full_mark: int) -> None:
        self.accepted: list[PupilRow] = []
        self.rejected: list[RowProblem] = []
        self.warnings: list[RowProblem] = []
        self.blank_rows = 0
        self._class_year = class_year
        self._full_mark = full_mark
        self._latest_birth = date(class_year, 12, 31)
        self._seen: set[str] = set()

    def read(self, table: _Table) -> None:
        """Judge all rows of a table."""
        for number, row in table.rows:
            cells = {what: row[at] if at < len(row) else "" for what, at in table.positions.items()}
            if any(text_of(cell) for cell in cells.values()):
                self._judge(table, number, cells)
            else:
                self.blank_rows += 1

    def _judge(self, table: _Table, number: int, cells: dict[str, Cell]) -> None:
        texts = {what: text_of(cells.get(what)) for what in COLUMNS}
        id_cell = cells["id"]
        id_number = identity.normalised(texts["id"])
        stored_as_number = isinstance(id_cell, int | float)
        id_problem = "ID_TRUNCATED" if stored_as_number else identity.problem(id_number, latest=self._latest_birth)
        repeated = id_problem is None and id_number in self._seen
        if id_problem is None:
            self._seen.add(id_number)
        class_id = canonical_class(texts["class"], self._class_year)
        mark = mark_of(texts["mark"], self._full_mark)
        phone = phone_of(texts["phone"])

        def problems() -> Iterator[tuple[str, str]]:
            if not texts["name"]:
                yield "NAME_MISSING", "name"
            if class_id is None:
                yield "CLASS_MISSING", "class"
            if id_problem is not None:
                yield id_problem, "id"
                return
            if repeated:
                yield "ID_DUPLICATE", "id"
            if texts["gender"] and gender_of(texts["gender"]) != identity.gender(id_number):
                yield "GENDER_CONFLICT", "gender"
            if texts["birth"] and birth_of(cells["birth"]) != identity.birth_date(id_number):
                yield "BIRTH_CONFLICT", "birth"
            if mark == "invalid":
                yield "SCORE_INVALID", "mark"
            if phone is None:
                yield "PHONE_INVALID", "phone"

        first = next(problems(), None)
        born = identity.birth_date(id_number) if id_problem is None else None
        if first is not None:
            code, what = first
            self.rejected.append(RowProblem.of(code, sheet=table.sheet, row=number, column=table.titles[what]))
            return
        assert class_id is not None
        assert born is not None
        assert mark != "invalid"
        absence = days_of(texts["absence"])
        informed = informed_of(texts["informed"])
        self.accepted.append(
            PupilRow(
                sheet=table.sheet,
                row=number,
                name=texts["name"],
                class_id=class_id,
                id_number=id_number,
                birth_date=born,
                guardian_name=texts["guardian"],
                guardian_phone=phone or "",
                mark_tenths=mark,
                absence_days=absence,
                informed=informed,
            )
        )
        noted = (
            ("AGE_UNUSUAL", "id", self._class_year - born.year not in USUAL_AGES),
            ("SCORE_UNKNOWN", "mark", mark is None),
            ("PHONE_MISSING", "phone", not phone),
            ("ABSENCE_UNREADABLE", "absence", bool(texts["absence"]) and absence is None),
            ("INFORMED_UNREADABLE", "informed", bool(texts["informed"]) and informed is None),
        )
        self.warnings += [
            RowProblem.of(code, sheet=table.sheet, row=number, column=table.titles[what])
            for code, what, applies in noted
            if applies
        ]
