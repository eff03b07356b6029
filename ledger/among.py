"""Conditions over hundreds of names at once: one parameter, whatever their number, and so one statement.

A list of parameters is another statement for each length: writing it out and binding each name takes longer than the
database does. A JSON text is one parameter, and both databases read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Text, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Names(TypeDecorator[Any]):
    """A list of texts as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Return the list's text."""
        del dialect
        return json.dumps(value, ensure_ascii=False)


class _Each(FunctionElement[str]):
    """The query for the texts of a JSON list."""

    inherit_cache = True


@compiles(_Each, "sqlite")
def _on_sqlite(element: _Each, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT value FROM json_each({_names(element, compiler, options)}))"  # noqa: S608 - a bound parameter


@compiles(_Each, "postgresql")
def _on_postgresql(element: _Each, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT json_array_elements_text(CAST({_names(element, compiler, options)} AS json)))"


def _names(element: _Each, compiler: SQLCompiler, options: dict[str, Any]) -> str:
    return str(compiler.process(element.clauses, **options))


def in_named(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Tell whether a text is one of those that a parameter names, a list.

    Args:
        column: the text.
        name: of the parameter.
    """
    return _is_one_of(column, bindparam(name, type_=_Names()))


def in_list(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Tell whether a text is one of some texts that are known by now."""
    return _is_one_of(column, bindparam(None, list(values), type_=_Names()))


def _is_one_of(column: ColumnElement[Any], names: Any) -> ColumnElement[bool]:
    return column.bool_op("IN")(_Each(names))
