"""Statements for many rows, compiled once: for a short one the compiler takes longer than the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.compiler import SQLCompiler

Compiled = tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]], dict[str, Any]]
"""A statement's text, what puts a row's values in its order, and the values that the statement itself has."""


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
        self._compiled: dict[str, Compiled] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement for each row; none at all does nothing."""
        if not rows:
            return
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect, column_keys=list(self._columns) or None)
            self._compiled[dialect.name] = _parts(compiled)
        text, of_row, fixed = self._compiled[dialect.name]
        connection.exec_driver_sql(text, [of_row({**fixed, **row}) for row in rows])


def _parts(compiled: SQLCompiler) -> Compiled:
    if compiled.positiontup is None or len(compiled.positiontup) < 2:  # noqa: PLR2004 - of one name comes no tuple
        raise TypeError("the dialect does not number its parameters, or there is one only")
    return compiled.string, itemgetter(*compiled.positiontup), dict(compiled.params)
