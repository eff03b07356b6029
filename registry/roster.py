"""A school's roster: which rows are pupils, which are rejected and why. DOMAIN §5.2, §5.3; CLI `roster check`.

Reading has three steps: `registry.sheets` opens the file, `registry.layout` finds the tables and says what each row
is, `registry.judging` judges the pupils' rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from registry.judging import RosterReader
from registry.problems import InputRejected
from registry.roster_rows import Contact, IgnoredRow, PupilRow, Roster
from registry.sheets import Sheet, read_sheets

HIGHEST_MARK: Final = 1000
"""The bound, in whole marks, where the campaign's full mark is not known (`roster check` without a campaign)."""


def read_roster(path: Path, class_year: int, *, full_mark: int | None = None) -> Roster:
    """Read a roster from a workbook (XLSX, XLS, WPS ET) or a CSV file (byte-order mark, UTF-8, GB18030).

    All sheets with the header count. A row that is wrong is rejected under the first code that applies; nothing is
    repaired. An identity number that occurred before is a duplicate even where the earlier row was rejected.

    Args:
        path: the file.
        class_year: year of graduation of the roster's pupils.
        full_mark: highest mark in whole marks; None takes `HIGHEST_MARK`.

    Raises:
        InputRejected: `ROSTER_FILE_MISSING`, `ROSTER_NOT_RECOGNISED`.
    """
    return judge(open_roster(path), path.name, class_year, full_mark=full_mark)


def open_roster(path: Path) -> tuple[Sheet, ...]:
    """Return a roster file's sheets, before anything is judged.

    Raises:
        InputRejected: `ROSTER_FILE_MISSING`; `ROSTER_NOT_RECOGNISED`, neither workbook nor text.
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
    sheets = read_sheets(path)
    if sheets is None:
        raise _not_recognised(path.name)
    return sheets


def judge(sheets: Sequence[Sheet], file_name: str, class_year: int, *, full_mark: int | None = None) -> Roster:
    """Judge the sheets of a file, as `read_roster` does.

    Raises:
        InputRejected: `ROSTER_NOT_RECOGNISED`, no sheet has a roster's header.
    """
    reader = RosterReader(class_year, full_mark or HIGHEST_MARK)
    for sheet in sheets:
        reader.read(sheet)
    roster = reader.roster()
    if not any(line.reason == "HEADER" for line in roster.ignored):
        raise _not_recognised(file_name)
    return roster


def _not_recognised(file_name: str) -> InputRejected:
    return InputRejected(
        "ROSTER_NOT_RECOGNISED",
        message_zh="文件中没有含“姓名”和“身份证号”两列的表头，不是名册。",
        message_en="No sheet has a header with 姓名 and 身份证号: this is no roster.",
        place=file_name,
        remedy_zh="请在前几行写表头，存为未加密的 XLSX、XLS 或 CSV。",
        remedy_en="Write the header into one of the first rows and save as XLSX, XLS or CSV, without password.",
    )


__all__ = ["HIGHEST_MARK", "Contact", "IgnoredRow", "PupilRow", "Roster", "judge", "open_roster", "read_roster"]
