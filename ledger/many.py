"""Statements for many rows, compiled once: for a short one the compiler takes longer than the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.compiler import SQLCompiler


class Many:
    """An insert, or an update of single rows, that is run for some rows at a time."""

    def __init__(self, statement: Any, *columns: str) -> None:
        """Keep a statement.

        Args:
            statement: without a list of values of unknown length in it.
            columns: that each row gives, beside the statement's own parameters.
        """
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, tuple[str, list[str], dict[str, Any]]] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement for each row; none at all does nothing."""
        if not rows:
            return
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect, column_keys=list(self._columns) or None)
            self._compiled[dialect.name] = _parts(compiled)
        text, names, fixed = self._compiled[dialect.name]
        connection.exec_driver_sql(text, [tuple(_value(row, name, fixed) for name in names) for row in rows])


def _parts(compiled: SQLCompiler) -> tuple[str, list[str], dict[str, Any]]:
    if compiled.positiontup is None:
        raise TypeError("the dialect does not number its parameters")
    return compiled.string, list(compiled.positiontup), dict(compiled.params)


def _value(row: Mapping[str, Any], name: str, fixed: Mapping[str, Any]) -> Any:
    return row[name] if name in row else fixed[name]
