"""Statements for many rows, compiled once: for a short one the compiler takes longer than the database."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.sql.compiler import SQLCompiler

_PLACE: Final = re.compile(r"\?")
_VALUES: Final = re.compile(r" VALUES \(((?:\?, )*\?)\)")
_WHERE: Final = " WHERE "
_GIVEN: Final = "json_each(?) AS given WHERE "
_NUL: Final = "\\u0000"
"""As JSON writes the character at which SQLite's functions end a text."""

_JSON: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode


class _Compiled(NamedTuple):
    """A statement of one dialect.

    Attributes:
        text: for one row.
        at_once: for all rows, given as one JSON array; None where the driver takes them itself.
        of_row: puts a row's values in the statement's order.
        fixed: the values that the statement itself has.
    """

    text: str
    at_once: str | None
    of_row: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    fixed: dict[str, Any]


class Many:
    """An insert, or an update of single rows, that is run for some rows at a time."""

    def __init__(self, statement: Any, *columns: str, of: tuple[str, ...] = ()) -> None:
        """Keep a statement.

        Args:
            statement: without a list of values of unknown length in it.
            columns: that each row gives, beside the statement's own parameters.
            of: of an update, the parameters that name the row; rows that name the same one are run one after the other.
        """
        self._statement = statement
        self._columns = columns
        self._of = of
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement for each row; none at all does nothing."""
        if not rows:
            return
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect, column_keys=list(self._columns) or None)
            self._compiled[dialect.name] = _parts(compiled, self._of)
        statement = self._compiled[dialect.name]
        values = [statement.of_row({**statement.fixed, **row}) for row in rows]
        if statement.at_once is not None and not self._repeats(rows) and _NUL not in (text := _JSON(values)):
            connection.exec_driver_sql(statement.at_once, (text,))
        else:
            connection.exec_driver_sql(statement.text, values)

    def _repeats(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether rows name one of the table's twice: only one after the other has one of them the last word."""
        return bool(self._of) and len({tuple(row[name] for name in self._of) for row in rows}) < len(rows)


def _parts(compiled: SQLCompiler, of: tuple[str, ...]) -> _Compiled:
    if compiled.positiontup is None or len(compiled.positiontup) < 2:  # noqa: PLR2004 - of one name comes no tuple
        raise TypeError("the dialect does not number its parameters, or there is one only")
    at_once: str | None = None
    if compiled.dialect.name == "sqlite":
        at_once = _from_json(compiled.string, of, inserts=compiled.isinsert)
    return _Compiled(compiled.string, at_once, itemgetter(*compiled.positiontup), dict(compiled.params))


def _from_json(text: str, of: tuple[str, ...], *, inserts: bool) -> str:
    """Return a statement for one row as one for the rows of a JSON array, which SQLite reads by itself.

    Row by row the driver lets go of the interpreter's lock and asks for it again: among threads that work, that costs
    more than the writing.
    """
    names = (f"json_extract(given.value, '$[{number}]')" for number in count())
    if inserts:
        values, before, after = _VALUES.findall(text), *_VALUES.sub("\n", text).split("\n", 1)
        if len(values) != 1 or _PLACE.search(before + after):
            raise TypeError("not an insert of parameters alone")
        listed = _PLACE.sub(lambda _: next(names), values[0])
        return f"{before} SELECT {listed} FROM {_GIVEN}true{after}"  # noqa: S608 - our own words, no value in them
    if text.count(_WHERE) != 1 or not of:
        raise TypeError("not an update of single rows that says what names one")
    changes, condition = (_PLACE.sub(lambda _: next(names), part) for part in text.split(_WHERE))
    return f"{changes} FROM {_GIVEN}{condition}"
