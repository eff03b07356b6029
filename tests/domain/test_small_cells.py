"""Small cells: what is left out of a published table cannot be worked out from it (R-22)."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.small_cells import determined, hidden_rows, shown, suppress

ROWS, COLUMNS = ("a", "b", "c"), ("x", "y", "z")


def line(*values):
    """A list of counts as a table of one row."""
    return {("", str(number)): value for number, value in enumerate(values)}


def limits(cells, hidden, least):
    """What somebody knows of each cell left out who knows which are small; with a zero among them, nothing."""
    unsaid = any(cells[cell] == 0 for cell in hidden)
    rows = {row: sum(value for cell, value in cells.items() if cell[0] == row) for row, _ in cells}
    return {
        cell: range(top + 1) if unsaid else range(1, least) if cells[cell] < least else range(least, top + 1)
        for cell in hidden
        for top in [rows[cell[0]]]
    }


def possible(cells, hidden, least, *, column_totals):
    """Return by cell every value that it has in some table with the same shown cells and sums: all are tried."""
    allowed = limits(cells, hidden, least)
    fitting = []
    for row in dict.fromkeys(cell[0] for cell in cells):
        own = [cell for cell in hidden if cell[0] == row]
        total = sum(cells[cell] for cell in own)
        tried = product(*(allowed[cell] for cell in own))
        fitting.append([dict(zip(own, values, strict=True)) for values in tried if sum(values) == total])
    found = {cell: set() for cell in hidden}
    for parts in product(*fitting):
        table = {**cells, **{cell: value for part in parts for cell, value in part.items()}}
        if not column_totals or columns(table) == columns(cells):
            for cell in hidden:
                found[cell].add(table[cell])
    return found


def columns(cells):
    """Return the sums of a table's columns."""
    names = dict.fromkeys(column for _, column in cells)
    return {name: sum(value for cell, value in cells.items() if cell[1] == name) for name in names}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=4), st.integers(1, 5))
@example([1, 1, 0, 7], 5)
@example([3, 0, 0], 5)
@example([1, 1], 5)
def test_no_cell_of_a_list_follows_from_its_sum(values, least):
    """Every small cell is left out, and each that is left out could be another, for whoever knows which are small."""
    cells = line(*values)
    told = suppress(cells, least)
    assert {cell for cell, value in cells.items() if 0 < value < least} <= set(told.hidden)
    ranges = possible(cells, told.hidden, least, column_totals=False)
    assert {cell for cell, found in ranges.items() if len(found) == 1} == set(told.exposed)
    if told.exposed:
        assert set(told.hidden) == set(cells)  # there was nothing else to leave out


@pytest.mark.parametrize("least", [3, 5])
def test_nor_does_it_for_somebody_who_knows_this_program(least):
    """All lists of three counts: of those that are published alike, none has one value only for a cell left out."""
    published = {}
    exposed = {}
    for values in product(range(8), repeat=3):
        told = suppress(line(*values), least)
        seen = tuple(None if ("", str(n)) in told.hidden else value for n, value in enumerate(values))
        published.setdefault((seen, sum(values)), []).append(values)
        exposed.setdefault((seen, sum(values)), set()).update(told.exposed)
    assert len(published) > 90
    for (seen, total), lists in published.items():
        for n, value in enumerate(seen):
            # of larger sums some lists have counts above those that are tried
            if value is None and total < 15 and ("", str(n)) not in exposed[seen, total]:
                assert len({values[n] for values in lists}) > 1, (seen, total)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.integers(2, 3), st.booleans())
