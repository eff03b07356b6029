"""Statements for many rows: on SQLite all of them at once, and the same as row by row."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from ledger.many import Many

THINGS = Table(
    "things",
    MetaData(),
    Column("name", String(20), primary_key=True),
    Column("state", String(20)),
    Column("count", Integer),
    Column("told", Boolean),
)


class State(StrEnum):
    """A text that is more than one."""

    OPEN = "open"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.fixed_dictionaries(
    {
        "state": st.none() | TEXTS | st.sampled_from(State),
        "count": st.none() | st.integers(-(2**53), 2**53),
        "told": st.none() | st.booleans(),
    }
)
ROWS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=6).map(
    lambda rows: [{"name": name, **values} for name, values in rows.items()]
)


@pytest.fixture(scope="module")
def engine():
    """Return a database with the table."""
    made = create_engine("sqlite://")
    THINGS.metadata.create_all(made)
    yield made
    made.dispose()


def held(connection):
    """Return what the table holds, in the order in which it was written."""
    return [
        tuple(row) for row in connection.exec_driver_sql("SELECT name, state, count, told FROM things ORDER BY rowid")
    ]


NUL = {"state": "x\0", "count": 2, "told": None}
ADD = insert(THINGS)
CHANGE = update(THINGS).where(THINGS.c.name == bindparam("of_name")).values(count=THINGS.c.count + bindparam("more"))


@given(rows=ROWS, changes=st.lists(VALUES, min_size=6, max_size=6))
@example(rows=[{"name": "a\0b", **NUL}], changes=[NUL] * 6)
def test_all_at_once_writes_what_row_by_row_does(engine, rows, changes):
    """Texts of any characters, numbers, truths and nothing at all, in their order; inserted and changed."""
    moves = [
        {"of_name": row["name"], "more": change["count"], "state": change["state"], "told": change["told"]}
        for row, change in zip(rows, changes, strict=False)
    ]
    with engine.connect() as connection:
        Many(ADD, "name", "state", "count", "told").run(connection, rows)
        Many(CHANGE, "state", "told", of=("of_name",)).run(connection, moves)
        found = held(connection)
        connection.rollback()
        connection.execute(ADD, rows)
        connection.execute(CHANGE, moves)
        assert found == held(connection)
    assert [row[0] for row in found] == [row["name"] for row in rows]


@pytest.mark.parametrize(("condition", "wins"), [(THINGS.c.state.is_(None), "0"), (THINGS.c.name != "b", "39")])
def test_two_changes_of_one_row_are_made_one_after_the_other(engine, condition, wins):
    """The first has the last word where there is room for one only, the last one where there always is."""
    changing = Many(update(THINGS).where(THINGS.c.name == bindparam("of_name"), condition), "state", of=("of_name",))
    with engine.connect() as connection:
        connection.execute(insert(THINGS), [{"name": "a"}, {"name": "b"}])
        changing.run(connection, [{"of_name": "a", "state": str(number)} for number in range(40)])
        assert connection.execute(select(THINGS.c.state).order_by(THINGS.c.name)).scalars().all() == [wins, None]


def test_what_is_there_already_stays(engine):
    """An insert that leaves out what is there: the clause behind its values is kept."""
    adding = Many(sqlite_insert(THINGS).on_conflict_do_nothing(), "name", "state")
    with engine.connect() as connection:
        adding.run(connection, [{"name": "a", "state": "first"}])
        adding.run(connection, [{"name": "a", "state": "second"}, {"name": "b", "state": "third"}])
        assert [row[:2] for row in held(connection)] == [("a", "first"), ("b", "third")]


def test_half_a_character_is_refused_and_not_stored(engine):
    """Half of a surrogate pair is no text: a row that has one could never be read again."""
    adding = Many(insert(THINGS), "name", "state")
    with engine.connect() as connection:
        with pytest.raises(UnicodeEncodeError):
            adding.run(connection, [{"name": "a", "state": "\ud800"}])
        assert held(connection) == []


def test_a_statement_that_is_none_of_these_is_refused(engine):
    """An update that does not say what names its row, and an insert with a value of its own."""
    wrong = [
        Many(update(THINGS).where(THINGS.c.name == bindparam("of_name")), "state"),
        Many(insert(THINGS).values(count=select(THINGS.c.count).limit(1).scalar_subquery()), "name", "state"),
    ]
    with engine.connect() as connection:
        for many in wrong:
            with pytest.raises(TypeError):
                many.run(connection, [{"of_name": "a", "name": "a", "state": "b"}])


def test_the_database_can_do_it():
    """SQLite reads JSON and updates from a query since 3.33 (2020)."""
    assert sqlite3.sqlite_version_info >= (3, 33)
