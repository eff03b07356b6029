"""The registry's tables in a database: made where they are missing, brought up where an earlier release made them.

The number of the schema stands in `registry_settings`; a database without it and with pupils has schema 1.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, insert, inspect, select, text, update

from registry.problems import InputRejected
from registry.summaries import summaries
from registry.tables import caregivers, guardians, metadata, settings, staff

SCHEMA: Final = 4
"""1: one guardian a pupil. 2: guardians by position; e-mail addresses and languages. 3: caregivers. 4: WeCom accounts,
and a guardian's own order of channels."""

CONTACTS: Final = ((staff, "wecom"), (guardians, "wecom"), (guardians, "channels"), (caregivers, "wecom"))
"""Columns of schema 4."""


SCHEMA_LOCK: Final = 0x726567697374
"""PostgreSQL's advisory lock while the tables are made or brought up ("regist" in ASCII)."""


def prepare(connection: Connection) -> None:
    """Make or bring up all tables, in the caller's transaction.

    Raises:
        InputRejected: `REGISTRY_NEWER`, a later release has made this database.
    """
    if connection.dialect.name == "postgresql":  # SQLite's writers come one after the other anyway
        connection.execute(select(func.pg_advisory_xact_lock(SCHEMA_LOCK)))
    old = inspect(connection).has_table("pupils")
    metadata.create_all(connection)
    summaries.create(connection, checkfirst=True)  # only added, so that it needs no new number
    held = connection.execute(select(settings.c.value).where(settings.c.name == "schema")).scalar_one_or_none()
    if held is None:
        connection.execute(insert(settings).values(name="schema", value="1" if old else str(SCHEMA)))
    number = int(held) if held is not None else 1 if old else SCHEMA
    if number > SCHEMA:
        raise InputRejected(
            "REGISTRY_NEWER",
            message_zh="人员库由更新的版本建立。",
            message_en="A later release has made this registry.",
            remedy_zh="请使用该版本或更新的版本。",
            remedy_en="Use that release or a later one.",
        )
    if number == 1:
        _second(connection)
    if number < SCHEMA:  # the caregivers' table of schema 3 may have been missing: `create_all` has made it
        _fourth(connection)
        connection.execute(update(settings).where(settings.c.name == "schema").values(value=str(SCHEMA)))


def _second(connection: Connection) -> None:
    """Add the columns of schema 2; the guardians' table is made anew, since SQLite cannot drop a constraint."""
    connection.execute(text("ALTER TABLE pupils ADD COLUMN email TEXT DEFAULT '' NOT NULL"))
    connection.execute(text("ALTER TABLE pupils ADD COLUMN language VARCHAR(8) DEFAULT '' NOT NULL"))
    connection.execute(text("CREATE TABLE guardians_of_schema_1 AS SELECT * FROM guardians"))
    connection.execute(text("DROP TABLE guardians"))
    guardians.create(connection)
    connection.execute(
        text(
            "INSERT INTO guardians (guardian_ref, student_ref, name, phone)"
            " SELECT guardian_ref, student_ref, name, phone FROM guardians_of_schema_1"
        )
    )
    connection.execute(text("DROP TABLE guardians_of_schema_1"))


def _fourth(connection: Connection) -> None:
    """Add the columns of schema 4 to the tables that an earlier release made; those made just now have them."""
    for table, name in CONTACTS:
        if name not in {column["name"] for column in inspect(connection).get_columns(table.name)}:
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {name} TEXT DEFAULT '' NOT NULL"))
