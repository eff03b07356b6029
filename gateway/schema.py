"""The gateway's tables in a database: made where they are missing, brought up where an earlier release made them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text

from gateway.database import family_codes, metadata

LETTER: Final = "letter"


def prepare(connection: Connection) -> None:
    """Make or bring up all tables, in the caller's transaction; letters that are out keep their codes.

    Release 0.2 had one code a party and no papers. The table is made anew, since SQLite cannot change a primary key.
    """
    seen = inspect(connection)
    first = seen.has_table("family_codes") and "form" not in {
        column["name"] for column in seen.get_columns("family_codes")
    }
    if first:
        connection.execute(text("CREATE TABLE family_codes_of_schema_1 AS SELECT * FROM family_codes"))
        connection.execute(text("DROP TABLE family_codes"))
    metadata.create_all(connection)
    if first:
        names = ", ".join(column.name for column in family_codes.columns if column.name != "form")
        connection.execute(
            text(
                f"INSERT INTO family_codes ({names}, form) SELECT {names}, :form FROM family_codes_of_schema_1"  # noqa: S608 - names of our own columns
            ),
            {"form": LETTER},
        )
        connection.execute(text("DROP TABLE family_codes_of_schema_1"))
