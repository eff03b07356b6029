"""Small cells of a published table, and the cells that would give them away (R-22: complementary suppression).

A count below the least cell names so few pupils that people who know the school know whom. To leave it out is not
enough: where sums are published, and they are, whoever takes the shown cells away from the sum has it back. So other
cells are left out with it, until no cell that is left out has one possible value only.

What somebody can work out from a published table is exact here and no estimate. A table whose rows (and columns) add up
is a flow: a cell can be one more only where others are one less around a ring. So a cell that is left out is
*determined* exactly where no such ring goes through it. The reader is taken to know more than the table says: that
zeros are shown, and which of the cells left out are small. Somebody who knows this program knows no more than that, as
a test finds by trying every short list. Where a zero must be left out, because nothing else is there, all of them are,
and then nobody can tell the small from the zeros.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

Cell = tuple[str, str]
"""Row and column."""


@dataclass(frozen=True)
class Suppressed:
    """Which cells of a table are left out.

    Attributes:
        hidden: the small ones and those that would give them away, in the table's order.
        exposed: those of them that stay determined for somebody who knows which are small, since nothing more is there
            to leave out. Where a sum has one cell, the sum is the cell: whoever publishes such a sum publishes it.
    """

    hidden: tuple[Cell, ...]
    exposed: tuple[Cell, ...] = ()


def is_small_count(value: int, least: int) -> bool:
    """Tell whether a count is one of few: zero is not, for it tells of nobody."""
    return 0 < value < least


def suppress(cells: Mapping[Cell, int], least: int, *, column_totals: bool = False) -> Suppressed:
    """Return which cells of a table are left out so that none of them can be worked out.

    Args:
        cells: the counts, none below zero; a table need not be full.
        least: the smallest count that is shown (R-22; the policy's `minimum_cell`).
        column_totals: the columns' sums are published beside the rows'; the rows' always are, and so is the whole.

    Raises:
        ValueError: a count is below zero.
    """
    if any(value < 0 for value in cells.values()):
        raise ValueError("a count is never below zero")
    hidden = dict.fromkeys(cell for cell, value in cells.items() if is_small_count(value, least))
    while True:
        known = determined(cells, hidden, least, column_totals=column_totals)
        helpers = _helpers(cells, hidden, known)
        if not helpers:
            return Suppressed(tuple(cell for cell in cells if cell in hidden), tuple(known))
        hidden |= dict.fromkeys(helpers)


def shown(values: Mapping[str, int], least: int) -> dict[str, int | None]:
    """Return a list of counts, whose sum is published, as it may be shown; None is left out."""
    hidden = suppress({("", name): value for name, value in values.items()}, least).hidden
    return {name: None if ("", name) in hidden else value for name, value in values.items()}


def hidden_rows(rows: Mapping[str, Mapping[str, int]], least: int) -> list[str]:
    """Return the rows that are left out whole, where the figures of a row follow from each other.

    A row is left out for one small figure; others go with it until in no column a small figure can be worked out.

    Args:
        rows: by name the figures of a row, the same in each; every column's sum is published.
        least: the smallest count that is shown.
    """
    hidden = dict.fromkeys(name for name, row in rows.items() if any(is_small_count(n, least) for n in row.values()))
    columns = dict.fromkeys(name for row in rows.values() for name in row)
    while any(_gives_away(rows, column, hidden, least) for column in columns):
        others = {name: sum(row.values()) for name, row in rows.items() if name not in hidden}
        if not others:
            break
        fewest = min(others.values())  # all that are as small: of two equal ones the choice itself would tell something
        hidden |= dict.fromkeys(name for name, total in others.items() if total == fewest)
    return [name for name in rows if name in hidden]


def determined(
    cells: Mapping[Cell, int], hidden: Collection[Cell], least: int, *, column_totals: bool = False
) -> list[Cell]:
    """Return the cells left out whose value follows from what is published, in the order given.

    Args:
        cells: the whole table.
        hidden: which of its cells are left out.
        least: the smallest count that is shown.
        column_totals: as in `suppress`.
    """
    limits = {cell: _limits(cells[cell], least) for cell in hidden}
    if any(cells[cell] == 0 for cell in hidden):
        limits = dict.fromkeys(hidden, (0, None))
    more = [cell for cell, (_, most) in limits.items() if most is None or cells[cell] < most]
    less = [cell for cell, (fewest, _) in limits.items() if cells[cell] > fewest]
    ends = {cell: _ends(cell, column_totals=column_totals) for cell in hidden}
    ways: dict[str, list[tuple[str, Cell]]] = {}
    for cell in more:
        ways.setdefault(ends[cell][0], []).append((ends[cell][1], cell))
    for cell in less:
        ways.setdefault(ends[cell][1], []).append((ends[cell][0], cell))
    free = [cell for cell in more if _leads(ways, ends[cell][1], ends[cell][0], without=cell)]
    free += [cell for cell in less if _leads(ways, ends[cell][0], ends[cell][1], without=cell)]
    return [cell for cell in hidden if cell not in free]


# -- inside -------------------------------------------------------------------------------------------------------


def _limits(value: int, least: int) -> tuple[int, int | None]:
    """Return between which counts a cell is known to lie by somebody who knows whether it is small."""
    return (1, least - 1) if is_small_count(value, least) else (least, None)


def _leads(ways: Mapping[str, list[tuple[str, Cell]]], start: str, end: str, *, without: Cell) -> bool:
    """Tell whether one sum can be reached from another, not by way of a cell: that closes the ring through it."""
    found = {start: None}
    waiting = [start]
    while waiting:
        for place, cell in ways.get(waiting.pop(), ()):
            if cell != without and place not in found:
                found[place] = None
                waiting.append(place)
    return end in found


def _ends(cell: Cell, *, column_totals: bool) -> tuple[str, str]:
    """Return the sums that a cell stands in; columns without a published sum are one."""
    row, column = cell
    return f"row {row}", f"column {column}" if column_totals else "columns"


def _helpers(cells: Mapping[Cell, int], hidden: Collection[Cell], known: list[Cell]) -> list[Cell]:
    """Return which cells to leave out next: the smallest beside one that is known, and all that are as small.

    Of two equal ones the choice itself would tell something. Zeros come last: all of them, where nothing else is left.
    """
    beside = [
        cell
        for cell in cells
        if cell not in hidden and any(cell[0] == other[0] or cell[1] == other[1] for other in known)
    ]
    least = min(((cells[cell] == 0, cells[cell]) for cell in beside), default=None)
    return [cell for cell in beside if (cells[cell] == 0, cells[cell]) == least]


def _gives_away(rows: Mapping[str, Mapping[str, int]], column: str, hidden: Collection[str], least: int) -> bool:
    """Tell whether a small figure of a column follows from the column's sum and the rows that are shown."""
    cells = {("", name): row[column] for name, row in rows.items()}
    known = determined(cells, [("", name) for name in hidden], least)
    return any(is_small_count(cells[cell], least) for cell in known)
