"""Where the pupils stand in a sheet: titles, headers, units, totals and signatures around them. DOMAIN §5.2.

Every row of a sheet becomes one `Line`: a pupil's, or one with the reason why it is none. Nothing is passed over.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from registry.columns import COLUMNS, REQUIRED, plain_title, positions_of
from registry.sheets import Cell, Sheet, text_of, title_of

Reason = Literal[
    "NO_TABLE",
    "TITLE",
    "HEADER",
    "REPEATED_HEADER",
    "UNIT_ROW",
    "TOTAL_ROW",
    "SIGNATURE_ROW",
    "OUTSIDE_COLUMNS",
    "BLANK",
]
"""Why a row is no pupil's. `NO_TABLE`: its sheet has no header; `OUTSIDE_COLUMNS`: its text is in unread columns."""

HEADER_WITHIN: Final = 10
"""Rows with content among which the header must be."""

UNITS_WITHIN: Final = 2
"""Rows under a header that may say how to fill it in."""

ID_LENGTH: Final = 18
LEAST_ID: Final = 15
"""Characters from which a text in the identity column is meant as a number: the old numbers had fifteen."""


_UNIT = re.compile(
    r"[(\[]?(必填|选填|可选|可空|可不填|非必填|文本|文本格式|数字|数值|日期|日期格式.*|格式.*|单位.*|分|天|元|18位.*|11位.*"
    r"|男/女|男或女|是/否|是或否|填写说明.*|说明.*|示例.*|YYYY.*)[)\]]?",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(填表|填报|制表|审核|复核|经办|联系|负责|统计|单位负责|学校负责|年级负责)人.*"
    r"|(制表|填表|审核|复核|联系电话|电话|校长|班主任|签字|签名|盖章|公章|学校盖章|日期|备注|注|说明)"
    r"(签字|签名|盖章|签章|日期|时间|说明)?(\([^)]*\))?(\s*[:_].*|\s{2,}.*)?"
    r"|(学校|单位|学校名称)(\([^)]*\)|盖章|公章)*\s*[:_].*"
    r"|(填表|填报|制表|统计)(日期|时间|说明).*",
    re.DOTALL,
)
_TOTAL = re.compile(
    r"(本班|全班|全校|本校|全年级|年级)?"
    r"((?P<kind>合计|总计|小计|共计|总人数|学生总数|总数)(人数|学生|学生数|共)?([^\u4e00-\u9fff].*)?|共\s*[0-9]+\s*[人名].*)",
    re.DOTALL,
)
_PERSONS = re.compile(r"([0-9]{1,5})\s*[人名]")
_UNCOUNTED: Final = frozenset(COLUMNS) - {"name", "class", "gender", "birth"}
"""In these columns a number in a total row is a sum or a contact, not a number of pupils."""


