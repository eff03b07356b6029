"""The further figures of a settlement file: dropout, averages, applications, waves, deliveries (R-03, R-05, R-12).

Counts and sums only, typed in: a mark of a pupil stands in no file of ours, and nothing of this is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from domain.dropout_rates import DropoutCount
from domain.measures import ApplicationCount, DeliveryCount, MarkSums, WaveCount

KINDS: Final[dict[str, type[BaseModel]]] = {
    "dropout": DropoutCount,
    "averages": MarkSums,
    "applications": ApplicationCount,
    "waves": WaveCount,
    "deliveries": DeliveryCount,
}
"""Key of the file → what each of its rows is."""

_WRITTEN: Final[dict[str, str]] = {"class": "class_id"}
_SHOWN: Final = {field: key for key, field in _WRITTEN.items()}
_IDENTITY: Final = ("school", "class_id", "wave")
_MOST_ROWS: Final = 20_000
_LARGEST: Final = 10**9
_LONGEST_NAME: Final = 100

Problem = Callable[[str, str], Exception]
"""Makes the error of a place: (place below the file, what is wrong: missing, unknown, wrong or twice)."""


def read_extras(content: dict[str, Any], problem: Problem) -> dict[str, list[Any]]:
    """Read the further figures of a file that has them.

    Args:
        content: the file's object.
        problem: makes the error of a place.

    Returns:
        Key → rows, in the order given; keys that the file has not are left out.
    """
    found: dict[str, list[Any]] = {}
    for key, kind in KINDS.items():
        if key not in content:
            continue
        rows = content[key]
        if not isinstance(rows, list) or len(rows) > _MOST_ROWS:
            raise problem(key, "wrong")
        found[key] = [_row(f"{key}[{number}]", row, kind, problem) for number, row in enumerate(rows)]
        _once(key, found[key], problem)
    return found


def _row(place: str, given: Any, kind: type[BaseModel], problem: Problem) -> BaseModel:
    if not isinstance(given, dict):
        raise problem(place, "wrong")
    row: dict[str, Any] = given
    for key in row:
        if _WRITTEN.get(key, key) not in kind.model_fields or key in _SHOWN:
            raise problem(f"{place}.{key}" if key.isascii() and key.isidentifier() else place, "unknown")
    named: dict[str, Any] = {_WRITTEN.get(key, key): value for key, value in row.items()}
    for field, value in named.items():
        if not _sound(value):
            raise problem(f"{place}.{_SHOWN.get(field, field)}", "wrong")
    try:
        return kind.model_validate(named)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        where = f"{place}.{_SHOWN.get(field, field)}" if field else place
        raise problem(where, "missing" if first["type"] == "missing" else "wrong") from None


def _sound(value: Any) -> bool:
    if isinstance(value, str):
        return 1 <= len(value.strip()) <= _LONGEST_NAME and value.isprintable()
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST)


def _once(key: str, rows: Iterable[BaseModel], problem: Problem) -> None:
    seen: dict[tuple[Any, ...], None] = {}
    for number, row in enumerate(rows):
        identity = tuple(getattr(row, name) for name in _IDENTITY if name in type(row).model_fields)
        if identity in seen:
            raise problem(f"{key}[{number}]", "twice")
        seen[identity] = None
