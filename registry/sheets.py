"""Spreadsheets and CSV files as rows of cells, with the spreadsheet's own row numbers. DOMAIN §5.2."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from registry.compound import is_sound
from registry.problems import InputRejected

Cell = str | int | float | bool | date | datetime | time | timedelta

ZIP: Final = b"PK"
OLE: Final = b"\xd0\xcf\x11\xe0"
LARGEST: Final = 64 * 1024 * 1024
"""Bytes. A county's largest roster is far below one megabyte."""

LARGEST_UNPACKED: Final = 512 * 1024 * 1024
MOST_CELLS: Final = 20_000_000
"""Of one sheet. One stray cell in the last row makes a sheet that is larger than memory."""

DELIMITERS: Final = ",\t;"
DELIMITER_WITHIN: Final = 12
"""Lines of a CSV file that tell its delimiter: a title above the header holds none."""

Merge = tuple[tuple[int, int], tuple[int, int]]
"""First and last (row, column) of merged cells, from 0; only the first holds the value."""

_UNSEEN = re.compile(r"[\u200b-\u200f\u2060\ufeff]")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: `rows[0]` is the spreadsheet's row 1, empty rows included.

    Attributes:
        name: of the sheet; the file's stem for CSV.
        rows: cells by row.
        merges: merged cells; CSV has none.
        named: whether somebody could have named the sheet; a CSV file's stem is no sheet's name.
    """

    name: str
    rows: tuple[tuple[Cell, ...], ...] = field(repr=False)
    merges: tuple[Merge, ...] = ()
    named: bool = True

    def numbered(self) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """Yield every row with the spreadsheet's own number."""
        return enumerate(self.rows, start=1)


def text_of(cell: Cell | None) -> str:
    """Return a cell as text: unseen characters and outer blanks removed, whole numbers without a decimal point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return _UNSEEN.sub("", str(cell)).replace("\u00a0", " ").strip()


def title_of(cell: Cell | None) -> str:
    """Return a column's title for comparison: half-width, without blanks and the stars of required columns."""
    return re.sub(r"[\s*★:]", "", unicodedata.normalize("NFKC", text_of(cell)))


def decoded(content: bytes) -> str | None:
    """Decode text: byte-order mark, then strict UTF-8, then GB18030; None where none of them fits."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif content.startswith(codecs.BOM_UTF8):
        encodings = ["utf-8-sig"]
    else:
        encodings = ["utf-8", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None


def read_sheets(path: Path) -> tuple[Sheet, ...] | None:
    """Read all sheets of a workbook, or the one of a CSV file; the content decides, not the ending.

    Returns:
        The sheets, or None where the file is neither (or is locked with a password).

    Raises:
        OSError: the file cannot be read.
    """
    content = path.read_bytes()
    if len(content) > LARGEST:
        return None
    if content.startswith((ZIP, OLE)):
        return _workbook(content)
    text = decoded(content)
    return None if text is None else _csv(text, path.stem)


def read_table(
    path: Path, titles: tuple[str, ...], *, missing: str, invalid: str, optional: tuple[str, ...] = ()
) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file (or the first sheet of a workbook) with a fixed header, as `staff.csv` and `calendar.csv` have.

    Args:
        path: the file.
        titles: the columns that it must have, in any order.
        optional: the columns that it may have besides; no others.
        missing: code for a file that is not there.
        invalid: code for a file without this header.

    Returns:
        Every row that is not blank: its number and its cells by title.

    Raises:
        InputRejected: `missing` or `invalid`.
    """
    listed = ", ".join(titles)
    if not path.is_file():
        raise InputRejected(
            missing,
            message_zh=f"找不到文件 {path.name}。",
            message_en=f"There is no file {path.name}.",
            place=path.name,
            remedy_zh="请放好该文件，或修改引用它的路径。",
            remedy_en="Supply the file, or correct the path that names it.",
        )
    sheets = read_sheets(path)
    rows = list(sheets[0].numbered()) if sheets else []
    found = [title_of(cell) for cell in rows[0][1]] if rows else []
    while found and not found[-1]:
        found.pop()
    if sorted(found) != sorted((*titles, *(title for title in optional if title in found))):
        raise InputRejected(
            invalid,
            message_zh=f"第一行应为表头：{listed}。",
            message_en=f"The first row must be the header: {listed}.",
            place=f"{path.name}: row 1",
            remedy_zh="请按表头保存为 UTF-8 或 GB18030 编码的 CSV。",
            remedy_en="Save it as CSV (UTF-8 or GB18030) with this header.",
        )
    table: list[tuple[int, dict[str, str]]] = []
    for number, row in rows[1:]:
        cells = [text_of(cell) for cell in row]
        if any(cells):
            cells += [""] * (len(found) - len(cells))
            table.append((number, dict(zip(found, cells, strict=False))))
    return table


def _workbook(content: bytes) -> tuple[Sheet, ...] | None:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - only where a workbook is read

    try:
        if content.startswith(ZIP) and _unpacked(content) > LARGEST_UNPACKED:
            return None
        if content.startswith(OLE) and not is_sound(content):
            return None
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = []
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.total_height * sheet.total_width > MOST_CELLS:
                return None
            rows = tuple(tuple(row) for row in sheet.to_python(skip_empty_area=False))
            sheets.append(Sheet(name, rows, tuple(sheet.merged_cell_ranges or ())))
    except (CalamineError, OSError, ValueError, zipfile.BadZipFile):
        return None
    except BaseException as error:
        # The library is written in Rust: a broken file may make it panic, which Python sees as no `Exception`.
        if type(error).__name__ == "PanicException":
            return None
        raise
    return tuple(sheets)


def _unpacked(content: bytes) -> int:
    """Return how many bytes an archive says that it unpacks to."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _csv(text: str, name: str) -> tuple[Sheet, ...] | None:
    first = "\n".join(re.split(r"\r\n|\r|\n", text[: csv.field_size_limit()])[:DELIMITER_WITHIN])
    delimiter = max(DELIMITERS, key=first.count)
    try:
        rows = tuple(tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return None
    return (Sheet(name, rows, named=False),)