@dataclass(frozen=True, slots=True)
class Header:
    """A table's header.

    Attributes:
        first: its first row, from 0.
        height: 1, or 2 where titles stand under group titles.
        positions: what a column holds → where it stands.
        titles: what a column holds → its title here, or the usual one where it is absent.
    """

    first: int
    height: int
    positions: dict[str, int]
    titles: dict[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet.

    Attributes:
        number: the spreadsheet's own number.
        reason: why it is no pupil's row, None for a pupil's.
        header: of the table that it stands in.
        cells: a pupil's cells by what their column holds.
        printed: the number of pupils that a total row states, where it states one.
        subtotal: whether that number is for the rows since the last total only.
    """

    number: int
    reason: Reason | None = None
    header: Header | None = None
    cells: dict[str, Cell] = field(default_factory=dict, repr=False)
    printed: int | None = None
    subtotal: bool = False


def lines_of(sheet: Sheet) -> Iterator[Line]:
    """Yield every row of a sheet, in order, exactly once."""
    header = _first_header(sheet)
    if header is None:
        yield from (Line(number, "NO_TABLE") for number in range(1, len(sheet.rows) + 1))
        return
    for number in range(1, header.first + 1):
        yield Line(number, "TITLE" if _has_text(sheet.rows[number - 1]) else "BLANK")
    first: Header = header
    while header is not None:
        index = header.first + header.height
        for number in range(header.first + 1, index + 1):
            yield Line(number, "HEADER" if header is first else "REPEATED_HEADER", header)
        classes = _carried(sheet, header)
        under_header = True
        here, header = header, None
        for at in range(index, len(sheet.rows)):
            row = sheet.rows[at]
            cells = {what: row[column] for what, column in here.positions.items() if column < len(row)}
            if not _is_pupil(cells):
                header = header_at(sheet, at)
                if header is not None:
                    break
                line = _other(sheet, at, here, cells, may_be_unit=under_header and at - index < UNITS_WITHIN)
                under_header = under_header and line is not None and line.reason in {"UNIT_ROW", "BLANK"}
                if line is not None:
                    yield line
                    continue
            under_header = False
            if at in classes and not text_of(cells.get("class")):
                cells["class"] = classes[at]
            yield Line(at + 1, None, here, cells)


def header_at(sheet: Sheet, index: int) -> Header | None:
    """Return the header that begins in a row (from 0), None where none does."""
    for titles in (_grouped(sheet, index), [title_of(cell) for cell in sheet.rows[index]]):
        if titles is None:
            continue
        positions = positions_of(titles)
        if positions is not None:
            named = {
                what: titles[positions[what]] if what in positions else names[0] for what, names in COLUMNS.items()
            }
            return Header(index, 2 if isinstance(titles, tuple) else 1, positions, named)
    return None


def _first_header(sheet: Sheet) -> Header | None:
    searched = 0
    for index, row in enumerate(sheet.rows):
        if _has_text(row):
            header = header_at(sheet, index)
            searched += 1
            if header is not None or searched == HEADER_WITHIN:
                return header
    return None


def _grouped(sheet: Sheet, index: int) -> tuple[str, ...] | None:
    """Return the titles of a header over two rows; merged cells show that it is one."""
    if index + 1 >= len(sheet.rows):
        return None
    wide = {
        column: first
        for (top, first), (bottom, last) in sheet.merges
        if top == bottom == index
        for column in range(first, last + 1)
    }
    tall = {first for (top, first), (bottom, _) in sheet.merges if top == index and bottom == index + 1}
    if not wide and not tall:
        return None
    upper, lower = ([title_of(cell) for cell in sheet.rows[at]] for at in (index, index + 1))
    width = max(len(upper), len(lower))
    upper += [""] * (width - len(upper))
    lower += [""] * (width - len(lower))
    titles = tuple(plain_title(upper[wide.get(at, at)] + lower[at]) for at in range(width))
    positions = positions_of(titles)
    if positions is None:
        return None
    below = any(lower[at] for at in positions.values())
    return titles if below or all(positions[what] in tall for what in REQUIRED) else None


def _carried(sheet: Sheet, header: Header) -> dict[int, Cell]:
    """Return the class of rows whose class cell is part of a merged one; a cell that is only blank gets nothing."""
    column = header.positions.get("class")
    if column is None:
        return {}
    return {
        row: sheet.rows[top][left]
        for (top, left), (bottom, right) in sheet.merges
        if left <= column <= right and header.first + header.height <= top < len(sheet.rows)
        if left < len(sheet.rows[top])
        for row in range(top, min(bottom + 1, len(sheet.rows)))
    }


def _is_pupil(cells: dict[str, Cell]) -> bool:
    """Tell a pupil's row by its identity number; the other rows are looked at more closely."""
    cell = cells.get("id", "")
    return len(cell) == ID_LENGTH and cell[:17].isdigit() if isinstance(cell, str) else abs(_number(cell)) >= 10**14


def _other(sheet: Sheet, at: int, header: Header, cells: dict[str, Cell], *, may_be_unit: bool) -> Line | None:
    """Return what a row is, None for a pupil's row after all."""
    row = sheet.rows[at]
    if not _has_text(row):
        return Line(at + 1, "BLANK", header)
    if len(re.sub(r"[^0-9Xx]", "", title_of(cells.get("id")))) >= LEAST_ID:
        return None
    texts = [unicodedata.normalize("NFKC", text_of(cell)) for cell in row]
    first = next(text for text in texts if text)
    label = re.sub(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])", "", first)
    total = _TOTAL.fullmatch(label)
    if total is not None:
        return Line(at + 1, "TOTAL_ROW", header, printed=_printed(row, texts, header), subtotal=total["kind"] == "小计")
    if _LABEL.fullmatch(label):
        return Line(at + 1, "SIGNATURE_ROW", header)
    if may_be_unit and _is_unit(cells):
        return Line(at + 1, "UNIT_ROW", header)
    if sum(map(bool, texts)) == 1 and _before_header(sheet, at):
        return Line(at + 1, "TITLE", header)
    return None if any(text_of(cell) for cell in cells.values()) else Line(at + 1, "OUTSIDE_COLUMNS", header)


def _is_unit(cells: dict[str, Cell]) -> bool:
    """Tell whether a row says how to fill in the columns; an incomplete pupil's is not taken for one."""
    words = [title_of(cell) for cell in cells.values() if text_of(cell)]
    described = sum(_UNIT.fullmatch(word) is not None for word in words)
    return described > 0 and 2 * described >= len(words) and not re.search(r"[0-9]", title_of(cells.get("class")))


def _before_header(sheet: Sheet, at: int) -> bool:
    """Tell whether the next row with content is a header: then the one text in this row is the title of a block."""
    following = (index for index in range(at + 1, len(sheet.rows)) if _has_text(sheet.rows[index]))
    nearest = next(following, None)
    return nearest is not None and header_at(sheet, nearest) is not None


def _printed(row: tuple[Cell, ...], texts: list[str], header: Header) -> int | None:
    """Return the number of pupils that a total row states: 45人, or the first whole number that is no sum."""
    named = _PERSONS.search(" ".join(texts))
    if named is not None:
        return int(named[1])
    uncounted = {column for what, column in header.positions.items() if what in _UNCOUNTED}
    for column, text in enumerate(texts):
        digits = re.fullmatch(r"\D{0,8}([0-9]{1,5})", text)
        if digits is not None and column not in uncounted and not isinstance(row[column], bool):
            return int(digits[1])
    return None


def _has_text(row: tuple[Cell, ...]) -> bool:
    return any(cell != "" and text_of(cell) for cell in row)


def _number(cell: Cell) -> float:
    return cell if isinstance(cell, int | float) else 0