@example([1, 4, 4, 4, 3, 4], 2, True)
@example([1, 1, 0, 1, 1, 0], 2, True)
def test_no_cell_of_a_table_follows_from_its_sums(values, least, column_totals):
    """Two rows of three, with the sums of the rows, and with those of the columns too."""
    cells = dict(zip(product(ROWS[:2], COLUMNS), values, strict=True))
    told = suppress(cells, least, column_totals=column_totals)
    ranges = possible(cells, told.hidden, least, column_totals=column_totals)
    assert {cell for cell, found in ranges.items() if len(found) == 1} == set(told.exposed)
    small = {cell for cell, value in cells.items() if 0 < value < least}
    assert small <= set(told.hidden)
    if not small:
        assert told.hidden == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"1": 7, "2": 9}, {"1": 7, "2": 9}),
        ({"1": 3, "2": 9, "3": 6}, {"1": None, "2": 9, "3": None}),
        ({"1": 3, "2": 3, "3": 6}, {"1": None, "2": None, "3": 6}),
        ({"1": 1, "2": 1, "3": 6}, {"1": None, "2": None, "3": None}),  # two that add up to two are one each
        ({"1": 4, "2": 4, "3": 6}, {"1": None, "2": None, "3": None}),  # and two small ones that add up to eight, four
        ({"1": 3, "2": 6, "3": 6, "4": 9}, {"1": None, "2": None, "3": None, "4": 9}),  # of equal ones none is chosen
        ({"1": 0, "2": 8}, {"1": 0, "2": 8}),
        ({"1": 3, "2": 0, "3": 0}, {"1": None, "2": None, "3": None}),  # nothing but zeros can stand beside it
        ({"1": 3}, {"1": None}),
    ],
)
def test_the_smallest_other_cell_is_left_out_too(values, expected):
    """One alone would follow from the sum; zero is shown, for it tells of nobody, unless nothing else is there."""
    assert shown(values, 5) == expected


def test_a_sum_of_one_cell_is_that_cell():
    """It stays known, and is said to be: whoever publishes the sum publishes the cell."""
    told = suppress(line(3), 5)
    assert told.hidden == told.exposed == (("", "0"),)


def test_leaving_out_the_small_cell_alone_is_not_enough():
    """What the rule is for: the sum gives it back, and in a table the columns' sums do."""
    cells = line(3, 9, 6)
    assert determined(cells, [("", "0")], 5) == [("", "0")]
    table = {("a", "x"): 2, ("a", "y"): 8, ("b", "x"): 9, ("b", "y"): 7}
    both = [("a", "x"), ("a", "y")]
    assert determined(table, both, 5) == []
    assert determined(table, both, 5, column_totals=True) == both
    assert set(suppress(table, 5, column_totals=True).hidden) == set(table)


def test_a_row_whose_figures_follow_from_each_other_is_left_out_whole():
    """With another row, so that no column's sum gives the small figure back; without a small figure no row is."""
    rows = {"a": {"size": 45, "came": 2}, "b": {"size": 40, "came": 0}, "c": {"size": 50, "came": 0}}
    assert hidden_rows(rows, 5) == ["a", "b"]
    assert hidden_rows({name: {**row, "came": 0} for name, row in rows.items()}, 5) == []
    assert hidden_rows({"a": rows["a"]}, 5) == ["a"]


@pytest.mark.parametrize(
    ("schools", "most", "figures"),
    [
        (3, 7, lambda count: {"came": count}),
        (4, 5, lambda count: {"came": count}),
        (3, 7, lambda count: {"size": 40, "came": count, "left": 0, "now": 40 + count}),
    ],
    ids=["three", "four", "three of several figures"],
)
def test_no_tie_between_rows_gives_a_small_figure_away(schools, most, figures):
    """All tables up to a size: of those that are published alike, none has one value only for a small figure left out.

    Of two equal rows both go: which of them went with the small one would tell that it is not the smaller one.
    """
    published = {}
    for counts in product(range(most), repeat=schools):
        hidden = hidden_rows({str(n): figures(count) for n, count in enumerate(counts)}, 3)
        seen = tuple(None if str(n) in hidden else count for n, count in enumerate(counts))
        published.setdefault((seen, sum(counts)), []).append(counts)
    looked_at = 0
    for (seen, total), tables in published.items():
        # of larger sums some tables have counts above those that are tried; where all are left out, no more can be
        for n in range(schools) if total < most and seen.count(None) < schools else ():
            values = {counts[n] for counts in tables}
            looked_at += seen[n] is None
            assert seen[n] is not None or len(values) > 1 or not 0 < min(values) < 3, (seen, total)
    assert looked_at > 10


def test_of_equal_rows_all_go():
    """The smallest other row goes too, with every one that is as small."""
    rows = {"a": {"came": 1}, "b": {"came": 7}, "c": {"came": 4}, "d": {"came": 4}}
    assert hidden_rows(rows, 3) == ["a", "c", "d"]


def test_a_negative_count_is_none():
    """Such a table is a mistake before it is anything else."""
    with pytest.raises(ValueError, match="below zero"):
        suppress(line(3, -1), 5)
