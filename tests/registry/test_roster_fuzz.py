from __future__ import annotations

import io
from pathlib import Path

import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_samples import CLASS_YEAR, pupil_row

from registry.columns import COLUMNS
from registry.problems import InputRejected
from registry.roster import judge, read_roster
from registry.sheets import Sheet
from rehearsal.county import HEADER

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = [
    *[title for titles in COLUMNS.values() for title in titles[:2]],
    "合计",
    "小计",
    "2人",
    "填表人：",
    "必填",
    "",
    " ",
]
CELLS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([str(value) for value in pupil_row(1).values()]),
    st.text(max_size=12),
    st.integers(-(10**19), 10**19),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
)
ROWS = st.lists(st.lists(CELLS, max_size=8), max_size=14)
MERGES = st.lists(
    st.tuples(st.tuples(st.integers(0, 9), st.integers(0, 9)), st.tuples(st.integers(0, 19), st.integers(0, 9))),
    max_size=4,
)


def good_book() -> bytes:
    """Return a good roster as XLSX."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    for number in range(1, 6):
        sheet.write_row(number, 0, list(pupil_row(number).values()))
    book.close()
    return stream.getvalue()


def good_xls() -> bytes:
    """Return a good roster as XLS."""
    stream, book = io.BytesIO(), xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    for number, row in enumerate([pupil_row(1).keys(), *(pupil_row(n).values() for n in range(1, 6))]):
        for column, value in enumerate(row):
            sheet.write(number, column, value)
    book.save(stream)
    return stream.getvalue()


def good_csv() -> bytes:
    """Return a good roster as CSV."""
    rows = [list(pupil_row(1)), *(list(map(str, pupil_row(number).values())) for number in range(1, 6))]
    return "\n".join(",".join(row) for row in rows).encode("gb18030")


GOOD = {"xlsx": good_book(), "xls": good_xls(), "csv": good_csv()}


def reads_or_refuses(path: Path) -> None:
    """Read a file: the only error is `InputRejected`, and every row is accounted for."""
    try:
        roster = read_roster(path, CLASS_YEAR)
    except InputRejected as rejected:
        assert rejected.code == "ROSTER_NOT_RECOGNISED"  # noqa: PT017 - reading it is as good
    else:
        assert len(roster.accepted) + len(roster.rejected) + len(roster.ignored) == roster.rows


@FEW
@given(content=st.binary(max_size=400), start=st.sampled_from([b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\xff\xfe"]))
def test_random_bytes_never_crash_the_reader(tmp_path, content, start):
    """Whatever a file holds, the answer is a sentence and no trace."""
    path = tmp_path / "x.bin"
    path.write_bytes(start + content)
    reads_or_refuses(path)


@pytest.mark.parametrize("kind", sorted(GOOD))
@FEW
@given(data=st.data())
def test_a_damaged_roster_never_crashes_the_reader(tmp_path, kind, data):
    """Bytes changed, cut out or doubled anywhere in a good file."""
    content = bytearray(GOOD[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["set", "cut", "double"])):
            case "set":
                content[at] = data.draw(st.integers(0, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 30))]
                content = content or bytearray(b"x")
            case _:
                content[at:at] = content[at : at + 20]
    path = tmp_path / f"x.{kind}"
    path.write_bytes(bytes(content))
    reads_or_refuses(path)


@settings(max_examples=300, deadline=None)
@given(
    above=ROWS,
    header=st.permutations(HEADER),
    below=ROWS,
    merges=MERGES,
    name=st.sampled_from(["Sheet1", "九年级1班", "9.1班"]),
)
def test_every_row_is_accepted_rejected_or_ignored(above, header, below, merges, name):
    """Exactly one of them, once, for any cells, labels and merged ranges around a header."""
    rows = tuple(tuple(row) for row in [*above, header, *below])
    try:
        roster = judge([Sheet(name, rows, tuple(merges))], "x", CLASS_YEAR)
    except InputRejected:
        assert sum(any(str(cell).strip() for cell in row) for row in above) >= 9
        return
    places = [line.row for part in (roster.accepted, roster.rejected, roster.ignored) for line in part]
    assert sorted(places) == list(range(1, len(rows) + 1))
    assert roster.rows == len(rows)


@settings(max_examples=60, deadline=None)
@given(order=st.permutations(range(1, 9)), blanks=st.sets(st.integers(0, 8)))
def test_order_and_blank_rows_change_no_pupil(order, blanks):
    """The same pupils are read from the same rows, however they are sorted and spaced."""
    rows: list[tuple[object, ...]] = [tuple(pupil_row(1))]
    for at, number in enumerate(order):
        rows += [()] * (at in blanks) + [tuple(pupil_row(number).values())]
    roster = judge([Sheet("Sheet1", tuple(rows))], "x", CLASS_YEAR)
    assert sorted(pupil.guardian_phone for pupil in roster.accepted) == [f"100{n:08d}" for n in range(1, 9)]
