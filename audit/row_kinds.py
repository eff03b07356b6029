"""Rows whose values are none of their columns' kinds: named, and left out of what is compared.

SQLite keeps a text in a column of numbers, and a schema that somebody changed keeps NULL where none may be. No program
of ours writes such a row, so that one is a finding by itself; nothing can be computed from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    String,
    Table,
    case,
    cast,
    func,
    type_coerce,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import NullType, TypeEngine

from audit.report import Findings, LedgerKind, ReplayKind, shown

KINDS: Final[dict[str, LedgerKind | ReplayKind]] = {
    "events": "ledger",
    "boards": "board",
    "outbox": "outbox",
    "holds": "holds",
    "switches": "sending",
    "opt_outs": "sending",
    "conflicts": "conflict",
    "archive": "archive",
}
"""By table, which comparison a row of it belongs to."""

CLASSES: Final[tuple[tuple[type[TypeEngine[Any]], type], ...]] = (
    (Boolean, bool),
    (Integer, int),
    (LargeBinary, bytes),
    (String, str),
)
"""By family of columns, the class of a value."""

FORM: Final[dict[str, tuple[type, ...]]] = {
    "stream": (str,),
    "version": (int,),
    "type": (str,),
    "occurred_at": (str,),
    "recorded_at": (str,),
    "causation": (str, NoneType),
    "data": (dict,),
    "prev_hash": (str,),
    "hash": (str,),
}
"""The fields of an event that the audit itself reads, and the classes that they have."""

OWN_NAME: Final = {"outbox": "notice_id", "archive": "run_id"}
"""By table, the column that tells its rows apart within a stream."""


@dataclass(frozen=True)
class Unreadable:
    """A row that says nothing, because a value in it is none of its column's kind.

    Attributes:
        table: where it lies.
        stream: which stream it speaks of; the campaign's where it does not say.
        version: of the event, as far as the row or its text says it.
        name: what tells the row apart within its stream, "" where nothing does.
        column: the first that cannot be read.
        value: what stands there; never shown, only its digest.
    """

    table: str
    stream: str
    version: int | None
    name: str
    column: str
    value: Any


def unreadable(table: Table, row: dict[str, Any], campaign: str) -> Unreadable | None:
    """Return what is wrong with a row, None where every value is of its column's kind."""
    kinds = _kinds(table)
    column = next((name for name, value in row.items() if type(value) not in kinds[name]), None)
    if column is None:
        return None
    stream = next((row[name] for name in ("stream", "workflow_id") if isinstance(row.get(name), str)), campaign)
    name = row.get(OWN_NAME.get(table.name, ""))
    version = _version(row) if table.name == "events" else None
    return Unreadable(table.name, stream, version, name if isinstance(name, str) else "", column, row[column])


def name_unreadable(rows: list[Unreadable], findings: Findings) -> None:
    """Name the rows that cannot be read."""
    for row in rows:
        run, prefix = (row.name or None, "") if row.table == "archive" else (None, f"{row.name}." if row.name else "")
        found = None if row.value is None else shown(str(row.value))
        findings.add(KINDS[row.table], row.stream, f"{prefix}{row.column}", version=row.version, run=run, found=found)


def is_no_text(error: OperationalError) -> bool:
    """Tell whether SQLite's driver met a text that is none: the row can be read as bytes, and has to be named."""
    return "decode to UTF-8" in str(error.orig)


def raw(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column of SQLite with its texts as bytes, which its driver always reads."""
    text = case((func.typeof(column) == "text", cast(column, LargeBinary)), else_=column)
    return type_coerce(text, NullType()).label(column.name)


def wrong_field(envelope: Mapping[str, Any]) -> str | None:
    """Return the first field of an event's text that is missing or of no such class, None where all are right."""
    return next((name for name, kinds in FORM.items() if type(envelope.get(name, ...)) not in kinds), None)


def decoded(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of `raw` columns as it would have been read; bytes that are no text stay bytes."""
    return {name: _decoded(table.c[name], value) for name, value in row.items()}


def _decoded(column: Column[Any], value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return bool(value) if isinstance(column.type, Boolean) and value is not None else value


@cache
def _kinds(table: Table) -> dict[str, tuple[type, ...]]:
    """Return by column which classes its values may have."""
    found: dict[str, tuple[type, ...]] = {}
    for column in table.c:
        kind = next(kind for family, kind in CLASSES if isinstance(column.type, family))
        found[column.name] = (kind, NoneType) if column.nullable else (kind,)
    return found


def _version(row: dict[str, Any]) -> int | None:
    """Return an event's version, by its column or else by its text."""
    said = row["version"]
    if type(said) is not int:
        try:
            said = json.loads(row["body"])["version"]
        except (TypeError, ValueError, KeyError, RecursionError):
            return None
    return said if type(said) is int else None
