"""From the rows of an outcome file to commands: which rows go together, under which command id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cli.outcome_files import Row
from cli.outcome_kinds import KINDS, Kind, Taken

MOST: Final = 500
"""Rows that a command takes."""


@dataclass(frozen=True)
class Batch:
    """One command to be: its tag, the end of its id, its fields, and the file's rows that it holds."""

    kind: str
    suffix: str
    fields: dict[str, Any]
    rows: tuple[Row, ...]
    listed: str | None = None
    """The field that lists the rows one by one, so that a refusal names them and some can be left out."""

    def without(self, positions: Iterable[int]) -> Batch | None:
        """Return the batch without the rows at these positions, None where nothing is left."""
        out = set(positions)
        kept = [position for position in range(len(self.rows)) if position not in out]
        if not kept or self.listed is None:
            return None
        fields = {**self.fields, self.listed: [self.fields[self.listed][position] for position in kept]}
        return replace(self, fields=fields, rows=tuple(self.rows[position] for position in kept))


def batches(kind: str, rows: Sequence[Row], *, invite: bool) -> list[Batch]:
    """Return the commands that a file of one kind leads to, in their order."""
    form = KINDS[kind]
    if form.taken is not None:
        found = _taken(form, form.taken, rows)
    elif kind == "sessions":
        found = _sessions(rows, invite=invite)
    else:
        found = _decisions(rows)
    return [replace(found[0], suffix="")] if len(found) == 1 else found


def _taken(form: Kind, taken: Taken, rows: Sequence[Row]) -> list[Batch]:
    """Put the rows of one meeting or trip together, at most so many as a command takes."""
    if taken.group is None:
        return [_rows(form, taken, f"part-{number}", part) for number, part in _parts(rows)]
    column, field = taken.group
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.fields[column], []).append(row)
    return [
        _rows(form, taken, label if number == 1 else f"{label}/{number}", part, **{field: label})
        for label, own in groups.items()
        for number, part in _parts(own)
    ]


def _rows(form: Kind, taken: Taken, suffix: str, rows: Sequence[Row], **fields: str) -> Batch:
    names = ["student", *(name for name in form.names if taken.group is None or name != taken.group[0])]
    given = [
        {taken.renamed.get(name, name): row.fields[name] for name in names if _is_given(taken, row, name)}
        for row in rows
    ]
    return Batch(taken.command, suffix, {**fields, "rows": given}, tuple(rows), listed="rows")


def _is_given(taken: Taken, row: Row, name: str) -> bool:
    """Tell whether a column goes into the command: one that a later release has added only where it says something."""
    return name not in taken.later or row.fields.get(name) is not None


def _sessions(rows: Sequence[Row], *, invite: bool) -> list[Batch]:
    found: list[Batch] = []
    seen: dict[str, None] = {}
    for row in rows:
        session = row.fields["meeting"]
        suffix = f"{session}/row-{row.number}" if session in seen else session  # the rules refuse it, under its own id
        seen[session] = None
        fields = {"session": session, "classes": row.fields["classes"], "at": row.fields["at"]}
        found.append(Batch("schedule_session", suffix, fields, (row,)))
        if invite:
            found.append(Batch("invite", f"{suffix}/invite", {"session": session}, (row,)))
    return found


def _decisions(rows: Sequence[Row]) -> list[Batch]:
    """Put those with the same decision, help and reason together; an objection is each for itself."""
    together: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        fields = row.fields
        alone = row.number if fields["decision"] in ("contest", "resolve") else 0
        help_ = None if fields["help"] is None else tuple(fields["help"])
        together.setdefault((fields["decision"], help_, fields["reason"], alone), []).append(row)
    found: list[Batch] = []
    for (decision, help_, reason, _), own in together.items():
        for _, part in _parts(own):
            students = [row.fields["student"] for row in part]
            common = {} if reason is None else {"reason": reason}
            match decision:
                case "confirm":
                    fields = {"students": students} | ({} if help_ is None else {"help": list(help_)})
                    kind = "confirm"
                case "exclude":
                    fields, kind = {"students": students}, "exclude"
                case "contest":
                    fields = {"student": students[0], "raised_by": part[0].fields["raised_by"]}
                    kind = "contest"
                case _:
                    fields, kind = {"student": students[0], "help": list(help_ or ())}, "resolve_contest"
            listed = "students" if "students" in fields else None
            found.append(Batch(kind, f"{kind}-{len(found) + 1}", {**fields, **common}, tuple(part), listed))
    return found


def _parts(rows: Sequence[Row]) -> list[tuple[int, Sequence[Row]]]:
    return [(start // MOST + 1, rows[start : start + MOST]) for start in range(0, len(rows), MOST)]
